"""A folder for a SavedModel: features of its text work, the graph of the rest, TensorFlow as the oracle."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ranklet.errors import ImportRefused
from ranklet.importers import additive, proving, tensors, tfgraphs
from ranklet.importers.base import Exported, TensorSpec
from ranklet.importers.proposal import Proposal, Wishes
from ranklet.importers.tensorflow import (
    archive,
    conversion,
    counting,
    crossing,
    drawing,
    entries,
    loading,
    parsing,
    sparse,
    texts,
)
from ranklet.importers.tensorflow.features import Features, fill
from ranklet.importers.tensorflow.loading import Loaded
from ranklet.importers.tensorflow.oracle import TensorFlow
from ranklet.importers.tensorflow.values import Raw, Value
from ranklet.importers.tensorflow.walk import Walk, under_assertions
from ranklet.model import StepSource

HANDLERS = {
    name: handler
    for part in (texts, crossing, counting, entries, sparse, parsing)
    for name, handler in part.HANDLERS.items()
}
FIRST = frozenset({"StringToHashBucketFast", "StringToHashBucketStrong", "LookupTableFindV2"})
DTYPES = ("float32", "int32", "int64", "string")
ARTEFACT = "export/model.onnx"
RELATIVE = 1e-5
"""Sums of 32-bit floats in another order."""


def propose(path: Path, wishes: Wishes) -> Proposal:
    """options.signature: of several, the one that scores. options.output: of its outputs, the one that ranks.

    options.column: of an output of several numbers, the one that ranks.

    Raises ImportRefused naming the node that is not served, or the row that the converted model scores otherwise.
    """
    tf = loading.library()
    meta = archive.read(path)
    loaded = loading.load(tf, path, meta, wishes.options.get("signature"))
    score, column = _score(loaded, wishes.options)
    try:
        with tfgraphs.silence():
            proposal = _proposal(tf, loaded, score, column)
    except (ImportRefused, ValueError, TypeError, LookupError, RuntimeError, tf.errors.OpError) as error:
        # TensorFlow raises these for graphs that do not hold together
        raise ImportRefused(f"{path.name}, signature {loaded.signature!r}: {str(error)[:1000]}") from error
    proving.hold(proposal, relative=RELATIVE)
    return additive.weights(proposal)


def _proposal(tf: Any, loaded: Loaded, score: str, column: int | None) -> Proposal:
    graph = tf.Graph()
    with graph.as_default():
        tf.graph_util.import_graph_def(tf.compat.v1.GraphDef(library=loaded.graph.library), name="")  # loops' bodies
        features = Features(tf)
        nodes = {node.name: node for node in loaded.graph.node}
        shapes, given, asserted = _shapes(tf, loaded.graph), _given(loaded, features), under_assertions(nodes)
        walk = Walk(tf, graph, features, HANDLERS, shapes, given, loaded.tables, asserted)
        output = tf.identity(walk.run(nodes, FIRST, loaded.outputs[score].node), name="score")
        if output.dtype not in (tf.float32, tf.float64):
            raise ImportRefused(f"output {score!r} is {output.dtype.name}; a score is float")
        output = tf.reshape(output if column is None else output[:, column], [-1], name="scores")
    part, fed = conversion.reached(tf, graph, output, features.fed)
    content = conversion.to_onnx(part, {name: one.name for name, one in fed.items()}, (score, output.name))
    exported = tfgraphs.checked(content)
    lines = _needed(features, list(fed))
    raws = _raws(features, lines, loaded)
    parsed = features.parsed
    example = next((name for name, end in loaded.inputs.items() if end.dtype == "string" and name not in raws), None)
    inputs = {
        name: drawing.proposed(
            raw,
            features.worth.get(name, ()),
            parsed[name].default if name in parsed else None,
            paired=name in features.paired,
        )
        for name, raw in raws.items()
    }
    files = {line["vocabulary"]: features.files[line["vocabulary"]] for line in lines.values() if _filed(line)}
    return Proposal(
        inputs=inputs,
        features=lines,
        steps=(StepSource(format="onnx", source=ARTEFACT),),
        score=score,
        files={ARTEFACT: exported.content or content, **files},
        oracle=TensorFlow(tf, loaded, score, raws, parsed, example if parsed else None, column),
        notes=tuple(dict.fromkeys(_notes(exported, loaded, score, column, features, lines, inputs))),
    )


def _given(loaded: Loaded, features: Features) -> dict[str, Value]:
    """What the signature's placeholders hold."""
    found: dict[str, Value] = {}
    for name, end in loaded.inputs.items():
        if end.shape is None:
            raise ImportRefused(f"input {name!r} has no known rank; export it with [None] or [None, n]")
        if end.shape and end.shape[0] not in (None,):
            raise ImportRefused(f"input {name!r} has a batch of {end.shape[0]}; export it with an open one")
        shape = tuple(end.shape[1:])
        if end.dtype not in DTYPES:
            raise ImportRefused(f"input {name!r} is {end.dtype}; let the signature take one of {', '.join(DTYPES)}")
        if None not in shape:
            found[end.node] = Raw(name, end.dtype, shape)
        elif len(shape) == 1 and end.dtype in ("int32", "int64"):
            found[end.node] = features.padded(Raw(name, end.dtype, shape))
        else:
            raise ImportRefused(
                f"input {name!r} is {end.dtype} {list(end.shape)}: of open size are only lists of ids, [None, None] of "
                "int64; give it a fixed size, or parse a tf.Example with VarLenFeature"
            )
    return found


