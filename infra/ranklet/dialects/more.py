"""What ranklet's own form has beyond user, items and scores, where a model has it: tokens, and lists made of more."""

from __future__ import annotations

from typing import Any

from ranklet.dialects.base import JSON, MSGPACK
from ranklet.openapi import schemas
from ranklet.openapi.base import SCORING, Operation, of_label, of_version
from ranklet_runtime.after import STEPS
from ranklet_runtime.after.explore import METHODS
from ranklet_runtime.dialects.more import SEEDS
from ranklet_runtime.manifest import Manifest

MODEL = "/v1/models/{model}"
OF_TOKENS = (401, 409)
"""What is answered to a token that is not taken."""
LISTING = ("cap", "diversify", "explore")
ASKED = {
    "explore": {"type": ["boolean", "null"]},
    "seed": {"type": ["integer", "null"], "minimum": 0, "maximum": SEEDS - 1},
}


def asked(manifest: Manifest) -> dict[str, Any]:
    """Further properties of a request to rank."""
    token = {"token": {"type": ["string", "null"]}} if manifest.token is not None else {}
    return {**token, **{name: ASKED[name] for name in manifest.after.get("requests", ())}}


def told(manifest: Manifest) -> dict[str, Any]:
    """Further properties of its answer."""
    steps = [name for name in LISTING if name in manifest.after]
    if not steps:
        return {}
    assert set(steps) <= STEPS.keys()
    found: dict[str, Any] = {"ordered_by": schemas.array({"enum": steps})}
    if "explore" in steps:
        probability = {"type": "number", "minimum": 0, "maximum": 1}
        properties = {
            "method": {"enum": sorted(METHODS)},
            "seed": {"type": "integer", "minimum": 0, "maximum": SEEDS - 1},
            "propensities": schemas.array(probability),
        }
        found["explored"] = schemas.object_of(properties, list(properties))
    return found


def faults(manifest: Manifest) -> tuple[int, ...]:
    """Statuses that ranking may answer."""
    return SCORING if manifest.token is None else tuple(sorted((*SCORING, *OF_TOKENS)))


def operations(manifest: Manifest) -> tuple[Operation, ...]:
    """`prepare`, of a model that gives tokens."""
    if manifest.token is None:
        return ()
    request = schemas.object_of(
        {name: schemas.side(manifest, name) for name in ("user", "context")}, [], closed=manifest.surplus == "refuse"
    )
    answer = schemas.object_of(
        {
            "token": {"type": "string", "maxLength": manifest.token.bytes},
            "expires_in": {"type": "integer", "minimum": 1},
            "degraded": schemas.counts(),
        },
        ["token", "expires_in"],
    )
    fault = schemas.object_of({"error": {"type": "string"}, "path": {"type": "string"}}, ["error"])
    packed = {"type": "string", "format": "binary"}
    model = MODEL.format(model=manifest.model)
    prepare = Operation(
        "prepare",
        "POST",
        f"{model}:prepare",
        "A token for one user, which rank takes in the place of user and context",
        {JSON: answer, MSGPACK: packed},
        fault,
        request={JSON: request, MSGPACK: packed},
        faults=SCORING,
        tag="native",
    )
    return (
        prepare,
        of_version(prepare, f"{model}/versions/{{version}}:prepare", manifest.version),
        of_label(prepare, f"{model}/labels/{{label}}:prepare"),
    )
