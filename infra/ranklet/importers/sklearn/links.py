"""Functions of doubles, of operators that onnxruntime has for doubles."""

from __future__ import annotations

from collections.abc import Sequence

from ranklet.importers.tape import Tape

# M. J. Wichura, "Algorithm AS 241: the percentage points of the normal distribution", Applied Statistics 37 (1988):
# numerator and denominator near the middle, and towards the ends down to 1e-11; rising powers.
_MIDDLE = (
    (
        3.3871328727963666080, 133.14166789178437745, 1971.5909503065514427, 13731.693765509461125,
        45921.953931549871457, 67265.770927008700853, 33430.575583588128105, 2509.0809287301226727,
    ),
    (
        1.0, 42.313330701600911252, 687.18700749205790830, 5394.1960214247511077,
        21213.794301586595867, 39307.895800092710610, 28729.085735721942674, 5226.4952788528545610,
    ),
)  # fmt: skip
_ENDS = (
    (
        1.42343711074968357734, 4.63033784615654529590, 5.76949722146069140550, 3.64784832476320460504,
        1.27045825245236838258, 0.241780725177450611770, 0.0227238449892691845833, 0.000774545014278341407640,
    ),
    (
        1.0, 2.05319162663775882187, 1.67638483018380384940, 0.689767334985100004550,
        0.148103976427480074590, 0.0151986665636164571966, 0.000547593808499534494600, 1.05075007164441684324e-9,
    ),
)  # fmt: skip


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


def normal_quantile(tape: Tape, given: str) -> str:
    """The standard normal distribution's quantile of shares from 1e-10 to 1 - 1e-10, right to 1e-15 of itself."""
    off = tape.op("Sub", given, 0.5)
    near = tape.op("Sub", 0.180625, tape.op("Mul", off, off))
    middle = tape.op("Mul", off, _ratio(tape, near, *_MIDDLE))
    upper = tape.op("Greater", off, 0.0)
    rest = tape.op("Where", upper, tape.op("Sub", 1.0, given), given)
    far = tape.op("Sub", tape.op("Sqrt", tape.op("Neg", tape.op("Log", rest))), 1.6)
    size = _ratio(tape, far, *_ENDS)
    ends = tape.op("Where", upper, size, tape.op("Neg", size))
    return tape.op("Where", tape.op("LessOrEqual", tape.op("Abs", off), 0.425), middle, ends)


def _ratio(tape: Tape, given: str, above: Sequence[float], below: Sequence[float]) -> str:
    return tape.op("Div", _polynomial(tape, given, above), _polynomial(tape, given, below))


def _polynomial(tape: Tape, given: str, factors: Sequence[float]) -> str:
    found: str | float = factors[-1]
    for factor in factors[-2::-1]:
        found = tape.op("Add", tape.op("Mul", given, found), factor)
    return str(found)
