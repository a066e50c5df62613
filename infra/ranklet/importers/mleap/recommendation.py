"""Collaborative filtering: a rating is the dot product of a user's factors and an item's, as ALS finds them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ranklet.importers.mleap import classes
from ranklet.importers.mleap.context import Context
from ranklet.importers.mleap.encoding import MOST_WORDS
from ranklet.importers.mleap.nodes import Node

MOST_FACTORS = 1 << 27
"""Numbers of one side: a graph is a file of 2 GiB at most."""


def als(node: Node, context: Context) -> None:
    """Factors are of 32 bits, their sum of 64, and the rating of 32 again: as MLeap has it. Unknown ids have none."""
    tape = context.tape
    sides = [_factors(node, context, port) for port in ("user", "item")]
    rating = tape.narrowed(tape.total(tape.op("Mul", *sides)))
    classes.regression(node, context, rating)


def _factors(node: Node, context: Context, port: str) -> str:
    """double [n, rank]; NaN of an unknown id, and so is the rating."""
    ids, table = _ids(node, f"{port}s"), _table(node, f"{port}_factors")
    if len(ids) != len(table):
        node.refuse(f"has {len(ids)} {port}s and {port}_factors of {len(table)}; export the model again")
    row = context.tape.op("Reshape", context.known(node, port, ids), [-1])
    unknown = np.full((1, table.shape[1]), np.nan, np.float32)
    return context.tape.doubles(context.tape.op("Gather", np.concatenate([table, unknown]), row, axis=0))


def _ids(node: Node, name: str) -> list[int]:
    found = node.attributes.numbers(name)
    if not 1 <= len(found) <= MOST_WORDS:
        node.refuse(f"has {len(found)} {name}; served are 1 to {MOST_WORDS}")
    if (found != np.floor(found)).any() or found.min() < -(2**31) or found.max() >= 2**31:
        node.refuse(f"has {name} with an id that is no whole number of 32 bits; export the model again")
    if len(np.unique(found)) < len(found):
        node.refuse(f"has {name} with an id that is there twice; export the model again")
    return found.astype(np.int64).tolist()  # type: ignore[no-any-return]


def _table(node: Node, name: str) -> NDArray[np.float32]:
    found, rank = node.attributes.vectors(name), node.attributes.whole("rank")
    if found.shape[1] != rank:
        node.refuse(f"has {name} of {found.shape[1]} numbers each, and the rank {rank}; export the model again")
    if found.size > MOST_FACTORS or np.abs(found).max() > np.finfo(np.float32).max:
        node.refuse(f"has {name} of {found.size} numbers, more than {MOST_FACTORS}, or one beyond 32 bits")
    return found.astype(np.float32)
