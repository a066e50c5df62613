"""Golden requests of a draft, scored by the source library on the exported model: they prove the package.

They are drawn with a fixed seed from what the importer says is worth trying, or made of the author's own rows. Where
the library is not installed, the package scores itself: that proves nothing of the import, and the notes say so.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ranklet import pipeline
from ranklet.draft import rows as own
from ranklet.draft import taken, text
from ranklet.errors import ModelError
from ranklet.golden import Golden, line
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
    if rows is None and proposal.verified is not None:
        found, told, source = _verified(proposal, described, folder)
    else:
        requests = _drawn(proposal, described) if rows is None else own.requests(rows, described)
        requests, refused = taken.taken(requests, described, folder)
        if not requests:
            raise ModelError(
                f"{described.name}: the model refuses every request; give others with --rows: {refused[0]}"
            )
        found, told = _scored(proposal, described, folder, requests)
        told += refused
        source = INVENTED if rows is None else f"They are rows of {rows.name}."
    kept = [one for one in found if _finite(one.scores, nulls=proposal.nulls)]
    if not kept:
        raise ModelError(f"{described.name}: no drawn request has finite scores; give rows of your own with --rows")
    if len(kept) < len(found):
        told += (f"{len(found) - len(kept)} requests were left out: their scores are not finite",)
    (folder / "golden.jsonl").write_bytes(b"".join(map(line, kept)))
    path = folder / "model.toml"
    if "\n[golden]" not in (document := path.read_text(encoding="utf-8")):
        largest = max(abs(score) for one in kept for score in (*one.scores, 0.0) if not math.isnan(score))
        bound = None if largest <= 1 else float(f"{RELATIVE * largest:.2g}")
        path.write_text(document + text.golden(bound, source), encoding="utf-8")
    return len(kept), told


def _finite(scores: Sequence[float], *, nulls: bool) -> bool:
    """nulls: NaN says that there is no score."""
    return not any(math.isinf(score) or (math.isnan(score) and not nulls) for score in scores)


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


def _scored(
    proposal: Proposal, described: Model, folder: Path, requests: Sequence[Request]
) -> tuple[list[Golden], tuple[str, ...]]:
    """Each request with the source library's scores, or the package's own."""
    if proposal.oracle is None:
        told = "the source library is not installed: the golden scores are the package's own, and prove nothing of it"
        return _answered(folder, requests), (told,)
    found = [np.asarray(proposal.oracle.scores(columns(one, described)), np.float64).reshape(-1) for one in requests]
    told = f"the golden scores are those of {proposal.oracle.name}"
    return [Golden(*one, tuple(scores.tolist())) for one, scores in zip(requests, found, strict=True)], (told,)


def _answered(folder: Path, requests: Sequence[Request]) -> list[Golden]:
    """Requests with the package's own answers."""
    blank = [Golden(*request, (0.0,) * _count(request)) for request in requests]
    answers = pipeline.answers(folder, blank)
    return [
        replace(one, scores=tuple(answer.scores), outputs=answer.outputs or {})
        for one, answer in zip(blank, answers, strict=True)
    ]


def _verified(proposal: Proposal, described: Model, folder: Path) -> tuple[list[Golden], tuple[str, ...], str]:
    """The file's own rows, a request each: outputs as it says, and scores where it says them."""
    assert proposal.verified is not None
    rows, outputs = proposal.verified.inputs, proposal.verified.outputs
    count = min(len(next(iter(rows.values()))), own.MOST_REQUESTS)
    requests = [
        own.request([{name: values[at] for name, values in rows.items()}], described.inputs) for at in range(count)
    ]
    score = next(
        (name for name, one in proposal.tell.items() if one.tensor == proposal.score and name in outputs), None
    )
    found = []
    for at, answer in enumerate(_answered(folder, requests)):
        wanted = {name: [values[at]] for name, values in outputs.items()}
        scores = answer.scores if score is None else tuple(math.nan if one is None else one for one in wanted[score])
        found.append(replace(answer, scores=scores, outputs=wanted))
    told = f"the golden requests are the {count} verification rows of the file, with the outputs that it gives them"
    return found, (told,), "They are the verification rows of the file."


def _count(request: Request) -> int:
    return max((len(values) for values in request[2].values()), default=1)
