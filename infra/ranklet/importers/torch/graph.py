"""What a program's JSON says of itself, read without PyTorch: inputs and outputs by name; every text in it checked.

Metadata (stack traces with paths of the trainer's machine, names of its modules) is taken out, and so are the guards:
they repeat the inputs' shapes as Python, which PyTorch would execute.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

from ranklet.errors import ImportRefused
from ranklet.importers.torch import structure, words
from ranklet.importers.torch.recipe import ADVICE

DTYPES: Mapping[int, str] = {
    1: "uint8",
    2: "int8",
    3: "int16",
    4: "int32",
    5: "int64",
    6: "float16",
    7: "float32",
    8: "float64",
    12: "bool",
    13: "bfloat16",
}
"""PyTorch's number of a dtype → its name."""

MAX_DEPTH, MAX_NODES, MAX_NUMBERS = 60, 200_000, 1 << 28
_SIZES = ("size", "repeats", "pad", "num_classes", "end", "n", "m", "steps")
"""Arguments by which an operator makes as many numbers as they say."""
_DAMAGED = (KeyError, TypeError, AttributeError, IndexError, ValueError)


@dataclass(frozen=True)
class Given:
    """One input: the name that callers know, the graph's own, and its dimensions: a number, or a symbol's text."""

    name: str
    node: str
    dtype: str
    dims: tuple[int | str, ...]


@dataclass(frozen=True)
class Graph:
    """inputs and outputs in order; outputs by the names that the model returns them under.

    squeezes: nodes that drop every dimension of size 1, the rows' own too where there is one row.
    """

    inputs: tuple[Given, ...]
    outputs: tuple[str, ...]
    squeezes: tuple[str, ...] = ()


def check(program: Any) -> Graph:
    """Takes metadata and guards out of `program`, and reads it.

    Raises ImportRefused for text that could run, and for a program that is no ranker: without tensors as inputs, in
    training mode, with a batch that is fixed.
    """
    try:
        program["guards_code"], program["graph_module"]["metadata"] = [], {}
        _walk(program, "", 0)
        module = program["graph_module"]
        if len(nodes := module["graph"]["nodes"]) > MAX_NODES:
            raise ImportRefused(f"its graph has {len(nodes)} nodes, at most {MAX_NODES} are read")
        for node in nodes:
            _check_mode(node)
        squeezes = [node["name"] for node in nodes if node["target"] == "torch.ops.aten.squeeze.default"]
        found = Graph(tuple(_inputs(module)), tuple(_outputs(module)), tuple(squeezes))
    except _DAMAGED as error:
        raise ImportRefused(f"its program is not as PyTorch writes one ({error!r}); export it again") from error
    if not found.inputs:
        raise ImportRefused("the program has no tensor as input; a step scores what it reads")
    _check_rows(found.inputs)
    _check_read(found.inputs, set(_named([[node["inputs"] for node in nodes], module["graph"]["outputs"]])))
    return found


def _walk(value: Any, target: str, depth: int) -> None:
    """Look at every text within `value`. target: of the node that it belongs to."""
    if depth > MAX_DEPTH:
        raise ImportRefused(f"its program is nested more than {MAX_DEPTH} deep; export it again")
    if isinstance(value, dict):
        if isinstance(value.get("target"), str):
            target, value["metadata"] = value["target"], {}
            words.operator(target, str(value.get("name"))[:80])
        for key, one in value.items():
            words.plain(key, "its program")
            if isinstance(one, str):
                _text(key, one, target)
            else:
                _walk(one, target, depth + 1)
    elif isinstance(value, list):
        for one in value:
            if isinstance(one, str):
                words.plain(one, "its program")
            elif isinstance(one, dict | list):
                _walk(one, target, depth + 1)


def _text(key: str, text: str, target: str) -> None:
    if key == "expr_str":
        words.expression(text, "a tensor")
    elif key in ("in_spec", "out_spec"):
        structure.check(text)
    elif key in ("name", "as_name"):
        words.name(text, "a node")
    elif key == "as_string":
        words.value(text, target)
    elif key == "as_operator":
        words.operator(text, "an argument")
    elif key == "class_fqn":
        raise ImportRefused(f"it holds an object of {text[:80]!r}, no tensor; {ADVICE}")
    elif key != "target":
        words.plain(text, f"its program's {key}")


