"""Columns hashed to places of one wide vector: Spark's FeatureHasher and HashingTF, by MurmurHash3."""

from __future__ import annotations

from ranklet.importers.mleap.context import MAX_WIDTH, Context
from ranklet.importers.mleap.nodes import Node
from ranklet.importers.mleap.values import Hashed, Numbers
from ranklet_features.murmur3 import one

SEED = 42
TEXTS = ("string", "boolean")
NUMBERS = ("double", "float", "int", "long", "short")


def feature_hasher(node: Node, context: Context) -> None:
    """A text is 1 at the place of `column=text`, a number is itself at the place of its column; null is nowhere."""
    given = node.attributes
    width, names, kinds = given.whole("num_features"), given.texts("input_names"), given.texts("basic_types")
    if not 1 <= width <= MAX_WIDTH or not names or len(names) != len(kinds) or len(names) != len(node.inputs):
        node.refuse(f"hashes {len(names)} columns, {len(kinds)} types to {width} places; served are {MAX_WIDTH}")
    categories = given.texts("categorical_cols") if given.has("categorical_cols") else []
    codes, numbers, tape = list[str](), list[tuple[str, int]](), context.tape
    for at, (name, kind) in enumerate(zip(names, kinds, strict=True)):
        port = f"input{at}"
        if kind in TEXTS:
            found = context.sources.bucket(context.text(node, port), name, width)
            place, gone = context.whole(found, width)
            codes.append(tape.op("Where", gone, [width], place))
        elif kind in NUMBERS and name not in categories:
            value = context.dense(context.numbers(node, port))
            numbers.append((tape.op("Where", tape.op("IsNaN", value), 0.0, value), bucket(name, width)))
        else:
            node.refuse(f"takes {name[:80]!r}, which is {kind[:20]}, as a category; served are texts")
    context.give(node, "output", Numbers((Hashed(tuple(codes), tuple(numbers), width),)))


def hashing_term_frequency(node: Node, context: Context) -> None:
    """How often each place is met in a list of texts."""
    width, version = node.attributes.whole("num_features"), node.attributes.whole("hashUnsafeBytesVersion", 1)
    if version != 2:
        node.refuse(f"hashes by version {version}, as Spark 2 did; served is 2: fit it with Spark 3")
    if node.attributes.flag("binary", default=False):
        node.refuse("is binary, and served are counts of terms")
    if not 1 <= width <= MAX_WIDTH:
        node.refuse(f"has num_features = {width}; served are 1 to {MAX_WIDTH}")
    tape, hashes = context.tape, context.sources.terms(context.terms(node, "input"), width, SEED)
    size, below = tape.op("Div", hashes, [2]), tape.op("Equal", tape.op("Mod", hashes, [2]), [1])
    # of a hash below 0 what is left, is counted from the end, as Spark has it
    places = tape.op("Where", below, tape.op("Mod", tape.op("Sub", [width], size), [width]), size)
    codes = tape.op("Where", tape.op("Less", hashes, [0]), [width], places)
    context.give(node, "output", Numbers((Hashed((codes,), (), width),)))


def bucket(text: str, count: int) -> int:
    """The place of a text."""
    found = one(text.encode(errors="replace"), SEED)
    return (found - (1 << 32) if found >> 31 else found) % count
