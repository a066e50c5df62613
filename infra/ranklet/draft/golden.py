"""Golden requests of a draft, scored by the source library on the exported model: they prove the package.

They are drawn with a fixed seed from what the importer says is worth trying, or made of the author's own rows. Where
the library is not installed, the package scores itself: that proves nothing of the import, and the notes say so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from ranklet import pipeline
from ranklet.draft import rows as own
from ranklet.draft import text
from ranklet.errors import ModelError
from ranklet.golden import Golden
from ranklet.importers.proposal import Proposal
from ranklet.model import Model

REQUESTS = (1, 2, 3, 5, 8, 20)
"""Candidates of each drawn request."""

RELATIVE = 1e-5
INVENTED = "These were invented; put real ones with the trainer's scores here, or import with --rows."

Columns = dict[str, list[Any]]
Request = tuple[dict[str, Any], dict[str, Any], Columns]
"""user, context, items, as a caller sends them."""


def write(proposal: Proposal, described: Model, folder: Path, rows: Path | None) -> tuple[int, tuple[str, ...]]:
    """Write golden.jsonl below `folder` and its table into model.toml, where there is none.

    Returns how many requests there are, and notes. Raises ModelError for rows that do not fit the inputs.
    """
    requests = _drawn(proposal, described) if rows is None else own.requests(rows, described)
    scores, told = _scores(proposal, described, folder, requests)
    kept = [(request, found) for request, found in zip(requests, scores, strict=True) if np.isfinite(found).all()]
    if not kept:
        raise ModelError(f"{described.name}: no drawn request has finite scores; give rows of your own with --rows")
    if len(kept) < len(requests):
        told += (f"{len(requests) - len(kept)} requests were left out: their scores are not finite",)
    (folder / "golden.jsonl").write_bytes(b"".join(_line(*one) for one in kept))
    path = folder / "model.toml"
    if "\n[golden]" not in (document := path.read_text(encoding="utf-8")):
        largest = max(float(np.abs(found).max(initial=0)) for _, found in kept)
        bound = None if largest <= 1 else float(f"{RELATIVE * largest:.2g}")
        source = INVENTED if rows is None else f"They are rows of {rows.name}."
        path.write_text(document + text.golden(bound, source), encoding="utf-8")
    return len(kept), told


def columns(request: Request, described: Model) -> Columns:
    """A request as rows: each value that came once stands for every candidate."""
    user, context, items = request
    count = max((len(values) for values in items.values()), default=1)
    found: Columns = {}
    for name, declared in described.inputs.items():
        if declared.side == "item":
            found[name] = items.get(name, [None] * count)
        else:
            found[name] = [(user if declared.side == "user" else context).get(name)] * count
    return found


def _drawn(proposal: Proposal, described: Model) -> list[Request]:
    random = np.random.default_rng(0)
    return [_request(proposal, described, count, random) for count in REQUESTS]


def _request(proposal: Proposal, described: Model, count: int, random: np.random.Generator) -> Request:
    sides: Mapping[str, dict[str, Any]] = {"user": {}, "context": {}, "item": {}}
    for name, one in proposal.inputs.items():
        side = described.inputs[name].side
        drawn = one.draw(random, count if side == "item" else 1)
        sides[side][name] = drawn if side == "item" else drawn[0]
    return sides["user"], sides["context"], sides["item"]


def _scores(
    proposal: Proposal, described: Model, folder: Path, requests: Sequence[Request]
) -> tuple[list[Any], tuple[str, ...]]:
    if proposal.oracle is None:
        told = "the source library is not installed: the golden scores are the package's own, and prove nothing of it"
        return _own_scores(folder, requests, described), (told,)
    found = [proposal.oracle.scores(columns(request, described)) for request in requests]
    told = f"the golden scores are those of {proposal.oracle.name}"
    return [np.asarray(one, np.float64).reshape(-1) for one in found], (told,)


def _own_scores(folder: Path, requests: Sequence[Request], described: Model) -> list[Any]:
    blank = [Golden(*request, (0.0,) * _count(request)) for request in requests]
    return [np.array(answer.scores) for answer in pipeline.answers(folder, blank)]


def _count(request: Request) -> int:
    return max((len(values) for values in request[2].values()), default=1)


def _line(request: Request, scores: Any) -> bytes:
    user, context, items = request
    document = {"request": {"user": user, "context": context, "items": items}, "scores": scores.tolist()}
    return orjson.dumps(document) + b"\n"