def _shapes(tf: Any, graph: Any) -> dict[str, tuple[int | None, ...] | None]:
    """Of each node's first output, as TensorFlow infers it."""
    whole = tf.Graph()
    with whole.as_default():
        tf.import_graph_def(graph, name="")
    found: dict[str, tuple[int | None, ...] | None] = {}
    for operation in whole.get_operations():
        if operation.outputs:
            shape = operation.outputs[0].shape
            found[operation.name] = None if shape.rank is None else tuple(shape.as_list())
    return found


def _score(loaded: Loaded, options: Mapping[str, str]) -> tuple[str, int | None]:
    """The output that ranks, and which of its columns; of the chances of two classes the second's."""
    wanted = options.get("output")
    several = [name for name, end in loaded.outputs.items() if end.dtype.startswith("float")]
    if tfgraphs.COLUMN in options:
        if wanted is None and len(several) != 1:
            raise ImportRefused(f"-o {tfgraphs.COLUMN}= is of one output; -o output=NAME says which: {several}")
        name = wanted or several[0]
        if name not in several:
            raise ImportRefused(f"there is no output {name!r} of floats; there are {several}")
        return name, tfgraphs.column_of(options, name, loaded.outputs[name].shape or ())
    if loaded.classifies and len(several) == 1 and (loaded.outputs[several[0]].shape or ())[1:] == (2,):
        return several[0], 1
    specs = [TensorSpec(name, end.dtype, end.shape) for name, end in loaded.outputs.items()]
    try:
        return tensors.score(Exported("onnx", (), tuple(specs)), wanted).name, None
    except ImportRefused as error:
        others = [name for name in loaded.signatures if name != loaded.signature]
        told = f", or -o signature=NAME takes another of {others}" if others else ""
        raise ImportRefused(f"{error}; -o {tfgraphs.COLUMN}=N takes one of several numbers{told}") from error


def _needed(features: Features, fed: list[str]) -> dict[str, dict[str, Any]]:
    """Lines of the features that the graph takes, those that crosses take before them."""
    found: dict[str, dict[str, Any]] = {}
    for name in (features.made.get(one, one) for one in fed):
        line = features.lines[name]
        for part in line["of"] if isinstance(line["of"], list) else ():
            if part in features.lines and part not in found:
                found[part] = features.lines[part]
        found[name] = line
    return found


def _raws(features: Features, lines: dict[str, dict[str, Any]], loaded: Loaded) -> dict[str, Raw]:
    """Raw inputs of the features: in the order of the signature or of the example."""
    wanted = {of for line in lines.values() for of in ([line["of"]] if isinstance(line["of"], str) else line["of"])}
    wanted |= {line["weights"] for line in lines.values() if "weights" in line}
    order = [*loaded.inputs, *features.parsed]
    return {name: features.used[name] for name in order if name in wanted and name in features.used}


def _filed(line: dict[str, Any]) -> bool:
    return isinstance(line.get("vocabulary"), str)


def _notes(
    exported: Exported, loaded: Loaded, score: str, column: int | None, features: Features, lines: Any, inputs: Any
) -> Iterator[str]:
    yield from exported.notes
    others = [name for name in loaded.signatures if name != loaded.signature]
    if others:
        yield f"signature {loaded.signature!r} was taken, there are also {others}: -o signature=NAME takes another"
    outputs = [name for name in loaded.outputs if name != score]
    if outputs:
        yield f"output {score!r} was taken to rank, there are also {outputs}: -o output=NAME takes another"
    if column is not None:
        yield f"column {column} of {score!r} was taken to rank; -o {tfgraphs.COLUMN}=N takes another"
    for line in lines.values():
        if "pad" in line and "length" in line:
            value = fill(features.used[line["of"]])
            yield f"{line['of']}: lists of fewer than {line['length']} values are filled up with {value!r} at the end"
        elif line.get("pad") == 0:
            yield f"{line['of']}: shorter lists are padded with id 0 at the end; see pad and length"
    if unused := [name for name in loaded.inputs if name not in inputs and len(loaded.inputs) > 1]:
        yield f"the score does not depend on {unused}"
