"""Φ and atan of doubles, which onnxruntime has in 32 bits alone, made of operations that it has."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
from numpy.polynomial import chebyshev

from ranklet.importers.tape import Tape
from ranklet.importers.trees.records import Floats

DEGREE = 30
"""Of the polynomial below: its error is that of a double."""
FAR = 20.0
TERMS = 14


def normal(tape: Tape, y: str) -> str:
    """Φ(y) = erfc(-y / √2) / 2, to the last digits of small ones too.

    erfc(z) = t · g(t) · exp(-z²) with t = 2 / (2 + z), z ≥ 0, and g a polynomial (as in Numerical Recipes, 6.2.2).
    """
    z = tape.op("Mul", tape.op("Abs", y), math.sqrt(0.5))
    t = tape.op("Div", 2.0, tape.op("Add", z, 2.0))
    g = _polynomial(tape, tape.op("Sub", tape.op("Mul", t, 2.0), 1.0), _scaled_erfc())
    tail = tape.op("Mul", tape.op("Mul", t, g), tape.op("Exp", tape.op("Neg", tape.op("Mul", z, z))))
    tail = tape.op("Mul", tail, 0.5)
    return tape.op("Where", tape.op("LessOrEqual", y, 0.0), tail, tape.op("Sub", 1.0, tail))


def arctangent(tape: Tape, y: str) -> str:
    """atan(y): of 1/y where |y| > 1, with the angle halved twice, as a power series."""
    size = tape.op("Abs", y)
    far = tape.op("Greater", size, 1.0)
    x = tape.op("Where", far, tape.op("Div", 1.0, size), size)
    for _ in range(2):
        root = tape.op("Sqrt", tape.op("Add", tape.op("Mul", x, x), 1.0))
        x = tape.op("Div", x, tape.op("Add", root, 1.0))
    series = np.array([(-1.0) ** k / (2 * k + 1) for k in range(TERMS)])
    angle = tape.op("Mul", tape.op("Mul", x, 4.0), _polynomial(tape, tape.op("Mul", x, x), series))
    angle = tape.op("Where", far, tape.op("Sub", math.pi / 2, angle), angle)
    return tape.op("Where", tape.op("Less", y, 0.0), tape.op("Neg", angle), angle)


def _polynomial(tape: Tape, x: str, coefficients: Floats) -> str:
    """Σ c · x^k by Horner's rule."""
    found = tape.op("Mul", x, float(coefficients[-1]))
    for one in coefficients[-2:0:-1]:
        found = tape.op("Mul", tape.op("Add", found, float(one)), x)
    return tape.op("Add", found, float(coefficients[0]))


@cache
def _scaled_erfc() -> Floats:
    """g over 2t - 1 in [-1, 1], through its values at Chebyshev's points."""
    points = chebyshev.chebpts1(DEGREE + 1)
    t = (points + 1) / 2
    values = [_scaled(2 / one - 2) / one for one in t.tolist()]
    return chebyshev.cheb2poly(chebyshev.chebfit(points, values, DEGREE))


def _scaled(z: float) -> float:
    """exp(z²) · erfc(z)."""
    if z < FAR:
        return math.exp(z * z) * math.erfc(z)
    found, term = 1.0, 1.0
    for k in range(1, 9):
        term *= -(2 * k - 1) / (2 * z * z)
        found += term
    return found / (z * math.sqrt(math.pi))
