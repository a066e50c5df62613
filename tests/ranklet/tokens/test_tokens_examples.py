"""The example models with tokens: every one answers a request with a token bit for bit as it does without.

Whatever its user part is: stored vectors and a tower (two towers), a part of a split graph with the uncut one for few
candidates (DIN, DeepFM), or none at all, where features are carried (FTRL, trees).
"""

from __future__ import annotations

import json
import re
import shutil
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from ranklet import golden, pipeline, proof
from ranklet.golden import Golden
from ranklet.local.event_v2 import event_v2
from ranklet.pipeline import Built
from ranklet_runtime.function import Function

ROOT = Path(__file__).parents[3]
ROWS = 5
"""Golden rows of each model; the build itself replays them with tokens in both formats and both ways."""
COUNTS = (1, 2, 9, 10, 11, 60)
"""Candidates of a request, on both sides of what a split is for."""
MODELS = {
    "movie-ftrl": ("", {"user"}),
    "movie-two-tower": ("", {"user_vector"}),
    "movie-din": ("B", {"liked", "user/user.1"}),
    "movie-din+": ("B+", {"liked", "liked_mask"}),
    "movie-deepfm": ("A", {"user/user.0"}),
    "movie-gbdt-pmml": ("", {"gender_2"}),
}
"""Model, with a plus for its other variant → the variant, and some tensors that its tokens hold."""


def shortened(folder: Path, target: Path, variant: str) -> Path:
    """The model with few golden rows, of all sizes, and tokens."""
    shutil.copytree(folder, target, ignore=shutil.ignore_patterns("__pycache__"))
    rows = sorted(golden.read(folder / "golden.jsonl"), key=lambda row: len(row.scores))
    chosen = [rows[0], *rows[1 : -1 : len(rows) // (ROWS - 2)], rows[-1]]
    (target / "golden.jsonl").write_bytes(b"".join(map(golden.line, chosen)))
    text = (target / "model.toml").read_text()
    text = re.sub(r'variant = "[AB]\+?"', f'variant = "{variant}"', text) if variant else text
    (target / "model.toml").write_text(f"{text}\n[token]\nbytes = 262144\n")
    return target


def ask(subject: Function, model: str, verb: str, body: Any) -> tuple[int, str]:
    path = f"/v1/models/{model}:{verb}"
    sent = event_v2("POST", path, headers={"content-type": "application/json"}, body=json.dumps(body).encode())
    answer = subject(sent, None)
    return answer["statusCode"], answer["body"]


def opened(built: Built, out: Path, stack: ExitStack) -> Function:
    tables = built.manifest.spec.tables.values()
    staged = [out / "tables" / one.physical for one in tables if one.placement == "dynamodb"]
    environ = proof.environment(staged, stack) | {"RANKLET_SIGNING_KEYS": "k" * 40}
    subject = Function.open(built.folder, environ)
    stack.callback(subject.scorer.close)
    return subject


def requests(row: Golden) -> list[dict[str, Any]]:
    """The row's candidates in several numbers of them."""
    counts = sorted({min(count, len(row.scores)) for count in COUNTS})
    return [{"items": {name: column[:count] for name, column in row.items.items()}} for count in counts]


@pytest.mark.parametrize("name", MODELS)
def test_rank_by_token_is_rank_by_features_bit_for_bit(name: str, tmp_path: Path) -> None:
    model, (variant, held) = name.removesuffix("+"), MODELS[name]
    folder = shortened(ROOT / "functions" / model, tmp_path / model, variant)
    built = pipeline.build(folder, out=tmp_path / ".build")
    assert built.manifest.token is not None and held <= set(built.manifest.token.held)
    assert {"token-json", "token-msgpack"} <= set(built.certificate.paths)
    computed = any(step.rows == "user" for step in built.manifest.steps)
    assert any("no step computes the user alone" in note for note in built.notes) == (not computed)
    with ExitStack() as stack:
        subject = opened(built, tmp_path / ".build", stack)
        for row in golden.read(folder / "golden.jsonl"):
            once = {"user": row.user, "context": row.context}
            status, prepared = ask(subject, model, "prepare", once)
            assert status == 200, prepared
            for request in requests(row):
                for more in ({}, {"top_k": 3}):
                    plain = ask(subject, model, "rank", {**once, **request, **more})
                    token = {"token": json.loads(prepared)["token"]}
                    assert ask(subject, model, "rank", {**token, **request, **more}) == plain
                    assert plain[0] == 200
