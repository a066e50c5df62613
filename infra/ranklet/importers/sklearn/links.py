"""Functions of doubles, of operators that onnxruntime has for doubles."""

from __future__ import annotations

from ranklet.importers.sklearn.tape import Tape


def sigmoid(tape: Tape, given: str) -> str:
    """1 / (1 + exp(-x)), exact for small probabilities too."""
    return tape.op("Div", 1.0, tape.op("Add", 1.0, tape.op("Exp", tape.op("Neg", given))))


def softmax(tape: Tape, given: str) -> str:
    """exp(x - max) over their sum, a row."""
    powers = tape.op("Exp", tape.op("Sub", given, tape.op("ReduceMax", given, [1], keepdims=1)))
    return tape.op("Div", powers, tape.total(powers))


def log1p(tape: Tape, given: str) -> str:
    """x · log(w) / (w - 1) of w = 1 + x, which is right where 1 + x is rounded (Kahan), and x where w is 1."""
    w = tape.op("Add", 1.0, given)
    rounded = tape.op("Sub", w, 1.0)
    small = tape.op("Equal", rounded, 0.0)
    quotient = tape.op("Div", tape.op("Mul", given, tape.op("Log", w)), tape.op("Where", small, 1.0, rounded))
    kept = tape.op("Where", small, given, quotient)
    return tape.op("Where", tape.op("IsInf", w), w, kept)


def expm1(tape: Tape, given: str) -> str:
    """(w - 1) · x / log(w) of w = exp(x), where w is near 1 (Kahan), w - 1 elsewhere."""
    w = tape.op("Exp", given)
    plain = tape.op("Sub", w, 1.0)
    flat = tape.op("Equal", plain, 0.0)
    log = tape.op("Log", tape.op("Where", flat, 2.0, w))
    near = tape.op("Div", tape.op("Mul", plain, given), tape.op("Where", tape.op("Equal", log, 0.0), 1.0, log))
    close = tape.op("Less", tape.op("Abs", given), 1.0)
    return tape.op("Where", flat, given, tape.op("Where", close, near, plain))
