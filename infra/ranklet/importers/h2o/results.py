"""What `score0` says of a row, and what H2O's wrapper makes of that: labels, probabilities, calibrated ones."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from onnx import TensorProto

from ranklet.errors import ImportRefused
from ranklet.importers.h2o.mojo import Mojo
from ranklet.importers.tape import Tape

INT64 = int(TensorProto.INT64)
_WHOLE = re.compile(r"[+-]?[0-9]{1,10}")


@dataclass(frozen=True)
class Scored:
    """values: double [n, 1] each: the prediction, or one for each class. label: the class's place from 0, int64 [n, 1].

    named: further outputs by name.
    """

    values: tuple[str, ...]
    label: str | None = None
    named: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Told:
    """An output that callers get. labels: what its codes 1, 2 … stand for, None of a number."""

    tensor: str
    labels: tuple[str, ...] | None = None


def binomial(tape: Tape, yes: str, no: str, threshold: float) -> Scored:
    """Two classes: the second where its probability reaches the threshold."""
    label = tape.op("Cast", tape.op("GreaterOrEqual", yes, threshold), to=INT64)
    return Scored((no, yes), label)


def complement(tape: Tape, yes: str, threshold: float) -> Scored:
    """Two classes of one probability."""
    return binomial(tape, yes, tape.op("Sub", 1.0, yes), threshold)


def classified(tape: Tape, classes: str, mojo: Mojo) -> Scored:
    """classes: double [n, k], probabilities. The most probable one, of equal ones the first; of two by threshold."""
    parts = tuple(tape.columns(classes, [at]) for at in range(mojo.classes))
    if mojo.classes == 2:
        return binomial(tape, parts[1], parts[0], mojo.number("default_threshold"))
    return Scored(parts, first_best(tape, classes))


def first_best(tape: Tape, classes: str) -> str:
    """The place of the greatest, the first of equal ones: int64 [n, 1]."""
    return tape.op("ArgMax", classes, axis=1, keepdims=1, select_last_index=0)


def balanced(tape: Tape, classes: str, mojo: Mojo) -> str:
    """Probabilities corrected for the shares of classes that a model was trained with (`correctProbabilities`)."""
    if not mojo.flag("balance_classes"):
        return classes
    prior = mojo.doubles("prior_class_distrib", size=mojo.classes)
    trained = mojo.doubles("model_class_distrib", size=mojo.classes)
    ratio = np.where((prior != 0) & (trained != 0), prior / np.where(trained == 0, 1, trained), 1.0)
    return shares(tape, tape.op("Mul", classes, ratio[None]))


def shares(tape: Tape, classes: str) -> str:
    """Divided by their sum, where that is above 0."""
    total = tape.total(classes)
    return tape.op("Where", tape.op("Greater", total, 0.0), tape.op("Div", classes, total), classes)


def told(mojo: Mojo, scored: Scored, calibrated: Sequence[str] = ()) -> dict[str, Told]:
    """The scorer's columns by name. Raises ImportRefused for two of one name."""
    found = [(name, Told(one)) for name, one in scored.named.items()]
    if scored.label is not None:
        names = _names(mojo, len(scored.values))
        found.append(("predict", Told(scored.label, mojo.response or tuple(map(str, range(len(names)))))))
        found += [(name, Told(one)) for name, one in zip(names, scored.values, strict=True)]
        found += [(f"cal_{name}", Told(one)) for name, one in zip(names, calibrated, strict=False)]
    elif scored.values:
        found.append(("predict", Told(scored.values[0])))
    if len(made := dict(found)) != len(found):
        raise ImportRefused(f"two of its outputs have one name: {', '.join(name for name, _ in found)}"[:300])
    return made


def _names(mojo: Mojo, classes: int) -> list[str]:
    """Of classes; those that look like whole numbers get a `p` before them, as PredictCsv does."""
    if mojo.response is None:
        names = {"glm": "{}", "gbm": "pVal{}"}
        if mojo.algorithm not in names or classes != 2:
            raise ImportRefused("its target has classes without names (domains); train it with a factor as the target")
        return [names[mojo.algorithm].format(at) for at in range(classes)]
    if len(mojo.response) != classes:
        raise ImportRefused(f"its target has {len(mojo.response)} names for {classes} classes")
    return [f"p{word}" if _WHOLE.fullmatch(word) and -(2**31) <= int(word) < 2**31 else word for word in mojo.response]
