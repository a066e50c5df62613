"""Targets: what becomes of a prediction before it is told (dmg.org, Targets): bounds, then scale, then rounding."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from ranklet.importers.pmml.context import Context
from ranklet.importers.pmml.markup import Element, refuse
from ranklet.importers.pmml.results import Result
from ranklet.importers.pmml.values import Choice, Domain, Number

ROUNDINGS: Mapping[str, str] = {"ceiling": "Ceil", "floor": "Floor"}


def apply(model: Element, result: Result, context: Context) -> Result:
    """The result as the model's one target says. Raises ImportRefused for what is not served."""
    found = targets.all("Target") if (targets := model.one("Targets")) is not None else []
    if not found:
        return result
    if len(found) > 1:
        refuse(found[1], "is the second target of a model, which has one here")
    target = found[0]
    value = context.sources.on_tape(result.value)
    if any(one.get("priorProbability") is not None for one in target.all("TargetValue")):
        result = _prior(target, value, result, context)
    defaults = [one.number("defaultValue") for one in target.all("TargetValue") if one.get("defaultValue") is not None]
    numeric = [name for name in NUMBERS if target.get(name) is not None]
    if not numeric and not defaults:
        return result
    if not isinstance(value, Number):
        refuse(target, f"has {(*numeric, 'defaultValue')[0]} for a prediction that is no number")
    made = _scaled(target, value.tensor, context)
    if defaults:
        made = context.where(context.gone(value), defaults[0], made)
    return replace(result, value=Number(made, value.kind))


def _prior(target: Element, value: Number | Choice, result: Result, context: Context) -> Result:
    """Where the model predicts nothing, the likeliest class of the priors."""
    shares = {one.name("value"): one.number("priorProbability") for one in target.all("TargetValue")}
    if not isinstance(value, Choice):
        refuse(target, "has probabilities of classes for a prediction that is a number")
    gone, domain = context.gone(value), Domain.of([*value.domain.words, *shares])
    best = max(shares, key=shares.__getitem__)
    codes = context.tape.op("Where", gone, [domain.words[best]], value.tensor)
    probabilities = {
        name: context.where(gone, shares.get(name, 0.0), found) for name, found in result.probabilities.items()
    }
    return replace(result, value=context.choice(codes, domain, value.kind), probabilities=probabilities)


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
