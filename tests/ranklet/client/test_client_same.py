"""Whatever happens on the way, the two clients come to the same."""

from typing import Any

import hypothesis.strategies as st
import numpy as np
from client_asks import ask_with_tasks, ask_with_threads
from client_fleet import Answer, Closed, Fault, Fleet, Reset, scores
from hypothesis import HealthCheck, given, settings

from ranklet.client import ClientError, Ranked, Retries

MENDED: list[Fault] = [Answer(503, b"{}"), Answer(429, b"", {"retry-after": "0"}), Reset(), Closed()]
FINAL: list[Fault] = [
    Answer(400, b'{"error": "$.items.id[0]: no", "path": "$.items.id[0]"}'),
    Answer(413, b'{"message": "Request Entity Too Large"}'),
    Answer(200, b"{}"),
    Answer(500, b""),
    Answer(301, b"", {"location": "/"}),
]
RETRIES = Retries(most=9, first=0.0)


def _told(ask: Any, fleet: Fleet, faults: list[Fault], **arguments: Any) -> Any:
    fleet.faults.clear()
    fleet.faults.extend(faults)
    try:
        return ask(fleet.url, user={"age": 0.25}, **arguments)
    except ClientError as error:
        return type(error), str(error)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    count=st.integers(0, 40),
    faults=st.lists(st.sampled_from(MENDED), max_size=3),
    top_k=st.none() | st.integers(1, 12),
    form=st.sampled_from(["msgpack", "json"]),
    limit=st.none() | st.integers(1, 7),
)
def test_split_or_not_and_tried_again_or_not(
    fleet: Fleet, count: int, faults: list[Fault], top_k: int | None, form: str, limit: int | None
) -> None:
    options = {"retries": RETRIES, "format": form, "limit": limit}
    items = {"id": np.arange(count), "price": np.arange(count, dtype=np.float32) % 5 - 2}
    told: list[Ranked] = [
        _told(ask, fleet, faults, options=options, items=items, top_k=top_k)
        for ask in (ask_with_threads, ask_with_tasks)
    ]
    whole = scores(0.25, items["price"].tolist())
    order = np.argsort(-whole, kind="stable")[:top_k] if top_k else np.arange(count)
    for one in told:
        np.testing.assert_array_equal(one.scores, whole[order])
        if top_k:
            np.testing.assert_array_equal(np.asarray(one.items, np.int64), order)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(MENDED), max_size=2), st.sampled_from(FINAL))
def test_an_end_that_is_final(fleet: Fleet, faults: list[Fault], final: Fault) -> None:
    options, items = {"retries": RETRIES}, {"id": [1], "price": [0.5]}
    one, other = (
        _told(ask, fleet, [*faults, final], options=options, items=items) for ask in (ask_with_threads, ask_with_tasks)
    )
    assert one == other
    assert issubclass(one[0], ClientError)
