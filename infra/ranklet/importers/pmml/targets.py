"""Targets: what becomes of a prediction before it is told (dmg.org, Targets): bounds, then scale, then rounding."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from ranklet.importers.pmml.context import Context
from ranklet.importers.pmml.markup import Element, refuse
from ranklet.importers.pmml.results import Result
from ranklet.importers.pmml.values import Number

ROUNDINGS: Mapping[str, str] = {"ceiling": "Ceil", "floor": "Floor"}


def apply(model: Element, result: Result, context: Context) -> Result:
    """The result as the model's one target says. Raises ImportRefused for what is not served."""
    found = targets.all("Target") if (targets := model.one("Targets")) is not None else []
    if not found:
        return result
    if len(found) > 1:
        refuse(found[1], "is the second target of a model, which has one here")
    target = found[0]
    values = target.all("TargetValue")
    if any(one.get("defaultValue") is not None or one.get("priorProbability") is not None for one in values):
        refuse(target, "says what to predict where the model predicts nothing (TargetValue), which is not served")
    value = context.sources.on_tape(result.value)
    numeric = [name for name in NUMBERS if target.get(name) is not None]
    if not numeric:
        return result
    if not isinstance(value, Number):
        refuse(target, f"has {numeric[0]} for a prediction that is no number")
    return replace(result, value=Number(_scaled(target, value.tensor, context), value.kind))


NUMBERS = ("min", "max", "rescaleConstant", "rescaleFactor", "castInteger")


def _scaled(target: Element, tensor: str, context: Context) -> str:
    tape = context.tape
    if target.get("min") is not None:
        tensor = tape.op("Max", tensor, target.number("min"))
    if target.get("max") is not None:
        tensor = tape.op("Min", tensor, target.number("max"))
    if (factor := target.number("rescaleFactor", 1.0)) != 1:
        tensor = tape.op("Mul", tensor, factor)
    if (constant := target.number("rescaleConstant", 0.0)) != 0:
        tensor = tape.op("Add", tensor, constant)
    if target.get("castInteger") is None:
        return tensor
    if (how := target.choice("castInteger", ("round", *ROUNDINGS))) == "round":
        # Java's Math.round: halves go up.
        return tape.op("Floor", tape.op("Add", tensor, 0.5))
    return tape.op(ROUNDINGS[how], tensor)
