"""A deployed funnel asked for its golden requests: the answers that were proven when it was built, by HTTPS.

A stage that starts cold may be late; it is asked again, as nothing was wrong with its answer. One that stays late is
told, with what to do: that is no smoke test's affair to hide.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ranklet import certificate
from ranklet.deployable import Deployable
from ranklet.deploying import smoke
from ranklet.deploying.smoke import DEADLINE_S, MOST, Smoked, Way
from ranklet.errors import DeployError, ParityError

if TYPE_CHECKING:
    from ranklet.client import Client, Recommended

ANSWERS = "answers.json"
"""What follows the bundle's name (`ranklet.funnels.building`)."""
ATTEMPTS = 5
Row = Mapping[str, Any]


def requests(deployable: Deployable) -> Sequence[Row]:
    """Golden requests with their answers: at most MOST of them. Raises DeployError where the build left none."""
    path = deployable.bundle.with_name(f"{deployable.bundle.name}.{ANSWERS}")
    try:
        rows: list[Row] = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise DeployError(
            f"{deployable.model.name}: no answers to compare with; run `ranklet build {deployable.model.name}`"
        ) from error
    step = max(1, -(-len(rows) // MOST))
    return rows[::step]


def test(deployable: Deployable, rows: Sequence[Row], way: Way, *, progress: Callable[[str], None]) -> Smoked:
    """Ask for health until it is this version's, then for every row's items.

    Raises ParityError where items or scores are not those that were proven, DeployError for anything else.
    """
    from ranklet.client import Client, ClientError

    name, bound = deployable.model.name, certificate.read(deployable.bundle).bound
    options: dict[str, Any] = {"auth": way.auth, "deadline": DEADLINE_S}
    worst = 0.0
    try:
        with Client(way.url, name, http=way.http, **options) as client:
            progress("waiting for health")
            smoke.healthy(client, deployable.manifest.version)
            for number, row in enumerate(rows, start=1):
                progress(f"golden request {number} of {len(rows)}")
                found = _in_time(client, row["request"], number)
                worst = max(worst, _compared(found, row, number, bound))
    except ClientError as error:
        raise DeployError(f"{name} is deployed and does not answer: {error}") from error
    return Smoked(len(rows), worst, bound, deployable.manifest.version)


def _in_time(client: Client, request: Row, number: int) -> Recommended:
    for _ in range(ATTEMPTS):
        found = client.recommend(**request)
        if not any(one.late or one.error for one in found.stages):
            return found
        time.sleep(smoke.PAUSE_S)
    told = ", ".join(
        f"{one.name} ({one.error or 'late'}, {one.ms:.0f} ms)" for one in found.stages if one.late or one.error
    )
    raise DeployError(
        f"golden request {number}: {told}, {ATTEMPTS} times; are its tables pushed? Raise the stage's deadline_ms, "
        "give [function] more memory, or look into the log"
    )


def _compared(found: Recommended, row: Row, number: int, bound: float) -> float:
    """The largest difference of a score; items of equal scores may change places."""
    known = dict(zip(row["items"], row["scores"], strict=True))
    if len(found) != len(known):
        raise ParityError(f"golden request {number}: {len(found)} items, {len(known)} were proven")
    worst = 0.0
    for place, (item, value) in enumerate(zip(found.items, row["values"], strict=True)):
        pairs = [*_pairs(item.scores, known.get(item.id, item.scores)), (item.score, value)]
        gap = max(abs(one - other) / max(1.0, abs(other)) for one, other in pairs)
        if not gap <= bound:
            raise ParityError(
                f"golden request {number}: place {place} has {item.id!r} with {item.score:g} and {dict(item.scores)}; "
                f"proven was {row['items'][place]!r} with {value:g}"
            )
        worst = max(worst, gap)
    return worst


def _pairs(one: Mapping[str, float | None], other: Mapping[str, float | None]) -> list[tuple[float, float]]:
    missing = float("inf")
    return [
        (missing if score is None else score, missing if other[name] is None else float(other[name] or 0.0))
        for name, score in one.items()
        if not (score is None and other[name] is None)
    ]
