"""The proof: the bundle, opened as Lambda opens it, gives the trainer's scores in every form clients send.

Every golden request goes through `Function`, the real handler's body, from an API Gateway event to the answer's bytes.
Tables in DynamoDB are read by the function's own client from a DynamoDB wire server that holds the very
rows that `ranklet tables push` writes. The numbers compared with are the trainer's, never ours.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from ranklet import certificate
from ranklet.errors import ParityError
from ranklet.golden import Golden
from ranklet.local.event_v2 import event_v2
from ranklet.model import Model
from ranklet.replay import FORMS, Form, difference
from ranklet_runtime.function import Function
from ranklet_runtime.manifest import Manifest

NUMPY_BOUND, ONNX_BOUND = 1e-6, 1e-5
"""What re-association of float32 sums may cost; a model.toml may set a tighter or a wider bound of its own."""


def bound(model: Model, manifest: Manifest) -> float:
    """The largest difference that the model's author, or else the engines, allow."""
    if model.golden.max_abs_diff is not None:
        return model.golden.max_abs_diff
    return ONNX_BOUND if any(step.engine == "onnx" for step in manifest.steps) else NUMPY_BOUND


def prove(bundle: Path, staged: Sequence[Path], rows: Sequence[Golden], *, bound: float) -> certificate.Certificate:
    """Replay every golden row in every form of the manifest's dialects.

    staged: folders of the tables that the function reads from DynamoDB. Raises ParityError for the first form whose
    worst difference is above the bound, naming the row, the candidate and both scores.
    """
    manifest = Manifest.read(bundle / "manifest.json")
    forms = {name: form for name, form in FORMS.items() if form.dialect in manifest.dialects}
    with ExitStack() as stack:
        function = Function.open(bundle, _environment(staged, stack))
        stack.callback(function.scorer.close)
        paths = {name: _worst(name, form, function, manifest, rows, bound) for name, form in forms.items()}
    return certificate.Certificate(certificate.digest(bundle), len(rows), bound, paths)


def _environment(staged: Sequence[Path], stack: ExitStack) -> dict[str, str]:
    if not staged:
        return {}
    from ranklet.local.dynamodb import LocalDynamo  # most models have no such table

    server = stack.enter_context(LocalDynamo())
    for folder in staged:
        server.load(folder)
    return {
        "AWS_ENDPOINT_URL_DYNAMODB": server.endpoint,
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
    }


def _worst(
    name: str, form: Form, function: Function, manifest: Manifest, rows: Sequence[Golden], bound: float
) -> float:
    worst = 0.0
    for number, golden in enumerate(rows, start=1):
        scores = _scores(name, form, function, manifest, golden, number)
        gap = difference(scores, golden)
        if not gap <= bound:
            raise ParityError(_account(name, number, scores, golden, gap, bound))
        worst = max(worst, gap)
    return worst


def _scores(name: str, form: Form, function: Function, manifest: Manifest, golden: Golden, number: int) -> list[float]:
    event = event_v2(
        "POST",
        form.path(manifest),
        headers={"content-type": form.content_type},
        body=form.encode(golden, manifest),
    )
    answer = function(event, None)
    raw = answer["body"]
    body = base64.b64decode(raw) if answer["isBase64Encoded"] else raw.encode()
    if answer["statusCode"] != 200:
        raise ParityError(f"golden row {number} as {name} was answered {answer['statusCode']}: {body[:500].decode()}")
    return form.decode(body)


def _account(name: str, number: int, scores: list[float], golden: Golden, gap: float, bound: float) -> str:
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
