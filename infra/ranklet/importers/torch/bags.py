"""EmbeddingBag as plain gathers: PyTorch's own conversion loops over the rows, one gather and one sum a candidate.

Two forms become the same few operators. Ids of two dimensions are a bag a row. Ids in one row with offsets, both as the
model's inputs, become two dimensions with a mask, which is what feature assembly makes of a list: the bag keeps its
name, the offsets' place is the mask's. Offsets that the graph computes itself are left to PyTorch's conversion.
"""

# mypy: disallow-untyped-calls=False
# (where torch is installed, it has types in part)

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from ranklet.errors import ImportRefused
from ranklet.importers.torch.graph import Given, Graph
from ranklet.importers.torch.program import FAULTS, Array, Program, quiet, short

SUM, MEAN, MAX = 0, 1, 2
LENGTH = "length of a list"
"""The symbol of a bag's second dimension."""


@dataclass(frozen=True)
class Ragged:
    """A bag that the program takes as ids in one row with offsets. last: whether their count is one more."""

    ids: str
    offsets: str
    last: bool

    @property
    def mask(self) -> str:
        """The tensor in the offsets' place."""
        return f"{self.ids}_mask"


@dataclass(frozen=True)
class Bagged:
    """program: what is converted. ragged: of its masked bags, how the original takes them."""

    program: Program
    ragged: tuple[Ragged, ...] = ()

    def original(self, feeds: Mapping[str, Array]) -> dict[str, Array]:
        """What the program as it was exported takes: ids in one row where it wants them so."""
        given = dict(feeds)
        for one in self.ragged:
            kept = given.pop(one.mask) > 0
            ids = given[one.ids]
            given[one.ids] = ids[kept]
            ends = np.cumsum(kept.sum(1), dtype=np.int64)
            given[one.offsets] = np.concatenate([[0], ends])[: None if one.last else -1].astype(np.int64)
        return given


def rewrite(program: Program) -> Bagged:
    """`program` without EmbeddingBag where it can be; as it was where it has none.

    Raises ImportRefused for ids and offsets that are used otherwise too, and where PyTorch cannot export the result.
    """
    import torch

    if not any(_is_bag(torch, node) for node in program.module.graph.nodes):
        return Bagged(program)
    module = program.exported.module(check_guards=False)
    nodes = {one.node: one for one in program.graph.inputs}
    places = {node: nodes[node.name] for node in module.graph.nodes if node.op == "placeholder" and node.name in nodes}
    bags = [_Bag(torch, node) for node in module.graph.nodes if _is_bag(torch, node)]
    ragged = dict(_ragged([bag for bag in bags if bag.flat is None], places))
    for bag in bags:
        if (flat := bag.flat) is not None:
            _replace(module, bag.node, (bag.weight, flat, None, bag.mode, bag.weights_like(flat), bag.pad))
        elif bag.ids in places and bag.offsets in places:
            _replace(module, bag.node, (bag.weight, bag.ids, bag.offsets, bag.mode, None, bag.pad))
    module.graph.eliminate_dead_code()
    graph = _renamed(program.graph, ragged)
    module = torch.fx.GraphModule(module, module.graph)  # without the hook that checks shapes as they were
    return Bagged(_exported(program, module, graph), tuple(ragged.values()))


def _ragged(bags: Sequence[_Bag], places: Mapping[Any, Given]) -> Iterator[tuple[str, Ragged]]:
    """Ids' name → how the original takes them."""
    for bag in bags:
        if bag.ids in places and bag.offsets in places:
            one = Ragged(places[bag.ids].name, places[bag.offsets].name, bag.last)
            _check_alone(bag, one)
            yield one.ids, one


def gathered(weight: Any, ids: Any, mask: Any, mode: int, weights: Any, pad: int) -> Any:
    """The bag of each row: weight [rows, dim], ids [n, L], mask and weights [n, L] or None → [n, dim].

    An empty bag is zeros. pad: of ids, which counts as absent; -1 for none.
    """
    import torch

    kept = torch.ones_like(ids, dtype=torch.bool) if mask is None else mask > 0
    if pad >= 0:
        kept = kept & (ids != pad)
    rows = torch.nn.functional.embedding(ids, weight)
    if weights is not None:
        rows = rows * weights.unsqueeze(2)
    if mode == MAX:
        highest = rows.masked_fill(~kept.unsqueeze(2), -torch.inf).amax(1)
        return highest.masked_fill(~kept.any(1, keepdim=True), 0.0)
    total = rows.masked_fill(~kept.unsqueeze(2), 0.0).sum(1)
    return total if mode == SUM else total / kept.sum(1, keepdim=True).clamp(min=1).to(total.dtype)


