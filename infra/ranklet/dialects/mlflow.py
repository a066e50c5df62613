"""MLflow's scoring server: data frames in both orientations, columns with the user once, CSV; its paths for OpenAPI."""

from __future__ import annotations

from collections.abc import Mapping

import orjson

from ranklet.dialects.base import JSON, Form, Message, once, rows
from ranklet.dialects.sagemaker import (
    BYTES,
    CSV,
    HEALTH,
    REFUSED,
    has_words_for,
    invocations,
    outputs,
    predicted,
    scores,
    written,
)
from ranklet.golden import Golden
from ranklet.openapi.base import SCORING, TELLING, Operation
from ranklet_runtime.manifest import Manifest

INVOCATIONS = "/invocations"


def _split(golden: Golden, manifest: Manifest) -> Message:
    table = rows(golden)
    names = [*once(golden), *golden.items]
    frame = {
        "index": list(range(len(table))),
        "columns": names,
        "data": [[row[name] for name in names] for row in table],
    }
    return Message(orjson.dumps({"dataframe_split": frame}))


def _records(golden: Golden, manifest: Manifest) -> Message:
    return Message(orjson.dumps({"dataframe_records": rows(golden)}))


def _inputs(golden: Golden, manifest: Manifest) -> Message:
    shared = {name: [value] for name, value in once(golden).items()}
    return Message(orjson.dumps({"inputs": {**shared, **golden.items}}))


def _csv(golden: Golden, manifest: Manifest) -> Message:
    names = [*once(golden), *golden.items]
    return Message(written([names, *([row[name] for name in names] for row in rows(golden))]))


def _fits(golden: Golden, manifest: Manifest) -> bool:
    """Whether every value is one field of CSV."""
    return has_words_for(golden, manifest) and not any(one.length for one in manifest.spec.inputs.values())


FORMS: Mapping[str, Form] = {
    "mlflow-split": Form(INVOCATIONS, JSON, _split, scores, outputs),
    "mlflow-records": Form(INVOCATIONS, JSON, _records, scores, outputs),
    "mlflow-inputs": Form(INVOCATIONS, JSON, _inputs, scores, outputs),
    "mlflow-csv": Form(INVOCATIONS, CSV, _csv, scores, outputs, fits=_fits),
}


def operations(manifest: Manifest) -> tuple[Operation, ...]:
    """Scoring, health and the version."""
    tag, request = "mlflow", {**invocations(manifest), CSV: BYTES}
    return (
        Operation(
            "score", "POST", INVOCATIONS, "Predictions", predicted(manifest), REFUSED, request, faults=SCORING, tag=tag
        ),
        Operation("pingServer", "GET", "/ping", "Health", {JSON: HEALTH}, REFUSED, faults=TELLING, tag=tag),
        Operation("healthServer", "GET", "/health", "Health", {JSON: HEALTH}, REFUSED, faults=TELLING, tag=tag),
        Operation(
            "version",
            "GET",
            "/version",
            "The protocol's version",
            {"text/plain": {"type": "string"}},
            REFUSED,
            faults=TELLING,
            tag=tag,
        ),
    )
