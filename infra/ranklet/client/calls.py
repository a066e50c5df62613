"""The logic of a call, without I/O: it yields what it wants done (`Send`, `Sleep`, `Together`) and is sent the outcome.

rank → the limit, when it may be needed → parts, together → those that were too large once more, smaller → merged
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from ranklet.client import bodies, columns, splitting
from ranklet.client.errors import BadAnswer, BadCall, ClientError, DeadlineExceeded, Refused, Unavailable, counted
from ranklet.client.limits import SURE, limit_in
from ranklet.client.messages import Column, Failed, Prepared, Ranked, Reply, Request, Send, Sleep, Steps, Together
from ranklet.client.retries import AGAIN, retry_after
from ranklet.client.setup import Setup, checked_deadline

PLACE = re.compile(r"(\$\.items\.[^\[]+)\[(\d+)\](.*)", re.DOTALL)


@dataclass(slots=True)
class Call:
    """One call of a caller: how long it may take, and how far it has come."""

    setup: Setup
    deadline: float
    ends: float = 0.0
    answered: list[str] = field(default_factory=list)
    attempts: list[str] = field(default_factory=list)
    of: int = 1

    @classmethod
    def begin(cls, setup: Setup, deadline: float | None) -> Call:
        """Now. Raises BadCall."""
        seconds = setup.deadline if deadline is None else checked_deadline(deadline)
        return cls(setup, seconds, setup.clock() + seconds)

    def left(self) -> float:
        """Seconds until the deadline."""
        return self.ends - self.setup.clock()

    def late(self) -> DeadlineExceeded:
        """The error that says how far the call came."""
        last = next((said for said in reversed(self.attempts) if said), "")
        return DeadlineExceeded(
            self.deadline, answered=len(self.answered), of=self.of, attempts=len(self.attempts), last=last
        )


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be ranked. columns: of all candidates. more: what stands beside them, a token in the user's place."""

    user: Mapping[str, Any]
    context: Mapping[str, Any]
    columns: Mapping[str, Column]
    top_k: int | None
    more: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        user: Any,
        context: Any,
        items: Any,
        *,
        top_k: int | None,
        token: str | Prepared | None = None,
        explore: bool | None = None,
        seed: int | None = None,
    ) -> Asked:
        """From what a caller gave. Raises BadCall."""
        for name, side in (("user", user), ("context", context)):
            if side is not None and not isinstance(side, Mapping):
                raise BadCall(f"must map names to values, not be {type(side).__name__}", f"$.{name}")
        if top_k is not None and (type(top_k) is not int or top_k < 1):
            raise BadCall(f"must be a whole number of 1 or more, not {top_k!r}", "$.top_k")
        if token is not None and (user or context):
            raise BadCall("a token stands in the place of user and context; give one of both", "$.token")
        more = {"token": token.token if isinstance(token, Prepared) else token, "explore": explore, "seed": seed}
        given = {name: value for name, value in more.items() if value is not None}
        return cls(user or {}, context or {}, columns.given(items), top_k, given)

    def message(self, part: slice) -> dict[str, Any]:
        """The request for some of the candidates; the user goes with each."""
        once = {} if "token" in self.more else {"user": self.user, "context": self.context}
        document: dict[str, Any] = {**once, **self.more}
        document["items"] = columns.cut(self.columns, part)
        return document if self.top_k is None else {**document, "top_k": self.top_k}


def rank(call: Call, asked: Asked) -> Steps[Ranked]:
    """Scores of the candidates."""
    known, count = call.setup.known, columns.count(asked.columns)
    if known.limit is None and count > SURE:
        yield from _ask(call)
    pending = splitting.parts(0, count, known.limit or max(count, 1))
    answers: list[tuple[slice, Ranked]] = []
    while pending:
        if len(pending) + len(answers) > 1 and asked.top_k is not None:
            yield from _ask_for_key(call)
        call.of = len(pending) + len(answers)
        outcomes = yield from _together([_part(call, asked, part) for part in pending])
        answers += [(part, one) for part, one in zip(pending, outcomes, strict=True) if isinstance(one, Ranked)]
        refused = [(part, one) for part, one in zip(pending, outcomes, strict=True) if isinstance(one, Refused)]
        pending = [smaller for part, refusal in refused for smaller in _smaller(call, part, refusal)]
    return splitting.merged(answers, asked.top_k, positions=known.item_key == "")


def fetch(call: Call, url: str) -> Steps[dict[str, Any]]:
    """A JSON document."""
    reply = yield from exchange(call, Request("GET", url, {"accept": bodies.JSON}))
    return bodies.document(reply)


