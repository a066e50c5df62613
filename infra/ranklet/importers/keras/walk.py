"""The walk through a model's layers, nested models included: what feature assembly makes ends there, the rest is called
again on the tensors that come in its place.

The layers are the model's own, weights and all; only the ends are new.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ranklet.errors import ImportRefused
from ranklet.importers.keras import layers
from ranklet.importers.keras.layers import Made

SHAPING = {"ExpandDims", "Squeeze", "Reshape", "Flatten", "Identity"}
"""Layers and operations that text may pass before its lookup: one value a row stays one."""


@dataclass(frozen=True)
class Raw:
    """A value as the caller sends it. shape: of the model's input, without the batch."""

    name: str
    dtype: str
    shape: tuple[int | None, ...]

    @property
    def scalar(self) -> bool:
        """Whether a row has one value."""
        return self.shape in ((), (1,))


@dataclass
class Walk:
    """raw: what each tensor is that nothing has computed on yet. ids: those that features make. made: the features.

    positive: integers of which features let none below 0 through. limits: raw integers → how many ids a layer knows.
    ends: inputs of the model as it was. kept: the ends that features feed. named: layers by their names.
    """

    keras: Any
    raw: dict[int, Raw] = field(default_factory=dict)
    ids: dict[int, Raw] = field(default_factory=dict)
    positive: set[int] = field(default_factory=set)
    limits: dict[str, int] = field(default_factory=dict)
    made: dict[str, Made] = field(default_factory=dict)
    ends: dict[str, Any] = field(default_factory=dict)
    kept: list[Any] = field(default_factory=list)
    named: dict[str, Any] = field(default_factory=dict)

    def model(self, model: Any) -> Any:
        """The model that takes features' tensors and numbers as they are. Raises ImportRefused naming the layer."""
        graph = functional(self.keras, model)
        given = []
        self.named = {tensor.name: tensor for tensor in graph.inputs}
        for tensor in graph.inputs:
            fresh = self.keras.Input(tensor.shape[1:], dtype=tensor.dtype, name=tensor.name)
            if tensor.sparse or getattr(tensor, "ragged", False):
                raise ImportRefused(f"input {tensor.name!r} is sparse or ragged; export the model with padded inputs")
            self.raw[id(fresh)] = Raw(tensor.name, tensor.dtype, tuple(tensor.shape[1:]))
            self.ends[tensor.name] = fresh
            if tensor.dtype.startswith("int"):
                self.positive.add(id(fresh))
            given.append(fresh)
        outputs = self._through(graph, given)
        used = _used(outputs, self.keras)
        inputs = [tensor for tensor in (*self.ends.values(), *self.kept) if id(tensor) in used]
        if text := [tensor.name for tensor in inputs if tensor.dtype == "string"]:
            raise ImportRefused(f"input {text[0]!r} is text that reaches an output without a lookup")
        if not inputs:
            raise ImportRefused("no output depends on an input")
        return self.keras.Model(inputs, outputs)

    def _through(self, functional: Any, tensors: Any) -> Any:
        run = getattr(functional, "_run_through_graph", None)
        if run is None:
            raise ImportRefused(
                f"{functional.name!r} is a {type(functional).__name__}; save a functional or Sequential one"
            )
        return run(tensors, operation_fn=lambda operation: operation, call_fn=self._call)

    def _call(self, layer: Any, *args: Any, **kwargs: Any) -> Any:
        """What comes out of a layer: of a preprocessing one the tensor that its feature makes."""
        kind = type(layer).__name__
        if isinstance(layer, self.keras.Model):
            return self._through(
                functional(self.keras, layer), self.keras.tree.flatten((args, kwargs.get("inputs", ())))
            )
        tensors = [one for one in self.keras.tree.flatten((args, kwargs)) if id(one) in self.raw]
        if kind in layers.FEATURES:
            return self._feature(layer, kind, args)
        if kind == "CategoryEncoding":
            for raw in (self.raw[id(one)].name for one in tensors):
                self.limits[raw] = min(layer.num_tokens, self.limits.get(raw, layer.num_tokens))
            if layer.output_mode != "one_hot" and _counted(args, kwargs) and not layer.sparse:
                return self._unlike(layers.marks(self.keras, layer, layer.num_tokens))(args[0])
        if tensors and kind in SHAPING and self._scalar(tensors[0]):
            return self._reshaped(layer, tensors[0], args, kwargs)
        if text := [self.raw[id(one)].name for one in tensors if one.dtype == "string"]:
            raise ImportRefused(
                f"layer {layer.name!r} ({kind}) reads the text of input {text[0]!r}: text goes through StringLookup, "
                "Hashing or HashedCrossing; compute the rest before the request"
            )
        if kind == "Embedding" and id(args[0]) in self.positive and layer.quantization_mode is None:
            return self._unlike(layers.rows_of(self.keras, layer))(*args, **kwargs)
        return self._unlike(layer)(*args, **kwargs)

    def _unlike(self, layer: Any) -> Any:
        """The layer under a name that no other has: those of nested models may be the same."""
        name = layer.name
        while self.named.setdefault(name, layer) is not layer:
            name += "_"
        layer.name = name
        return layer

    def _feature(self, layer: Any, kind: str, args: Any) -> Any:
        """The end that a feature feeds, or what the layer is in the graph where it reads what was computed."""
        known = {**self.raw, **self.ids} if kind == "HashedCrossing" else self.raw
        sources = [known.get(id(one)) for one in self.keras.tree.flatten(args)]
        raws = [source for source in sources if source is not None]
        if len(raws) < len(sources) or (kind == "Discretization" and not raws[0].scalar):
            return layers.within(self.keras, layer, kind, args)
        found = layers.FEATURES[kind](layer, raws)
        name = self._name("_x_".join(raw.name for raw in raws), layer.name)
        end = self.keras.Input(raws[0].shape, dtype="int64", name=name)
        self.kept.append(end)
        self.named[name] = end
        self.made[name] = found
        out = found.finish(self.keras, end)
        self.positive |= {id(end), id(out)}
        if out is end:
            self.ids[id(end)] = Raw(name, "int64", raws[0].shape)
        return out

    def _name(self, of: str, layer: str) -> str:
        """The feature's: never an input's own, which a cross may want too."""
        name = f"{of}_ids" if f"{of}_ids" not in self.made else f"{of}_{layer}"
        while name in self.named:
            name += "_"
        return name

    def _scalar(self, tensor: Any) -> bool:
        return self.raw[id(tensor)].scalar and tensor.dtype == "string"

    def _reshaped(self, layer: Any, tensor: Any, args: Any, kwargs: Any) -> Any:
        """The same value under another shape, as Keras infers it."""
        shape = tuple(layer.compute_output_spec(*args, **kwargs).shape[1:])
        if shape not in ((), (1,)):
            raise ImportRefused(f"layer {layer.name!r} shapes the text of {self.raw[id(tensor)].name!r} to {shape}")
        fresh = self.keras.Input(shape, dtype=tensor.dtype)
        was = self.raw[id(tensor)]
        self.raw[id(fresh)] = Raw(was.name, was.dtype, shape)
        return fresh


def _counted(args: Any, kwargs: Any) -> bool:
    """Whether these are whole ids, [n, L], each as good as the other."""
    return not kwargs and len(args) == 1 and len(args[0].shape) == 2 and args[0].dtype.startswith("int")


def functional(keras: Any, model: Any) -> Any:
    """A Sequential model as the graph that it is."""
    if isinstance(model, keras.Sequential):
        return keras.Model(model.inputs, model.outputs)
    return model


def _used(outputs: Any, keras: Any) -> set[int]:
    """Ids of all tensors that the outputs are computed of."""
    found: set[int] = set()
    left = list(keras.tree.flatten(outputs))
    while left:
        tensor = left.pop()
        if id(tensor) in found:
            continue
        found.add(id(tensor))
        operation, node, _ = tensor._keras_history
        if operation is not None:
            left += operation._inbound_nodes[node].input_tensors
    return found
