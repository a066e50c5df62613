"""A SavedModel as TensorFlow loads it: one signature's frozen graph, its tables, and the call that answers for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ranklet.errors import ImportRefused
from ranklet.importers.tensorflow.values import Table
from ranklet.importers.tfgraphs import prepare, silence

DEFAULT = "serving_default"
CLASSIFY = "tensorflow/serving/classify"
Shape = tuple[int | None, ...] | None


@dataclass(frozen=True)
class End:
    """An input or output of a signature. node: of the frozen graph, `name:port` of an output. shape: with the batch."""

    node: str
    dtype: str
    shape: Shape

    @property
    def tensor(self) -> str:
        """TensorFlow's name for it."""
        return self.node if ":" in self.node else f"{self.node}:0"


@dataclass(frozen=True)
class Loaded:
    """graph: a frozen GraphDef. tables: by the node of their handle. call: arrays by input → arrays by output.

    classifies: by the signature's word, which gives the chances of classes.
    """

    signature: str
    signatures: tuple[str, ...]
    graph: Any
    inputs: Mapping[str, End]
    outputs: Mapping[str, End]
    tables: Mapping[str, Table]
    call: Callable[[Mapping[str, Any]], Mapping[str, Any]]
    classifies: bool = False


def library() -> Any:
    """TensorFlow, silent. Raises ImportRefused with the line to install it."""
    prepare()
    try:
        with silence():
            import tensorflow  # an extra, and seconds to import
            import tf2onnx  # noqa: F401, asked for here and used later
    except ImportError as error:
        raise ImportRefused(
            f"a SavedModel needs TensorFlow and tf2onnx ({error}): pip install 'ranklet[tensorflow]'"
        ) from error
    return tensorflow


def load(tf: Any, path: Path, meta: Any, wanted: str | None) -> Loaded:
    """meta: the MetaGraphDef, checked. wanted: the signature; serving_default or the only one where None.

    Raises ImportRefused for a signature that is not there, or a model that TensorFlow does not load.
    """
    names = tuple(name for name in meta.signature_def if not name.startswith("__"))
    name = _choose(names, wanted)
    with silence():
        try:
            if meta.object_graph_def.nodes:
                return _second(tf, path, name, names)
            return _first(tf, path, meta.signature_def[name], name, names)
        except ImportRefused:
            raise
        except Exception as error:
            # TensorFlow raises whatever a damaged model makes its kernels raise
            told = str(error).replace(str(path), path.name)[:400]
            raise ImportRefused(f"{path.name}: TensorFlow does not load it: {told}") from error


def _choose(names: Sequence[str], wanted: str | None) -> str:
    if wanted is None and DEFAULT not in names and len(names) == 1:
        return names[0]
    name = wanted or DEFAULT
    if name not in names:
        raise ImportRefused(f"there is no signature {name!r}; there are {sorted(names)}: -o signature=NAME takes one")
    return name


def _first(tf: Any, path: Path, signature: Any, name: str, names: tuple[str, ...]) -> Loaded:
    """TF 1: a graph and a session."""
    v1 = tf.compat.v1
    graph = tf.Graph()
    with graph.as_default():
        session = v1.Session(graph=graph)
        v1.saved_model.loader.load(session, ["serve"], str(path))
        inputs = {key: _end(tf, one) for key, one in signature.inputs.items()}
        outputs = {key: _end(tf, one) for key, one in signature.outputs.items()}
        ends = [one.node.split(":")[0] for one in (*inputs.values(), *outputs.values())]
        frozen = v1.graph_util.convert_variables_to_constants(session, graph.as_graph_def(), ends)
        tables = {}
        for node in frozen.node:
            if node.op in ("HashTableV2", "MutableHashTableV2"):
                handle = graph.get_tensor_by_name(f"{node.name}:0")
                types = node.attr["key_dtype"].type, node.attr["value_dtype"].type
                both = tf.raw_ops.LookupTableExportV2(table_handle=handle, Tkeys=types[0], Tvalues=types[1])
                tables[node.name] = _table(node.name, *session.run(tuple(both)))

    def call(given: Mapping[str, Any]) -> Mapping[str, Any]:
        feeds = {inputs[key].tensor: value for key, value in given.items()}
        found: Mapping[str, Any] = session.run({key: one.tensor for key, one in outputs.items()}, feeds)
        return found

    classifies = signature.method_name == CLASSIFY
    return Loaded(name, names, frozen, inputs, outputs, tables, call, classifies)


