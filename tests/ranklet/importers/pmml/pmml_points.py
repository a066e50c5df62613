"""ClusteringModel and NearestNeighborModel: every measure and comparison, weights, and what is told."""

from __future__ import annotations

from collections.abc import Iterator

from pmml_writing import chances, file, tag, told

DISTANCES = {
    "euclidean": "<euclidean/>",
    "squared": "<squaredEuclidean/>",
    "chebychev": "<chebychev/>",
    "city": "<cityBlock/>",
    "minkowski": '<minkowski p-parameter="3"/>',
}
SIMILARITIES = {
    "matching": "<simpleMatching/>",
    "jaccard": "<jaccard/>",
    "tanimoto": "<tanimoto/>",
}
COMPARED = ("absDiff", "delta", "equal")
CENTRES = ("0 0 0.5", "1.5 -1 0", "-1 2 1.25", "2 2 -1")


def clusters(fields: str, centres: tuple[str, ...] = CENTRES) -> str:
    return "".join(
        tag(
            "Cluster", f'<Array n="{len(fields.split())}" type="real">{centre}</Array>', id=f"g{at}", name=f"group {at}"
        )
        for at, centre in enumerate(centres)
    )


def clustering(
    measure: str,
    *,
    kind: str = "distance",
    compared: str = "absDiff",
    fields: str = "x z w",
    more: str = "",
    centres: tuple[str, ...] = CENTRES,
    output: str = "",
    weights: str = "",
) -> str:
    measured = f'<ComparisonMeasure kind="{kind}" compareFunction="{compared}">{measure}</ComparisonMeasure>'
    centred = "".join(f'<ClusteringField field="{name}" {more}/>' for name in fields.split())
    body = measured + centred + weights + clusters(fields, centres)
    said = output or told("group", "predictedValue") + "".join(
        told(f"far_{at}", "affinity", "double", value=f"g{at}") for at in range(len(centres))
    )
    return file(
        "ClusteringModel",
        "clustering",
        body,
        fields=fields,
        target=None,
        output=said,
        more=f'modelClass="centerBased" numberOfClusters="{len(centres)}"',
    )


def clusterings() -> Iterator[tuple[str, str]]:
    for name, measure in DISTANCES.items():
        yield f"cluster_{name}", clustering(measure)
        yield f"cluster_{name}_weights", clustering(measure, more='fieldWeight="0.5"')
        for compared in COMPARED[1:]:
            yield f"cluster_{name}_{compared}", clustering(measure, compared=compared)
    bits = ("1 0 1", "0 1 1", "1 1 0", "0 0 0")
    for name, measure in SIMILARITIES.items():
        yield f"cluster_{name}", clustering(measure, kind="similarity", fields="m n o", centres=bits)
    weights = '<MissingValueWeights><Array n="3" type="real">1 2 0.5</Array></MissingValueWeights>'
    yield "cluster_missing_weights", clustering("<euclidean/>", weights=weights)
    yield (
        "cluster_told",
        clustering(
            "<squaredEuclidean/>",
            output=told("id", "entityId")
            + told("far", "affinity", "double")
            + told("second", "entityId", rank=2)
            + told("second_far", "affinity", "double", rank=2),
        ),
    )


ROWS = (
    (0.5, -1, "a", 1.5),
    (1, 0, "b", 2.5),
    (-1, 2, "a", -0.5),
    (0, 0.25, "c", 4),
    (2, 1, "c", 0.75),
    (-2, -1, "b", 3),
    (1.5, 1.75, "a", -2),
    (-0.25, 0.75, "b", 1),
)


def neighbours(
    function: str,
    more: str,
    *,
    measure: str = "<euclidean/>",
    output: str = "",
    target: str | None = None,
    ids: bool = False,
) -> str:
    target = target or ("k3" if function == "classification" else "y")
    place = 2 if function == "classification" else 3
    columns = "".join(
        tag("InstanceField", field=name, column=name) for name in ("x", "z", target, *(("id",) if ids else ()))
    )
    cells = "".join(
        f"<row><x>{row[0]}</x><z>{row[1]}</z><{target}>{row[place]}</{target}>{f'<id>row {at}</id>' if ids else ''}</row>"  # noqa: E501
        for at, row in enumerate(ROWS)
    )
    instances = tag(
        "TrainingInstances", tag("InstanceFields", columns) + tag("InlineTable", cells), isTransformed="false"
    )
    inputs = "".join(
        tag("KNNInput", field=name, fieldWeight=weight, compareFunction="absDiff")
        for name, weight in (("x", 1), ("z", 2))
    )
    body = instances + f'<ComparisonMeasure kind="distance">{measure}</ComparisonMeasure>' + tag("KNNInputs", inputs)
    kept = ' instanceIdVariable="id"' if ids else ""
    return file(
        "NearestNeighborModel", function, body, target=target, output=output, more=f'numberOfNeighbors="3" {more}{kept}'
    )


def nearest() -> Iterator[tuple[str, str]]:
    for method in ("average", "weightedAverage", "median"):
        yield f"knn_{method}", neighbours("regression", f'continuousScoringMethod="{method}"')
    for method in ("majorityVote", "weightedMajorityVote"):
        yield f"knn_{method}", neighbours("classification", f'categoricalScoringMethod="{method}"')
    for name, measure in DISTANCES.items():
        yield f"knn_measure_{name}", neighbours("regression", 'continuousScoringMethod="average"', measure=measure)
    ranks = "".join(told(f"near_{rank}", "entityId", rank=rank) for rank in (1, 2, 3))
    yield "knn_ids", neighbours("regression", 'continuousScoringMethod="average"', ids=True, output=ranks)
    yield "knn_places", neighbours("classification", 'categoricalScoringMethod="majorityVote"', output=ranks)


def files() -> Iterator[tuple[str, str]]:
    yield from clusterings()
    yield from nearest()


__all__ = ["chances", "files"]