class _Bag:
    """A node of the graph: embedding_bag(weight, indices, offsets, scale, mode, sparse, weights, last, padding)."""

    def __init__(self, torch: Any, node: Any) -> None:
        self._torch, self.node = torch, node
        names = ("weight", "indices", "offsets", "scale", "mode", "sparse", "weights", "last", "pad")
        given = dict(zip(names, node.args, strict=False))
        self.weight, self.ids, self.offsets = given["weight"], given["indices"], given["offsets"]
        self.mode, self.last = int(given.get("mode", 0)), bool(given.get("last", False))
        self.weights, pad = given.get("weights"), given.get("pad", -1)
        self.pad = -1 if pad is None else int(pad)

    @cached_property
    def flat(self) -> Any:
        """Ids of two dimensions that were laid in one row, with an offset at each beginning; None for another form."""
        aten = self._torch.ops.aten
        ids, offsets = self.ids, self.offsets
        if self.last or not _calls(ids, aten.reshape.default, aten.view.default) or list(ids.args[1]) != [-1]:
            return None
        two = ids.args[0]
        if two.meta["val"].dim() != 2 or not _calls(offsets, aten.arange.start_step) or offsets.args[0] != 0:
            return None
        end, step = offsets.args[1], offsets.args[2]
        whole = _calls(end, aten.sym_numel.default) and end.args[0] in (two, ids)
        wide = step == two.meta["val"].shape[1] or (_calls(step, aten.sym_size.int) and tuple(step.args) == (two, 1))
        return two if whole and wide else None

    def weights_like(self, two: Any) -> Any:
        """per_sample_weights in the ids' two dimensions."""
        aten = self._torch.ops.aten
        if self.weights is None:
            return None
        if _calls(self.weights, aten.reshape.default, aten.view.default) and list(self.weights.args[1]) == [-1]:
            return self.weights.args[0]
        graph = self.node.graph
        with graph.inserting_before(self.node):
            return graph.call_function(_like, (self.weights, two))


def _like(weights: Any, two: Any) -> Any:
    return weights.reshape(two.shape)


def _is_bag(torch: Any, node: Any) -> bool:
    bags = torch.ops.aten.embedding_bag
    return node.op == "call_function" and node.target in (bags.default, bags.padding_idx)


def _calls(node: Any, *targets: Any) -> bool:
    return getattr(node, "op", None) == "call_function" and node.target in targets


def _replace(module: Any, node: Any, arguments: tuple[Any, ...]) -> None:
    """The bag's first result; the others are for gradients."""
    with module.graph.inserting_before(node):
        made = module.graph.call_function(gathered, arguments)
    for user in list(node.users):
        if user.args[1] == 0:
            user.replace_all_uses_with(made)


def _check_alone(bag: _Bag, one: Ragged) -> None:
    """Raises ImportRefused where a mask could not stand in the offsets' place."""
    others = {user for node in (bag.ids, bag.offsets) for user in node.users if not _is_bag(bag._torch, user)}
    if others or bag.weights is not None or any(user.args[2] is not bag.offsets for user in bag.ids.users):
        raise ImportRefused(
            f"ids {one.ids!r} with offsets {one.offsets!r} feed more than EmbeddingBags of their own, or have "
            "weights a sample: give them ids (and weights) of two dimensions, [batch, length], with padding_idx"
        )


def _renamed(graph: Graph, ragged: Mapping[str, Ragged]) -> Graph:
    masks = {one.offsets: one for one in ragged.values()}
    rows = next((one.dims[0] for one in graph.inputs if one.name not in ragged and one.name not in masks), "rows")
    inputs = []
    for one in graph.inputs:
        if one.name in ragged:
            inputs.append(replace(one, dims=(rows, LENGTH)))
        elif one.name in masks:
            inputs.append(replace(one, name=masks[one.name].mask, dtype="float32", dims=(rows, LENGTH)))
        else:
            inputs.append(one)
    return replace(graph, inputs=tuple(inputs))


def _exported(program: Program, module: Any, graph: Graph) -> Program:
    """The rewritten module as a program of its own."""
    import torch

    made = Program(program.exported, graph)
    example = {one.name: _example(torch, one) for one in graph.inputs}
    shapes = {
        one.name: {i: torch.export.Dim.DYNAMIC for i, dim in enumerate(one.dims) if isinstance(dim, str)}
        for one in graph.inputs
    }
    args, kwargs = made.arguments(example)
    dynamic, named = made.arguments(shapes, fixed=False)
    try:
        with quiet():
            given = (
                tuple(dynamic) if not kwargs else dict(zip(_names(program, len(args)), dynamic, strict=True)) | named
            )
            exported = torch.export.export(module, tuple(args), kwargs, dynamic_shapes=given)
    except FAULTS as error:
        raise ImportRefused(f"PyTorch does not export it with its EmbeddingBags as gathers: {short(error)}") from error
    inputs = _same_nodes(torch, exported, graph.inputs)
    return Program(exported, replace(graph, inputs=inputs))


def _names(program: Program, count: int) -> Sequence[str]:
    found = program.exported.module_call_graph[0].signature.forward_arg_names or []
    return list(found)[:count]


def _example(torch: Any, one: Given) -> Any:
    shape = [dim if isinstance(dim, int) else 3 if i else 2 for i, dim in enumerate(one.dims)]
    return torch.zeros(shape, dtype=getattr(torch, one.dtype))


def _same_nodes(torch: Any, exported: Any, inputs: Sequence[Given]) -> tuple[Given, ...]:
    """The inputs with the new graph's names of them."""
    nodes = [
        spec.arg.name
        for spec in exported.graph_signature.input_specs
        if spec.kind == torch.export.graph_signature.InputKind.USER_INPUT
        and isinstance(spec.arg, torch.export.graph_signature.TensorArgument)
    ]
    return tuple(replace(one, node=node) for one, node in zip(inputs, nodes, strict=True))
