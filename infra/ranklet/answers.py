"""Golden requests through the real handler: from an API Gateway event to the answer's bytes."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import orjson

from ranklet.dialects.assembled import assembled
from ranklet.dialects.base import JSON, Form, Message
from ranklet.errors import ParityError
from ranklet.golden import Golden
from ranklet.local.event_v2 import event_v2
from ranklet.replay import apart, difference
from ranklet_runtime.function import Function
from ranklet_runtime.manifest import Manifest


@dataclass(frozen=True)
class Answer:
    """What came back. degraded: what had to be defaulted, outputs: beside the scores, both as far as the form says."""

    scores: list[float]
    degraded: Mapping[str, int]
    outputs: Mapping[str, list[Any]] | None = None


def ask(name: str, form: Form, function: Function, manifest: Manifest, golden: Golden, number: int) -> Answer:
    """Send a golden request as API Gateway would. Raises ParityError where it is refused, or tables do not answer."""
    sent = _sent(form, function, manifest, golden)
    answer = function(event_v2("POST", form.url(manifest, golden), headers=sent.headers, body=sent.body), None)
    raw = answer["body"]
    body = base64.b64decode(raw) if answer["isBase64Encoded"] else raw.encode()
    if answer["statusCode"] != 200:
        raise ParityError(f"golden row {number} as {name} was answered {answer['statusCode']}: {body[:500].decode()}")
    received = Message(body, answer["headers"])
    reasons = degraded(form, received)
    if late := sorted(reason for reason in reasons if reason.startswith("unavailable_rows")):
        raise ParityError(
            f"golden row {number} as {name}: {', '.join(late)} were not read within [limits] deadline_ms = "
            f"{manifest.limits.deadline_ms}, though their tables are on this machine; build again, or raise it"
        )
    return Answer(form.decode(received), reasons, None if form.outputs is None else form.outputs(received))


def sendable(form: Form, function: Function, manifest: Manifest, rows: Sequence[Golden]) -> bool:
    """Whether the model takes so much in one request: forms that repeat the user, or send tensors, are larger."""
    limit = manifest.limits.body_bytes
    return all(len(_sent(form, function, manifest, golden).body) <= limit for golden in rows)


def _sent(form: Form, function: Function, manifest: Manifest, golden: Golden) -> Message:
    return form.request(assembled(golden, function) if form.tensors else golden, manifest)


def degraded(form: Form, answer: Message) -> Mapping[str, int]:
    """What was defaulted, as the native form says it in its body and the others in a header."""
    if (told := answer.headers.get("x-ranklet-degraded")) is not None:
        return {reason: int(count) for reason, _, count in (part.rpartition("=") for part in told.split(", "))}
    if form.content_type != JSON or b'"degraded"' not in answer.body:
        return {}
    document = orjson.loads(answer.body)
    found: Mapping[str, int] = document.get("degraded", {}) if isinstance(document, dict) else {}
    return found


def worst(name: str, form: Form, function: Function, manifest: Manifest, rows: Sequence[Golden], bound: float) -> float:
    """The largest difference from the trainer's scores. Raises ParityError above the bound, naming its place."""
    largest = 0.0
    for number, golden in enumerate(rows, start=1):
        answer = ask(name, form, function, manifest, golden, number)
        gap = difference(answer.scores, golden)
        if not gap <= bound:
            raise ParityError(account(name, number, answer.scores, golden, gap, bound))
        if form.agrees is not None:
            if wrong := form.agrees(answer.scores, answer.outputs or {}, golden, bound):
                raise ParityError(f"golden row {number} as {name}: {wrong}")
            largest = max(largest, gap)
            continue
        told = replace(golden, outputs=form.told(golden, manifest))
        largest = max(largest, gap, _outputs(name, answer, told, number, bound))
    return largest


def _outputs(name: str, answer: Answer, golden: Golden, number: int, bound: float) -> float:
    """The largest difference from what the trainer tells beside the scores. Raises ParityError above the bound."""
    if answer.outputs is None:
        return 0.0
    output, row, gap = apart(answer.outputs, golden)
    if gap <= bound:
        return gap
    told = answer.outputs.get(output)
    raise ParityError(
        f"golden row {number} as {name}: the output {output!r} of candidate {row} is "
        f"{'not told' if told is None else repr(told[row])}, the trainer says {golden.outputs[output][row]!r}"
    )


def account(name: str, number: int, scores: list[float], golden: Golden, gap: float, bound: float) -> str:
    """Where the worst difference is, and what usually makes one."""
    if len(scores) != len(golden.scores):
        return f"golden row {number} as {name}: {len(scores)} scores for {len(golden.scores)} candidates"
    pairs = zip(scores, golden.scores, strict=True)
    place, (ours, theirs) = max(enumerate(pairs), key=lambda pair: abs(pair[1][0] - pair[1][1]))
    return (
        f"golden row {number} as {name}: candidate {place} scores {ours!r}, the trainer says {theirs!r}; "
        f"{gap:.2e} apart, above {bound:.0e}. Usual causes: features assembled differently in training, weights of "
        "another epoch, float64 against float32; a wider bound is [golden] max_abs_diff"
    )
