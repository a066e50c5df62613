"""Texts to indices, indices to columns, numbers to buckets: Spark's StringIndexer, OneHotEncoder, Bucketizer and kin.

What Spark does with a value that a stage does not know, `handleInvalid` says: error, skip (the row is dropped) or keep.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ranklet.importers.mleap.attributes import Floats
from ranklet.importers.mleap.context import Context
from ranklet.importers.mleap.nodes import Node
from ranklet.importers.mleap.values import Dense, Hot, Numbers

INVALID = ("error", "skip", "keep")
MOST_WORDS = 1 << 22


def invalid(node: Node) -> str:
    """handle_invalid. Raises ImportRefused for another one than Spark has."""
    found = node.attributes.text("handle_invalid", "error")
    if found not in INVALID:
        node.refuse(f"has handle_invalid = {found[:40]!r}; served are {', '.join(INVALID)}")
    return found


def string_indexer(node: Node, context: Context) -> None:
    """Of one column, or since Spark 3 of several."""
    given = node.attributes
    if not given.has("labels_length"):
        _index(node, context, ("input", "output"), given.texts("labels"))
        return
    count = given.whole("labels_length")
    for at in range(count):
        alone = count == 1 and "input" in node.inputs
        ports = ("input", "output") if alone else (f"input{at}", f"output{at}")
        _index(node, context, ports, given.texts(f"labels_array_{at}"))


def _index(node: Node, context: Context, ports: tuple[str, str], labels: list[str]) -> None:
    if not labels or len(set(labels)) < len(labels) or len(labels) > MOST_WORDS:
        node.refuse(f"has {len(labels)} labels, or one of them twice; export the model again")
    name, policy, tape, count = context.text(node, ports[0]), invalid(node), context.tape, len(labels)
    if policy == "error":
        found = tape.doubles(context.sources.place(name, labels))
    else:
        code = context.sources.code(name, labels)
        known = tape.op("And", tape.op("Greater", code, [0]), tape.op("LessOrEqual", code, [count]))
        if policy == "skip":
            context.drop(tape.op("Not", known))
        found = tape.doubles(tape.op("Where", known, tape.op("Sub", code, [1]), [count]))
    context.give_tensor(node, ports[1], found)


def reverse_string_indexer(node: Node, context: Context) -> None:
    """An index as the word that it stands for."""
    labels = node.attributes.texts("labels")
    if not labels:
        node.refuse("has no labels; export the model again")
    index = context.dense(context.numbers(node, "input"))
    codes, strange = context.whole(index, len(labels))
    found = context.tape.op("Where", strange, [0], context.tape.op("Add", codes, [1]))
    context.give(node, "output", context.words(found, labels))


def one_hot_encoder(node: Node, context: Context) -> None:
    """Old bundles have `size` and one column, new ones `category_sizes`; the oldest no drop_last."""
    given = node.attributes
    if given.has("size"):
        ends = ("input", "output") if "input" in node.inputs else ("input0", "output0")
        _hot(node, context, ends, given.whole("size"), oldest=not given.has("drop_last"))
        return
    sizes = given.numbers("category_sizes")
    alone = len(sizes) == 1 and "input" in node.inputs
    for at, size in enumerate(sizes.tolist()):
        ends = ("input", "output") if alone else (f"input{at}", f"output{at}")
        _hot(node, context, ends, int(size))


def _hot(node: Node, context: Context, ends: tuple[str, str], size: int, *, oldest: bool = False) -> None:
    if size < 1:
        node.refuse(f"has a category size of {size}; export the model again")
    keeps = not oldest and invalid(node) == "keep"
    dropping = not oldest and node.attributes.flag("drop_last", default=True)
    width = size + keeps - dropping
    codes, strange = context.whole(context.dense(context.numbers(node, ends[0])), size)
    if not keeps and not oldest:
        context.drop(strange)
    if width < 1:
        node.refuse("makes no column; drop it from the pipeline")
    # of an unknown one the place behind the last category, which has a column only where nothing is dropped
    inside = context.tape.op("Where", strange, [size], codes)
    context.give(node, ends[1], Numbers((Hot(context.tape.op("Min", inside, [width]), width),)))


def string_map(node: Node, context: Context) -> None:
    """A number for each text."""
    labels, values = node.attributes.texts("labels"), node.attributes.numbers("values")
    if len(labels) != len(values) or not labels:
        node.refuse(f"has {len(labels)} labels and {len(values)} values; export the model again")
    table = dict(zip(labels, values.tolist(), strict=True))
    name, tape = context.text(node, "input"), context.tape
    policy = node.attributes.text("handle_invalid", "error")
    if policy == "error":
        places = context.sources.place(name, list(table))
        context.give_tensor(node, "output", tape.op("Gather", np.array(list(table.values())), places))
        return
    if policy != "keep":
        node.refuse(f"has handle_invalid = {policy[:40]!r}; served are error and keep")
    other = node.attributes.number("default_value", 0.0)
    row = np.array([other, *table.values(), other])
    context.give_tensor(node, "output", tape.op("Gather", row, context.sources.code(name, list(table))))


def vector_indexer(node: Node, context: Context) -> None:
    """Columns with few values become indices of them, the others stay as they are."""
    given = node.attributes
    numbers = context.numbers(node, "input", given.whole("num_features"))
    maps = {int(key): _map(node, int(key)) for key in given.numbers("keys").tolist()}
    if any(not 0 <= key < numbers.width for key in maps):
        node.refuse(f"maps a column that is none of {numbers.width}; export the model again")
    policy, tape, dense, parts = invalid(node), context.tape, context.dense(numbers), list[str]()
    for at in range(numbers.width):
        column = tape.columns(dense, [at])
        if at in maps:
            same = tape.op("Equal", column, tape.constant(np.array([list(maps[at])])))
            strange = tape.op("Equal", tape.total(tape.doubles(same)), 0.0)
            column = tape.op("MatMul", tape.doubles(same), np.array([[one] for one in maps[at].values()], np.float64))
            if policy == "keep":
                column = tape.op("Where", strange, float(len(maps[at])), column)
            else:
                context.drop(strange)
        parts.append(column)
    context.give_tensor(node, "output", tape.joined(parts), numbers.width)


def _map(node: Node, key: int) -> Mapping[float, float]:
    names, values = node.attributes.numbers(f"key_{key}_keys"), node.attributes.numbers(f"key_{key}_values")
    if len(names) != len(values) or not len(names):
        node.refuse(f"maps column {key} by {len(names)} keys and {len(values)} values; export the model again")
    return dict(zip(names.tolist(), values.tolist(), strict=True))


def bucketizer(node: Node, context: Context) -> None:
    """The bucket that holds a number; its upper end belongs to the next one, but for the last.

    What handle_invalid is about is NaN: a number outside of all buckets is always an error.
    """
    splits, policy = _splits(node, "splits"), invalid(node)
    name = context.input(node, "input")
    raw = name not in context.columns or name in context.sources.fields
    numbers = context.numbers(node, "input")
    context.sources.hint(name, splits[np.isfinite(splits)].tolist()) if name in context.sources.fields else None
    value = context.dense(numbers)
    if raw and name in context.sources.fields:
        value = context.sources.bounded(name, float(splits[0]), float(splits[-1]), missing=policy != "error")
    tape, count = context.tape, len(splits) - 1
    found = tape.total(tape.doubles(tape.op("GreaterOrEqual", value, tape.constant(splits[None, 1:-1]))))
    ends = (float(splits[0]), float(splits[-1]))
    inside = tape.op("And", tape.op("GreaterOrEqual", value, ends[0]), tape.op("LessOrEqual", value, ends[1]))
    if policy == "keep":
        gone = tape.op("IsNaN", value)
        found, inside = tape.op("Where", gone, float(count), found), tape.op("Or", inside, gone)
    context.drop(tape.op("Not", inside))
    context.give_tensor(node, "output", found)


def _splits(node: Node, name: str) -> Floats:
    """JSON has no infinity: at the ends it is written as null."""
    found = node.attributes.numbers(name, finite=False)
    if len(found) > 2:
        found[0] = -np.inf if np.isnan(found[0]) else found[0]
        found[-1] = np.inf if np.isnan(found[-1]) else found[-1]
    if len(found) < 3 or not (np.diff(found) > 0).all():
        node.refuse("has splits that are not three numbers at least, each above the one before it")
    return found


def binarizer(node: Node, context: Context) -> None:
    """1 above the threshold, else 0."""
    numbers = context.vector(node)
    above = context.tape.op("Greater", context.dense(numbers), node.attributes.number("threshold", 0.0))
    made = Dense(context.tape.doubles(above), numbers.width)
    context.give(node, "output", Numbers((made,), scalar=numbers.scalar))


def imputer(node: Node, context: Context) -> None:
    """Another number for NaN, for null and for the one that means missing."""
    given = node.attributes
    new = "surrogate_value" if given.has("surrogate_value") else "imputeValue"
    fill = given.number(new)
    mark = given.maybe("missing_value" if given.has("missing_value") else "missingValue", float("nan"))
    numbers, tape = context.vector(node), context.tape
    if numbers.width != 1:
        node.refuse(f"fills a vector of {numbers.width} numbers with one; it is for one column")
    value = context.dense(numbers)
    gone = tape.op("IsNaN", value)
    if mark == mark:
        gone = tape.op("Or", gone, tape.op("Equal", value, mark))
    context.give_tensor(node, "output", tape.op("Where", gone, fill, value))
