"""ClusteringModel with centres: the nearest, or the most similar, cluster (dmg.org, Clustering)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ranklet.importers.pmml import arrays, measures, ranks
from ranklet.importers.pmml.context import Context
from ranklet.importers.pmml.markup import Element, refuse
from ranklet.importers.pmml.results import Result
from ranklet.importers.pmml.values import Domain


def build(model: Element, context: Context) -> Result:
    """As the protocol says."""
    model.choice("modelClass", ("centerBased",), "centerBased")
    fields = [one for one in model.all("ClusteringField") if one.get("isCenterField", "true") in ("true", "1")]
    clusters = model.all("Cluster")
    if not fields or not clusters:
        refuse(model, "has no ClusteringField, or no Cluster")
    centres = np.array([arrays.numbers(one.need("Array"), len(fields)) for one in clusters])
    measure = model.need("ComparisonMeasure")
    columns = [context.number(one.name("field"), one).tensor for one in fields]
    weights = model.one("MissingValueWeights")
    missing = None if weights is None else arrays.numbers(weights.need("Array"), len(fields))
    found = measures.compare(measure, fields, context.tape.joined(columns), centres, context, missing=missing)
    return _nearest(clusters, found, context, similar=measures.similar(measure))


def _nearest(clusters: Sequence[Element], found: str, context: Context, *, similar: bool) -> Result:
    """found [n, clusters]."""
    tape = context.tape
    ids = [one.get("id") or str(at) for at, one in enumerate(clusters, start=1)]
    domain = Domain.of(ids)
    best = tape.op("ArgMax" if similar else "ArgMin", found, axis=1, keepdims=1)
    gone = tape.op("IsNaN", tape.total(found))
    value = context.choice(tape.op("Where", gone, [0], tape.op("Add", best, [1])), domain)
    affinities = {name: tape.columns(found, [at]) for at, name in enumerate(ids)}
    ranked = ranks.Ranks(found, domain, np.arange(1, len(ids) + 1), context, largest=similar)
    return Result("clustering", value, scores={"affinity": affinities}, entity=value, ranks=ranked)
