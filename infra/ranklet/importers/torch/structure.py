"""How a program's inputs and outputs are nested, read from the JSON of its pytree: a name for each leaf.

A tensor in a dict is called by its key, one that is an argument by the argument's name; what both would be called alike
gets the argument's name before it. Only dicts, lists and tuples: other types would have PyTorch import modules.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from ranklet.errors import ImportRefused
from ranklet.importers.torch import words

_DICTS = ("builtins.dict", "collections.OrderedDict")
_SEQUENCES = ("builtins.tuple", "builtins.list")
MAX_DEPTH = 20

Path = tuple[str, ...]


def check(text: str) -> None:
    """Raises ImportRefused for a structure with other types than dicts, lists and tuples, and for wild keys."""
    for _ in _leaves(_tree(text), (), 0):
        pass


def inputs(text: str, arguments: Sequence[str] | None) -> list[str]:
    """Names of the leaves of (args, kwargs), in order. arguments: the names of forward's positional ones."""
    tree = _tree(text)
    if len(tree["children_spec"]) != 2:
        raise ImportRefused("its inputs are not arguments and keywords; export the model again")
    args, kwargs = tree["children_spec"]
    found: list[Path] = []
    for i, child in enumerate(args["children_spec"]):
        name = arguments[i] if arguments and i < len(arguments) else f"input_{i}"
        found += _leaves(child, (name,), 0)
    return _names([*found, *_leaves(kwargs, (), 0)])


def outputs(text: str) -> list[str]:
    """Names of the leaves of what the model returns, in order: `score` for one that has none."""
    found = list(_leaves(_tree(text), (), 0))
    if found in ([()], [("0",)]):
        return ["score"]
    return _names([("output", *path) if path[-1:] and path[-1].isdigit() else path for path in found])


def _names(paths: Sequence[Path]) -> list[str]:
    """The last word that is no number with what stands after it; the whole path where two are alike."""
    short = ["_".join(path[_start(path) :]) for path in paths]
    alike = Counter(short)
    return [name if alike[name] == 1 else "_".join(path) for name, path in zip(short, paths, strict=True)]


def _start(path: Path) -> int:
    return max((i for i, word in enumerate(path) if not word.isdigit()), default=0)


def _tree(text: str) -> dict[str, Any]:
    try:
        protocol, tree = json.loads(text)
    except (ValueError, TypeError, RecursionError) as error:
        raise ImportRefused("its inputs' structure is damaged; export the model again") from error
    if protocol != 1 or not isinstance(tree, dict):
        raise ImportRefused(f"its structures are of protocol {protocol!r}, read is 1; export it with a newer PyTorch")
    return tree


def _leaves(tree: Any, path: Path, depth: int) -> Iterator[Path]:
    kind, children = tree["type"], tree["children_spec"]
    if kind is None:
        if children or tree["context"] is not None:
            raise ImportRefused("its inputs' structure is damaged; export the model again")
        yield path
        return
    if kind not in (*_DICTS, *_SEQUENCES) or depth > MAX_DEPTH:
        raise ImportRefused(
            f"its inputs or outputs are nested in {str(kind)[:80]!r}; take and return tensors, dicts, lists and tuples"
        )
    context = json.loads(tree["context"])
    keys = context if kind in _DICTS else [str(i) for i in range(len(children))]
    if not isinstance(keys, list) or len(keys) != len(children) or not all(isinstance(key, str) for key in keys):
        raise ImportRefused(f"a dict of its inputs or outputs has the keys {str(context)[:80]}; name them by text")
    for key, child in zip(keys, children, strict=True):
        words.label(key, "a dict of its inputs or outputs")
        yield from _leaves(child, (*path, key), depth + 1)