def _inputs(module: Mapping[str, Any]) -> Iterator[Given]:
    """The user's tensors. A number or None among the arguments was fixed by the export, and is no input."""
    call = _call(module)
    specs = list(_in_order(module["signature"]["input_specs"]))
    names = structure.inputs(call["in_spec"], call.get("forward_arg_names"))
    if len(names) != len(specs):
        raise ImportRefused(f"its structure has {len(names)} inputs, its graph {len(specs)}; export it again")
    for name, spec in zip(names, specs, strict=True):
        if "as_tensor" in spec:
            node = spec["as_tensor"]["name"]
            meta = module["graph"]["tensor_values"][node]
            dims = tuple(size["as_int"] if "as_int" in size else size["as_expr"]["expr_str"] for size in meta["sizes"])
            yield Given(name, node, DTYPES.get(meta["dtype"], f"dtype {meta['dtype']}"), dims)
        elif any(kind.startswith("as_sym") for kind in spec):
            raise ImportRefused(f"input {name!r} is a number that the graph computes sizes with; give a tensor instead")


def _in_order(specs: Sequence[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    """The user's own inputs: tensors and numbers, and constants."""
    for spec in specs:
        if "user_input" in spec:
            yield spec["user_input"]["arg"]
        elif "constant_input" in spec:
            yield {}


def _outputs(module: Mapping[str, Any]) -> Iterator[str]:
    specs = module["signature"]["output_specs"]
    for spec in specs:
        if "user_output" not in spec:
            kind, found = next(iter(spec.items()))
            name = found.get("buffer_name", found.get("parameter_name", found.get("user_input_name", "")))
            raise ImportRefused(
                f"the model changes {name!r} while it scores ({kind}): BatchNorm in training mode, or a state of its "
                f"own; {ADVICE}"
            )
    names = structure.outputs(_call(module)["out_spec"])
    if len(names) != len(specs):
        raise ImportRefused(f"its structure has {len(names)} outputs, its graph {len(specs)}; export it again")
    for name, spec in zip(names, specs, strict=True):
        if "as_tensor" not in spec["user_output"]["arg"]:
            raise ImportRefused(f"the output {name!r} is no tensor; return tensors alone, and export it again")
        yield name


def _call(module: Mapping[str, Any]) -> Mapping[str, Any]:
    found = next((entry["signature"] for entry in module["module_call_graph"] if entry["fqn"] == ""), None)
    if not isinstance(found, dict):
        raise ImportRefused("its program does not say how it is called; export it again")
    return found


def _check_mode(node: Mapping[str, Any]) -> None:
    """Raises ImportRefused for what gives another score each time, or learns."""
    given = {one["name"]: one["arg"] for one in node["inputs"]}
    kind = node["target"].removeprefix("torch.ops.aten.")
    train = given.get("train", given.get("training", {})).get("as_bool", False)
    if train or kind.startswith(("bernoulli", "multinomial", "rand", "normal.", "uniform")):
        raise ImportRefused(f"node {node.get('name')} ({kind}) is in training mode or random; {ADVICE}")
    if kind.startswith("embedding_renorm_"):
        raise ImportRefused(
            f"node {node.get('name')} ({kind}) changes its table while it scores: scale the rows once, set max_norm to "
            "None and export it again"
        )
    numbers = prod(max(abs(size), 1) for name in _SIZES for size in _whole(given.get(name, {})))
    if not kind.startswith("slice") and numbers > MAX_NUMBERS:
        raise ImportRefused(f"node {node.get('name')} ({kind}) makes {numbers} numbers at once; at most {MAX_NUMBERS}")


def _whole(argument: Mapping[str, Any]) -> Iterator[int]:
    """The fixed ones of an argument's sizes."""
    for one in (
        argument,
        *argument.get("as_sym_ints", ()),
        *({"as_int": size} for size in argument.get("as_ints", ())),
    ):
        found = one.get("as_int", one.get("as_sym_int", {}).get("as_int", 1))
        yield found if isinstance(found, int) else 1


def _named(value: Any) -> Iterator[str]:
    """The values that are read somewhere within."""
    if isinstance(value, list):
        for one in value:
            yield from _named(one)
    elif isinstance(value, dict):
        if isinstance(value.get("name"), str):
            yield value["name"]
        for one in value.values():
            yield from _named(one)


def _check_read(inputs: Sequence[Given], read: set[str]) -> None:
    """Raises ImportRefused for an input of which the export made another one: it looks for the very same tensors."""
    for one in inputs:
        if one.node not in read:
            raise ImportRefused(
                f"nothing in the graph reads the input {one.name!r}: if the model does, one tensor was given for two "
                "inputs, and they became one; give each input a tensor of its own, and leave out what is not read"
            )


def _check_rows(inputs: Sequence[Given]) -> None:
    for one in inputs:
        if not one.dims:
            raise ImportRefused(f"input {one.name!r} has no dimension for its rows; give it as [batch, …]")
        if isinstance(one.dims[0], int):
            raise ImportRefused(
                f"input {one.name!r} takes {one.dims[0]} rows only, a step needs any number of them: its dimension 0 "
                f"must be dynamic, as `rows` says in the second line. {ADVICE[0].upper()}{ADVICE[1:]}"
            )
