"""The golden requests against what is deployed, signed and over HTTPS as any caller sends them: the proof of the build
once more, at the other end of the way. Bound and trainer's scores are those of the certificate.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ranklet import certificate, golden
from ranklet.answers import account as told_apart
from ranklet.deployable import Deployable
from ranklet.dialects import retrieval
from ranklet.errors import DeployError, ParityError
from ranklet.golden import Golden
from ranklet.project import Project
from ranklet.replay import apart, difference

if TYPE_CHECKING:
    import httpx

    from ranklet.client import Client, Ranked, Retrieved

MOST = 20
"""Golden requests that are sent, spread over the file."""

SETTLE_S, PAUSE_S = 60.0, 2.0
"""How long a new route, or an alias that was moved, may take until every gateway knows it."""

DEADLINE_S = 30.0
NEW = (403, 404)
"""What API Gateway answers on a path that it does not know yet."""


@dataclass(frozen=True)
class Smoked:
    """What came of it. worst: the largest difference from the trainer's scores."""

    requests: int
    worst: float
    bound: float
    version: str


@dataclass(frozen=True)
class Way:
    """How to reach what is deployed. url: of the API, without the model's path. http: a client of one's own."""

    url: str
    auth: httpx.Auth | None
    http: httpx.Client | None = None


def requests(project: Project, deployable: Deployable) -> tuple[Golden, ...]:
    """Golden requests to send: at most MOST of them, the first and the last among them."""
    rows = golden.read(project.functions / deployable.model.name / deployable.model.golden.file)
    if len(rows) <= MOST:
        return rows
    return tuple(rows[round(place * (len(rows) - 1) / (MOST - 1))] for place in range(MOST))


def test(deployable: Deployable, rows: Sequence[Golden], way: Way, *, progress: Callable[[str], None]) -> Smoked:
    """Ask for health until it is this version's, then for every golden request's scores.

    Raises ParityError where a score differs by more than the certificate's bound, DeployError for anything else.
    """
    from ranklet.client import Client, ClientError

    manifest, bound = deployable.manifest, certificate.read(deployable.bundle).bound
    options: dict[str, Any] = {"auth": way.auth, "deadline": DEADLINE_S, "limit": manifest.limits.items}
    try:
        with Client(way.url, manifest.model, http=way.http, **options) as client:
            progress("waiting for health")
            healthy(client, manifest.version)
            worst = 0.0
            for number, row in enumerate(rows, start=1):
                progress(f"golden request {number} of {len(rows)}")
                if row.asked is not None:
                    worst = max(worst, _compare_found(_found(client, row), row, number, bound))
                    continue
                ranked = client.rank(user=row.user, context=row.context, items=row.items)
                worst = max(worst, _compare(ranked, row, number, bound))
    except ClientError as error:
        raise DeployError(f"{manifest.model} is deployed and does not answer: {error}") from error
    return Smoked(len(rows), worst, bound, manifest.version)


def healthy(client: Client, version: str) -> None:
    """Wait until the version that was deployed answers. Raises the client's errors, DeployError for another version."""
    from ranklet.client import Refused

    ends = time.monotonic() + SETTLE_S
    while True:
        late = time.monotonic() > ends
        try:
            told = client.health()
        except Refused as error:
            if late or error.status not in NEW:
                raise
        else:
            if str(told.get("version")) == version:
                return
            if late:
                raise DeployError(f"version {told.get('version')} of the model answers, deployed was {version}")
        time.sleep(PAUSE_S)


def _found(client: Client, row: Golden) -> Retrieved:
    assert row.asked is not None, "of a model that finds items"
    if retrieval.similar(row):
        return client.similar(**row.asked)
    return client.retrieve(user=row.user, context=row.context, **row.asked)


def _compare_found(found: Retrieved, row: Golden, number: int, bound: float) -> float:
    """The worst difference of items that the trainer names; an index may leave out some, and find none that is not."""
    known = dict(zip(row.outputs["items"], row.scores, strict=True))
    pairs = zip(list(found.items), map(float, found.scores), strict=True)
    gaps = [abs(score - known[item]) for item, score in pairs if item in known]
    if len(found) != len(known) or (known and not gaps):
        raise ParityError(f"golden request {number}: {len(found)} items, {len(gaps)} of the trainer's {len(known)}")
    if not (gap := max(gaps, default=0.0)) <= bound:
        raise ParityError(f"golden request {number}: a score differs by {gap:.1e}, {bound:.0e} it may")
    return gap


def _compare(ranked: Ranked, row: Golden, number: int, bound: float) -> float:
    scores = [float(score) for score in ranked.scores]
    if late := sorted(reason for reason in ranked.degraded if reason.startswith("unavailable_rows")):
        raise DeployError(f"golden request {number}: {', '.join(late)} were not read; are its tables pushed?")
    gap = difference(scores, row)
    if not gap <= bound:
        raise ParityError(told_apart("deployed", number, scores, row, gap, bound))
    outputs = {name: list(column) for name, column in ranked.outputs.items()}
    name, place, far = apart(outputs, row)
    if not far <= bound:
        raise ParityError(f"golden request {number}: the output {name!r} of candidate {place} differs by {far:g}")
    return max(gap, far)
