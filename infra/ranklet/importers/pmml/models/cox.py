"""Cox's regression: the cumulative hazard until a time, of a baseline and the row's own risk (dmg.org).

H(t) = H₀(t) · exp(Σ beta · (term - its reference)).
"""

from __future__ import annotations

import numpy as np

from ranklet.importers.pmml.context import Context
from ranklet.importers.pmml.markup import Element, refuse
from ranklet.importers.pmml.results import Result
from ranklet.importers.pmml.values import Number


def build(model: Element, total: str, context: Context) -> Result:
    """total: Σ beta · term. Raises ImportRefused for strata, and for a baseline that is none."""
    if model.get("baselineStrataVariable") is not None:
        refuse(model, "has baselines by strata (baselineStrataVariable), which is not served")
    baseline = _baseline(model, context)
    tape = context.tape
    risk = tape.op("Mul", baseline, tape.op("Exp", tape.op("Sub", total, _reference(model))))
    # Where nothing can have happened yet JPMML does not ask for the risk.
    return Result("regression", Number(context.where(tape.op("Equal", baseline, 0.0), 0.0, risk)))


def _baseline(model: Element, context: Context) -> str:
    """H₀ at the row's time: of the last cell until then, 0 before the first, missing after maxTime."""
    tape, table = context.tape, model.need("BaseCumHazardTables")
    cells = sorted((one.number("time"), one.number("cumHazard")) for one in table.all("BaselineCell"))
    if not cells:
        refuse(table, "has no BaselineCell")
    time = context.number(model.name("endTimeVariable"), model).tensor
    reached = tape.doubles(tape.op("GreaterOrEqual", time, np.array([[one for one, _ in cells]])))
    count = tape.op("Cast", tape.total(reached), to=7)
    found = tape.op("Gather", np.array([0.0, *(hazard for _, hazard in cells)]), count, axis=0)
    late = tape.op("Greater", time, table.number("maxTime", cells[-1][0]))
    return context.where(tape.op("Or", late, tape.op("IsNaN", time)), np.nan, found)


def _reference(model: Element) -> float:
    """Σ beta · the parameter's reference point."""
    points = {
        one.name("name"): one.number("referencePoint", 0.0) for one in model.need("ParameterList").all("Parameter")
    }
    cells = model.need("ParamMatrix").all("PCell")
    return float(sum(one.number("beta") * points.get(one.name("parameterName"), 0.0) for one in cells))