def _together(steps: list[Steps[Ranked | Refused]]) -> Steps[list[Ranked | Refused]]:
    if len(steps) == 1:
        return [(yield from steps[0])]
    outcomes: list[Ranked | Refused] = yield Together(tuple(steps))
    return outcomes


def _part(call: Call, asked: Asked, part: slice) -> Steps[Ranked | Refused]:
    """The answer for some candidates; a refusal because they are too many is an answer too."""
    setup, size = call.setup, part.stop - part.start
    body, headers = bodies.written(asked.message(part), setup.format, setup.compress)
    try:
        reply = yield from exchange(call, Request("POST", setup.rank_url, headers, body))
    except Refused as refused:
        if refused.status == 413:
            return refused
        raise _moved(refused, part.start) from None
    expected = min(asked.top_k or size, size) if asked.columns else None
    ranked = bodies.ranked(reply, expected, top=asked.top_k is not None)
    call.answered.append("")
    return ranked


def _smaller(call: Call, part: slice, refusal: Refused) -> list[slice]:
    """The part in smaller ones: by the limit that the refusal names, else halves. Raises the refusal for just one."""
    size = part.stop - part.start
    if size <= 1:
        raise refusal
    named = limit_in(refusal.message)
    if named is not None and named < size:
        call.setup.known.limit = named
        return splitting.parts(part.start, part.stop, named)
    return splitting.parts(part.start, part.stop, -(-size // 2))


def _moved(refused: Refused, offset: int) -> Refused:
    """The refusal with its place counted in the caller's columns."""
    found = PLACE.fullmatch(refused.path or "")
    if not offset or found is None:
        return refused
    return Refused(refused.status, refused.message, f"{found[1]}[{int(found[2]) + offset}]{found[3]}")


def _ask(call: Call) -> Steps[None]:
    """Learn from the model's document, once; one that is not there, or is something else, teaches nothing."""
    known = call.setup.known
    if known.asked:
        return
    with suppress(Refused, BadAnswer):
        known.learn((yield from fetch(call, call.setup.document_url)))
    known.asked = True


def _ask_for_key(call: Call) -> Steps[None]:
    """Positions are counted within each part, ids are not: nobody can tell them apart by their looks."""
    known = call.setup.known
    if known.item_key is None:
        yield from _ask(call)
    if known.item_key is None:
        raise BadCall(
            "the best of more candidates than one request takes: the server does not say what names a candidate; "
            'give item_key="<the item column>", or item_key="" if none does'
        )


def exchange(call: Call, request: Request) -> Steps[Reply]:
    """Send until it is answered, tried often enough, or too late. Raises Refused, Unavailable, DeadlineExceeded."""
    retries = call.setup.retries
    for attempt in range(1, retries.most + 2):
        if (left := call.left()) <= 0:
            raise call.late()
        outcome: Reply | Failed = yield Send(request, left)
        if isinstance(outcome, Reply) and outcome.status not in AGAIN:
            call.attempts.append("")
            return _accepted(outcome)
        said = _said(outcome)
        call.attempts.append(said)
        if isinstance(outcome, Failed) and outcome.fault != "network":
            raise _final(call, outcome)
        after = retry_after(outcome.headers.get("retry-after")) if isinstance(outcome, Reply) else None
        wait = retries.wait(attempt, after, call.setup.draw)
        if attempt > retries.most:
            raise _unavailable(outcome, f"{said}, after {counted(attempt, 'attempt')}", attempt)
        if wait >= (left := call.left()):
            raise _unavailable(outcome, f"{said}; the next attempt is due in {wait:.1f} s, after the deadline", attempt)
        yield Sleep(wait)
    raise AssertionError("the last attempt returns or raises")


def _final(call: Call, outcome: Failed) -> ClientError:
    if outcome.fault == "late":
        return call.late()
    if outcome.fault == "call":
        return BadCall(f"the request cannot be sent: {outcome.reason}")
    return BadAnswer(f"the answer cannot be read: {outcome.reason}")


def _accepted(reply: Reply) -> Reply:
    if reply.status == 200:
        return reply
    if reply.status < 400:
        where = reply.headers.get("location")
        raise BadAnswer(
            f"{reply.status} is no answer of a model" + (f"; it points to {where[:200]!r}" if where else "")
        )
    raise Refused(reply.status, *bodies.words(reply))


def _said(outcome: Reply | Failed) -> str:
    return outcome.reason if isinstance(outcome, Failed) else f"{outcome.status} {bodies.words(outcome)[0]}"


def _unavailable(outcome: Reply | Failed, message: str, attempts: int) -> Unavailable:
    return Unavailable(message, status=outcome.status if isinstance(outcome, Reply) else None, attempts=attempts)
