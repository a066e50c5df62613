"""Products of columns with each other: polynomials and interactions, in Spark's order."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from math import comb

import numpy as np

from ranklet.importers.mleap.context import Context
from ranklet.importers.mleap.nodes import Node

MOST = 1 << 16


def polynomial_expansion(node: Node, context: Context) -> None:
    """All monomials of at most the degree, without 1."""
    degree, numbers = node.attributes.whole("degree"), context.vector(node)
    if degree < 1 or degree > 16 or comb(numbers.width + degree, degree) > MOST:
        node.refuse(f"expands {numbers.width} columns to degree {degree}; served are {MOST} products")
    tape = context.tape
    dense, ones = context.dense(numbers), numbers.width
    padded = tape.joined([dense, tape.op("Add", tape.op("Mul", tape.columns(dense, [0]), 0.0), 1.0)])
    factors = np.array([_factors(powers, degree, ones) for powers in _powers(numbers.width, degree)][1:], np.int64)
    found = tape.columns(padded, factors[:, 0])
    for at in range(1, degree):
        found = tape.op("Mul", found, tape.columns(padded, factors[:, at]))
    context.give_tensor(node, "output", found, len(factors))


def _powers(width: int, degree: int) -> list[tuple[int, ...]]:
    """Exponents by column in Spark's order: the last column's power is the slowest."""
    found: list[tuple[int, ...]] = [()]
    for _ in range(width):
        # built from the last column on: each step puts one more column before those that are there
        found = [(*one, power) for one in found for power in range(degree - sum(one) + 1)]
    return [one[::-1] for one in found]


def _factors(powers: Sequence[int], degree: int, ones: int) -> list[int]:
    """Columns to multiply, as many as the degree; `ones` stands for 1."""
    columns = list(itertools.chain.from_iterable([at] * power for at, power in enumerate(powers)))
    return columns + [ones] * (degree - len(columns))


def interaction(node: Node, context: Context) -> None:
    """Products of one column of each input, the first input's the slowest; categories are columns of 0 and 1."""
    parts = [_input(node, context, at) for at in range(node.attributes.whole("num_inputs"))]
    if not parts:
        node.refuse("has no inputs; drop it from the pipeline")
    found, width = parts[0]
    for tensor, count in parts[1:]:
        if width * count > MOST:
            node.refuse(f"makes more than {MOST} products")
        tape = context.tape
        left = tape.columns(found, np.repeat(np.arange(width), count))
        right = tape.columns(tensor, np.tile(np.arange(count), width))
        found, width = tape.op("Mul", left, right), width * count
    context.give_tensor(node, "output", found, width)


def _input(node: Node, context: Context, at: int) -> tuple[str, int]:
    """One input's columns: a number is one, a category as many as it has values."""
    sizes = [int(one) for one in node.attributes.numbers(f"num_features{at}")]
    if not sizes or min(sizes) < 1 or sum(sizes) > MOST:
        node.refuse(f"has num_features{at} = {sizes[:8]}; export the model again")
    numbers = context.numbers(node, f"input{at}", len(sizes))
    if max(sizes) == 1:
        return context.dense(numbers), len(sizes)
    tape, dense, parts = context.tape, context.dense(numbers), list[str]()
    for place, size in enumerate(sizes):
        column = tape.columns(dense, [place])
        if size > 1:
            _, strange = context.whole(column, size)
            context.drop(strange)
            column = tape.doubles(tape.op("Equal", column, tape.constant(np.arange(size, dtype=np.float64)[None])))
        parts.append(column)
    return tape.joined(parts), sum(sizes)