def _end(tf: Any, info: Any) -> End:
    if info.WhichOneof("encoding") != "name":
        raise ImportRefused("the signature has a sparse or composite tensor; export dense ones or a tf.Example")
    shape = None if info.tensor_shape.unknown_rank else tuple(_size(dim.size) for dim in info.tensor_shape.dim)
    node = info.name if not info.name.endswith(":0") else info.name[:-2]
    return End(node, tf.as_dtype(info.dtype).name, shape)


def _size(size: int) -> int | None:
    return None if size < 0 else size


def _second(tf: Any, path: Path, name: str, names: tuple[str, ...]) -> Loaded:
    """TF 2: an object with functions."""
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2 as freeze

    model = tf.saved_model.load(str(path))
    function = model.signatures[name]
    frozen = freeze(function, lower_control_flow=False, aggressive_inlining=True)
    keywords = list(function._arg_keywords)
    inputs = {key: _of(tensor) for key, tensor in zip(keywords, function.inputs, strict=False)}
    outputs = {
        key: _of(tensor) for key, tensor in zip(sorted(function.structured_outputs), frozen.outputs, strict=True)
    }
    graph = frozen.graph.as_graph_def()
    kinds = _key_types(graph)
    tables = {}
    for outside, inside in function.graph.captures:
        node = inside.op.name
        if outside.dtype == tf.resource and node in kinds:
            keys, values = kinds[node]
            both = tf.raw_ops.LookupTableExportV2(table_handle=outside, Tkeys=keys, Tvalues=values)
            tables[node] = _table(node, *(one.numpy() for one in both))

    def call(given: Mapping[str, Any]) -> Mapping[str, Any]:
        tensors = {key: tf.constant(value, inputs[key].dtype) for key, value in given.items()}
        return {key: value.numpy() for key, value in function(**tensors).items()}

    # the model lives as long as its function may be called: tables and variables are its own
    call.model = model  # type: ignore[attr-defined]
    return Loaded(name, names, graph, inputs, outputs, tables, call)


def _of(tensor: Any) -> End:
    node = tensor.name[:-2] if tensor.name.endswith(":0") else tensor.name
    shape = None if tensor.shape.rank is None else tuple(tensor.shape.as_list())
    return End(node, tensor.dtype.name, shape)


def _key_types(graph: Any) -> dict[str, tuple[int, int]]:
    """Handle's node → types of keys and values, as a lookup reads it."""
    passed = {node.name: node.input[0].split(":")[0] for node in graph.node if node.op == "Identity" and node.input}
    found = {}
    for node in graph.node:
        if node.op == "LookupTableFindV2":
            handle = node.input[0].split(":")[0]
            while handle in passed:
                handle = passed[handle]
            found[handle] = (node.attr["Tin"].type, node.attr["Tout"].type)
    return found


def _table(name: str, keys: Any, values: Any) -> Table:
    """In the order of the values."""
    if not len(keys):
        raise ImportRefused(f"lookup table {name!r} is empty; initialise it before the export")
    if keys.ndim != 1 or values.ndim != 1 or values.dtype == object:
        raise ImportRefused(f"lookup table {name!r} does not give one number for a key")
    order = np.argsort(values, kind="stable")
    names = [key.decode() if isinstance(key, bytes) else key.item() for key in keys[order]]
    return Table(tuple(names), tuple(values[order].tolist()), name)
