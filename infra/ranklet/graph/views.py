"""Which of an item's stored values are views of others: the same numbers in another shape, or a part of what is joined.

Cross and rest graph often read one thing twice, as [n, d] and as [n, 1, d], or field by field and end to end. It is
stored once. A value is told by what it is made of: atoms end to end, where reshaping keeps them and a Concat along the
axis after the rows appends them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ranklet.graph.records import Field

RESHAPES = {"Identity", "Reshape", "Squeeze", "Unsqueeze", "Flatten"}
Atoms = tuple[str, ...]


def atoms(content: bytes) -> dict[str, Atoms]:
    """Of every value that a graph makes with its rows in axis 0: the values whose numbers it holds, in order."""
    import onnx  # as slow to import as onnxruntime

    found: dict[str, Atoms] = {}
    for node in onnx.load_from_string(content).graph.node:
        parts = [found.get(name, (name,)) for name in node.input]
        if node.op_type in RESHAPES:
            found[node.output[0]] = parts[0]
        elif node.op_type == "Concat" and _axis(node) == 1:
            found[node.output[0]] = tuple(atom for part in parts for atom in part)
    return found


def _axis(node: Any) -> int:
    return next(int(attribute.i) for attribute in node.attribute if attribute.name == "axis")


def laid(fields: Sequence[Field], content: bytes) -> tuple[int, tuple[Field, ...]]:
    """The width of a record, and the fields with their offsets: views lie where what they show does."""
    known = atoms(content)
    made = {field.name: known.get(field.name, (field.name,)) for field in fields}
    sizes = {made[field.name]: field.size for field in fields}
    roots: list[Field] = []
    within: dict[str, tuple[str, int]] = {}
    for field in sorted(fields, key=lambda field: -field.size):
        place = next((found for root in roots if (found := _place(field, root, made, sizes)) is not None), None)
        if place is None:
            roots.append(field)
        else:
            within[field.name] = place
    offsets: dict[str, int] = {}
    width = 0
    for field in fields:
        if field.name not in within:
            offsets[field.name] = width
            width += field.size
    offsets |= {name: offsets[root] + start for name, (root, start) in within.items()}
    return width, tuple(Field(field.name, field.shape, offsets[field.name], field.size) for field in fields)


def _place(field: Field, root: Field, made: Mapping[str, Atoms], sizes: Mapping[Atoms, int]) -> tuple[str, int] | None:
    """Where a root holds the field's numbers, if it is known how many come before them."""
    part, whole = made[field.name], made[root.name]
    for start in range(len(whole) - len(part) + 1):
        before = _size(whole[:start], sizes) if whole[start : start + len(part)] == part else None
        if before is not None and before + field.size <= root.size:
            return root.name, before
    return None


def _size(found: Atoms, sizes: Mapping[Atoms, int]) -> int | None:
    """The numbers of some atoms end to end, as far as they are made of fields."""
    reached = {0: 0}
    for stop in range(1, len(found) + 1):
        for start in [start for start in reached if found[start:stop] in sizes]:
            reached.setdefault(stop, reached[start] + sizes[found[start:stop]])
    return reached.get(len(found))
