"""What is sent: golden requests, or those of a file, with as many candidates as were drawn; and what is right.

A body is written once and sent often. An answer that equals one that was right to the byte is right; only others are
decoded and compared, so that looking at every answer costs the generator next to nothing.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

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
    """A request as it is sent, and the answers to it that were found right."""

    asked: Asked
    path: str
    sent: Message
    candidates: int
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
        try:
            scores, reasons = self.form.decode(answer), degraded(self.form, answer)
            far = self._far(request.asked.golden, scores, answer)
        except (ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
            return self._wrong(f"an answer cannot be read ({type(error).__name__}: {error}): {answer.body[:200]!r}")
        if len(scores) != request.candidates:
            return self._wrong(f"{len(scores)} scores for {request.candidates} candidates")
        if any(reason.startswith(LATE) for reason in reasons):
            return "degraded"
        if not request.asked.scored:
            return "unchecked"
        if not far <= self.bound:
            return self._wrong(f"{request.candidates} candidates: {far:.1e} from the trainer's, above {self.bound:.0e}")
        self.worst = max(self.worst, far)
        return "right"

    def _far(self, row: Golden, scores: list[float], answer: Message) -> float:
        far = difference(scores, row)
        if self.form.outputs is None or not row.outputs:
            return far
        told = Golden(row.user, row.context, row.items, row.scores, self.form.told(row, self.manifest))
        return max(far, apart(self.form.outputs(answer), told)[2])

    def _wrong(self, fault: str) -> Verdict:
        self.fault = self.fault or fault
        return "wrong"


def of_golden(path: Path) -> tuple[Asked, ...]:
    """A model's golden requests. Raises ModelError."""
    return tuple(Asked(row, True) for row in golden.read(path))


def of_file(path: Path) -> tuple[Asked, ...]:
    """Requests, one a line: as in golden.jsonl, or without scores as callers send them. Raises LoadError."""
    try:
        lines = path.read_bytes().splitlines()
        found = tuple(_asked(line, f"{path.name}:{number}") for number, line in enumerate(lines, 1) if line.strip())
    except OSError as error:
        raise LoadError(f"{path.name} cannot be read: {error.strerror}") from error
    if not found:
        raise LoadError(f'{path.name} holds no request; one {{"user": …, "context": …, "items": …}} a line is needed')
    return found


def prepare(
    asked: Sequence[Asked], form: Form, manifest: Manifest, *, candidates: Candidates, base: str, seed: int
) -> list[Prepared]:
    """Bodies. base: the path before the model's. Raises LoadError for what this form or this model does not take."""
    drawn = list(asked) if not candidates.counts else list(_drawn(asked, candidates, seed))
    if (most := max(len(one.golden.scores) for one in drawn)) > manifest.limits.items:
        raise LoadError(
            f"{manifest.model} takes {manifest.limits.items} candidates in one request ([limits] items), not {most}"
        )
    if not form.takes([one.golden for one in drawn], manifest):
        raise LoadError("not all of these requests can be written in this form; choose another one (--form)")
    path = base + form.url(manifest)
    return [Prepared(one, path, form.request(one.golden, manifest), len(one.golden.scores)) for one in drawn]


def _drawn(asked: Sequence[Asked], candidates: Candidates, seed: int) -> list[Asked]:
    generator = np.random.default_rng(seed)
    counts = generator.choice(np.asarray(candidates.counts), max(KINDS, len(asked))).tolist()
    some = [one for one in asked if len(one.golden.scores)]
    if not some:
        raise LoadError("no request has a candidate to be repeated (--candidates)")
    chosen = [some[place % len(some)] for place in range(len(counts))]
    return [Asked(stretched(one.golden, count), one.scored) for one, count in zip(chosen, counts, strict=True)]


def _asked(line: bytes, place: str) -> Asked:
    try:
        document = orjson.loads(line)
        request = document.get("request", document)
        items = request["items"]
        lengths = {len(column) for column in items.values() if isinstance(column, list)}
        (count,) = lengths or {0}
        scores = document.get("scores") if "request" in document else None
        sides = (request.get("user") or {}, request.get("context") or {}, items)
        if not all(isinstance(side, Mapping) for side in sides):
            raise TypeError("user, context and items map names to values")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise LoadError(
            f"{place}: no request of the form {{user, context, items}} with columns of one length "
            f"({type(error).__name__}: {error})"
        ) from error
    if scores is None:
        return Asked(Golden(*sides, (math.nan,) * count), False)
    if len(scores) != count:
        raise LoadError(f"{place}: {len(scores)} scores for {count} candidates")
    return Asked(Golden(*sides, tuple(math.nan if one is None else float(one) for one in scores)), True)
