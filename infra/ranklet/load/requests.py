"""What is sent: golden requests, or those of a file, with as many candidates as were drawn; and what is right.

A body is written once and sent often. An answer that equals one that was right to the byte is right; only others are
decoded and compared, so that looking at every answer costs the generator next to nothing.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import orjson

from ranklet import golden
from ranklet.answers import degraded
from ranklet.dialects.base import Form, Message
from ranklet.errors import LoadError
from ranklet.estimate.usage import stretched
from ranklet.golden import Golden
from ranklet.load.plan import Candidates
from ranklet.replay import apart, difference
from ranklet_runtime.manifest import Manifest

KINDS = 256
"""Different requests that are prepared where numbers of candidates are drawn."""
LATE = "unavailable_rows"
"""The reason of defaults that load brings about: a table was not read in time."""

Verdict = Literal["right", "wrong", "degraded", "unchecked"]


@dataclass(frozen=True)
class Asked:
    """A request. scored: whether the trainer's scores are known."""

    golden: Golden
    scored: bool


@dataclass
class Prepared:
    """A request as it is sent, and the answers to it that were found right.

    candidates: scores that an answer has; None where that is not known.
    """

    asked: Asked
    path: str
    sent: Message
    candidates: int | None
    known: dict[bytes, Verdict] = field(default_factory=dict)


@dataclass
class Checker:
    """Compares answers with the trainer's scores. worst: the largest difference so far of what is not wrong."""

    form: Form
    manifest: Manifest
    bound: float
    worst: float = 0.0
    fault: str = ""

    def look(self, request: Prepared, answer: Message) -> Verdict:
        """What an answer with status 200 is worth."""
        if (known := request.known.get(answer.body)) is not None:
            return known
        verdict = self._compare(request, answer)
        if len(request.known) < 4 and verdict != "wrong":
            request.known[answer.body] = verdict
        return verdict

    def _compare(self, request: Prepared, answer: Message) -> Verdict:
        form, row = self.form, request.asked.golden
        try:
            scores, reasons = form.decode(answer), degraded(form, answer)
            outputs = {} if form.outputs is None else form.outputs(answer)
            far = difference(scores, row)
            apart_by = self._disagreement(scores, outputs, row) if request.asked.scored else ""
        except (ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
            return self._wrong(f"an answer cannot be read ({type(error).__name__}: {error}): {answer.body[:200]!r}")
        if request.candidates is not None and len(scores) != request.candidates:
            return self._wrong(f"{len(scores)} scores, not {request.candidates}")
        if any(reason.startswith(LATE) for reason in reasons):
            return "degraded"
        if not request.asked.scored:
            return "unchecked"
        if not far <= self.bound:
            return self._wrong(f"{request.candidates} candidates: {far:.1e} from the trainer's, above {self.bound:.0e}")
        if apart_by:
            return self._wrong(apart_by)
        self.worst = max(self.worst, far)
        return "right"

    def _disagreement(self, scores: list[float], outputs: Mapping[str, list[Any]], row: Golden) -> str:
        """What is wrong beside the scores, "" for nothing."""
        if self.form.agrees is not None:
            return self.form.agrees(scores, outputs, row, self.bound)
        if self.form.outputs is None or not row.outputs:
            return ""
        name, place, far = apart(outputs, replace(row, outputs=self.form.told(row, self.manifest)))
        return "" if far <= self.bound else f"the output {name!r} of candidate {place} is {far:.1e} from the trainer's"

    def _wrong(self, fault: str) -> Verdict:
        self.fault = self.fault or fault
        return "wrong"


def of_golden(path: Path) -> tuple[Asked, ...]:
    """A model's golden requests. Raises ModelError."""
    return tuple(Asked(row, True) for row in golden.read(path))


def of_file(path: Path, *, finds: bool = False) -> tuple[Asked, ...]:
    """Requests, one a line: as in golden.jsonl, or without scores as callers send them. finds: they ask for items.

    Raises LoadError, and ModelError for a line with scores.
    """
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise LoadError(f"{path.name} cannot be read: {error.strerror}") from error
    found = tuple(_asked(line, f"{path.name}:{number}", finds) for number, line in enumerate(lines, 1) if line.strip())
    if not found:
        raise LoadError(f'{path.name} holds no request; one {{"user": …, "context": …, "items": …}} a line is needed')
    return found


def prepare(
    asked: Sequence[Asked], form: Form, manifest: Manifest, *, candidates: Candidates, base: str, seed: int
) -> list[Prepared]:
    """Bodies. base: the path before the model's. Raises LoadError for what this form or this model does not take."""
    if candidates.counts and manifest.retrieve is not None:
        raise LoadError(f"{manifest.model} finds items and takes no candidates; leave --candidates out")
    drawn = list(asked) if not candidates.counts else list(_drawn(asked, candidates, seed))
    if (most := max(len(one.golden.scores) for one in drawn)) > manifest.limits.items:
        raise LoadError(
            f"{manifest.model} takes {manifest.limits.items} candidates in one request ([limits] items), not {most}"
        )
    if not form.takes([one.golden for one in drawn], manifest):
        raise LoadError("not all of these requests can be written in this form; choose another one (--form)")
    return [_prepared(one, form, manifest, base) for one in drawn]


def _prepared(one: Asked, form: Form, manifest: Manifest, base: str) -> Prepared:
    row = one.golden
    count = len(row.scores) if one.scored or row.asked is None else None
    return Prepared(one, base + form.url(manifest, row), form.request(row, manifest), count)


def _drawn(asked: Sequence[Asked], candidates: Candidates, seed: int) -> list[Asked]:
    generator = np.random.default_rng(seed)
    counts = generator.choice(np.asarray(candidates.counts), max(KINDS, len(asked))).tolist()
    some = [one for one in asked if len(one.golden.scores)]
    if not some:
        raise LoadError("no request has a candidate to be repeated (--candidates)")
    chosen = [some[place % len(some)] for place in range(len(counts))]
    return [Asked(stretched(one.golden, count), one.scored) for one, count in zip(chosen, counts, strict=True)]


def _asked(line: bytes, place: str, finds: bool) -> Asked:
    try:
        document = orjson.loads(line)
        if "scores" in document:
            return Asked(golden.parsed(line, place), True)
        request = dict(document.get("request", document))
        user, context = request.pop("user", None) or {}, request.pop("context", None) or {}
        if finds:
            return Asked(Golden(user, context, {}, (), {}, request), False)
        items = request["items"]
        (count,) = {len(column) for column in items.values() if isinstance(column, list)} or {0}
        if not all(isinstance(side, Mapping) for side in (user, context, items)):
            raise TypeError("user, context and items map names to values")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise LoadError(
            f"{place}: no request of the form {{user, context, items}} with columns of one length "
            f"({type(error).__name__}: {error})"
        ) from error
    return Asked(Golden(user, context, items, (math.nan,) * count), False)
