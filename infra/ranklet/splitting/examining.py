"""What the compiler finds of a model's graph, told and not built: no catalogue is run, no table pinned anew."""

from __future__ import annotations

from dataclasses import replace

from ranklet.errors import ModelError
from ranklet.graph.records import Compiled, Timing
from ranklet.splitting import compiling
from ranklet.splitting.alternatives import UNFIT
from ranklet.splitting.catalogue import catalogue, table
from ranklet.splitting.given import Given
from ranklet.splitting.making import ITEMS
from ranklet.splitting.sides import sides
from ranklet.splitting.subject import subject, why_not
from ranklet.tables.sources.base import Asked


def examine(given: Given) -> Compiled:
    """As a build would compile it; with the figures of an earlier build of the same, where there was one.

    Raises ModelError for a model whose graph is not split.
    """
    model = given.model
    if model.split.mode == "off":
        raise ModelError(f'{model.name}: [split] mode = "off": its graph ships as it is')
    if (why := why_not(model, given.parts.steps)) is not None:
        raise ModelError(f"{model.name} is not split: {why}")
    asked = Asked(ITEMS, table(model), given.folder, given.resolve, model.inputs, model.features)
    found = subject(model, given.folder, given.parts.steps, given.parts.tables, catalogue(model, asked))
    given.progress("compiling the graph")
    declared = sides(found)
    known = compiling.remembered(given.memory, compiling.digest(found, declared))
    try:
        made = compiling.compiled(found, declared, known)
    except UNFIT as error:
        raise ModelError(f"{model.name}: its graph is not split: {error}") from error
    if known is None or model.split.variant is not None:
        return made
    timings = tuple(Timing(**timing) for timing in known.timings)
    report = replace(made.report, reason=known.reason, declined=known.declined, timings=timings, control=known.control)
    return replace(made, report=report)
