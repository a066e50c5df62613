"""[token] from model.toml to a bundle: what it holds, and what is refused by its name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ranklet import pipeline
from ranklet.client import BadCall
from ranklet.client.calls import Asked
from ranklet.client.messages import Prepared, Ranked
from ranklet.client.splitting import merged
from ranklet.environment import Environment
from ranklet.errors import ModelError, RankletError
from ranklet.model import load
from ranklet.openapi import document
from ranklet.pipeline import Built

MODEL = """
name = "shop"

[inputs]
{inputs}

[features]
{features}

[[steps]]
format = "numpy"
engine = "linear"
source = "export/model.npz"
inputs = {{ {fed} }}
outputs = {{ score = "score" }}

{more}
"""
PRICE = 'price = { kind = "dense", of = "price" }'
AGE = 'age = { kind = "dense", of = "age" }'


def write(root: Path, more: str, *, inputs: str, features: str, fed: tuple[str, ...], request: Any) -> Path:
    folder = root / "functions" / "shop"
    (folder / "export").mkdir(parents=True)
    arrays = {"bias": [0.0], **{f"w.{name}": [0.5] for name in fed}}
    np.savez(folder / "export" / "model.npz", **{name: np.array(one, np.float32) for name, one in arrays.items()})
    rows = len(next(iter(request["items"].values()), [0]))
    once = sum(request["user"][name] for name in fed if name in request["user"])
    logits = [once + sum(request["items"][name][at] for name in fed if name in request["items"]) for at in range(rows)]
    scores = [1 / (1 + np.exp(-0.5 * one)) for one in logits]
    (folder / "golden.jsonl").write_text(json.dumps({"request": request, "scores": scores}) + "\n")
    names = ", ".join(f'{name} = "{name}"' for name in fed)
    (folder / "model.toml").write_text(MODEL.format(inputs=inputs, features=features, fed=names, more=more))
    return folder


def whole(root: Path, more: str) -> Path:
    return write(
        root,
        more,
        inputs='age = { side = "user" }\nprice = { side = "item" }',
        features=f"{AGE}\n{PRICE}",
        fed=("age", "price"),
        request={"user": {"age": 2.0}, "items": {"price": [1.0, 3.0]}},
    )


def build(folder: Path, root: Path) -> Built:
    return pipeline.build(folder, out=root / ".build")


def test_bundle_knows_what_its_tokens_hold(tmp_path: Path) -> None:
    built = build(whole(tmp_path, "[token]\nseconds = 30\n"), tmp_path)
    token = built.manifest.token
    assert token is not None and (token.seconds, token.bytes, token.inputs) == (30, 65_536, ())
    assert {name: (one.dtype, one.shape) for name, one in token.held.items()} == {"age": ("float32", (1, 1))}
    assert built.manifest.dialects[-1] == "prepare"
    assert any("no step computes the user alone" in note for note in built.notes)


def test_bundle_without_tokens_knows_nothing_of_them(tmp_path: Path) -> None:
    built = build(whole(tmp_path, ""), tmp_path)
    assert built.manifest.token is None and "prepare" not in built.manifest.dialects
    assert not any(path.startswith("token") for path in built.certificate.paths)


def test_document_tells_of_tokens_where_there_are_any(tmp_path: Path) -> None:
    folder = whole(tmp_path, "[token]\n")
    built = build(folder, tmp_path)
    described = document.document(built.manifest, load(folder))
    paths = described["paths"]
    rank, prepare = (paths[f"/v1/models/shop:{verb}"]["post"] for verb in ("rank", "prepare"))
    assert "token" in rank["requestBody"]["content"]["application/json"]["schema"]["properties"]
    assert {"401", "409"} <= set(rank["responses"]) and "401" not in prepare["responses"]
    assert {"/v1/models/shop/versions/{version}:prepare", "/v1/models/shop/labels/{label}:prepare"} <= set(paths)
    answer = prepare["responses"]["200"]["content"]["application/json"]["schema"]
    assert answer["required"] == ["token", "expires_in"]


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ("[token]\nseconds = 0\n", "seconds"),
        ("[token]\nseconds = 7200\n", "seconds"),
        ("[token]\nbytes = 10\n", "bytes"),
        ('[token]\nkey = "mine"\n', "key"),
        ('[token]\nkey = "arn:aws:s3:::bucket"\n', "key"),
        ("[token]\nencrypt = true\n", "encrypt"),
        ('[token]\n[api]\ndialects = ["v2"]\n', "no native"),
    ],
)
def test_what_cannot_be_done_is_refused_by_its_name(more: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(RankletError, match=said):
        build(whole(tmp_path, more), tmp_path)


def test_token_that_golden_requests_outgrow_is_not_bundled(tmp_path: Path) -> None:
    folder = write(
        tmp_path,
        "[token]\nbytes = 256\n",
        inputs='age = { side = "user", length = 100 }\nprice = { side = "item" }',
        features=f"{AGE}\n{PRICE}",
        fed=("price",),
        request={"user": {"age": [1.0] * 100}, "items": {"price": [1.0, 3.0]}},
    )
    text = (folder / "model.toml").read_text()
    (folder / "model.toml").write_text(text.replace('price = "price" }', 'price = "price", age = "age" }'))
    weights = {"bias": np.zeros(1), "w.price": np.full(1, 0.5), "w.age": np.zeros(100)}
    np.savez(folder / "export" / "model.npz", **{name: one.astype(np.float32) for name, one in weights.items()})
    with pytest.raises(RankletError, match=r"\[token\] bytes"):
        build(folder, tmp_path)


def test_model_that_reads_nothing_of_the_user_has_no_token(tmp_path: Path) -> None:
    folder = write(
        tmp_path,
        "[token]\n",
        inputs='age = { side = "user" }\nprice = { side = "item" }',
        features=PRICE,
        fed=("price",),
        request={"user": {"age": 1.0}, "items": {"price": [1.0, 3.0]}},
    )
    with pytest.raises(ModelError, match="nothing to hold"):
        build(folder, tmp_path)


def test_model_without_candidates_has_no_token(tmp_path: Path) -> None:
    folder = whole(tmp_path, "[token]\n")
    text = (folder / "model.toml").read_text()
    (folder / "model.toml").write_text(text.replace('price = { side = "item" }', 'price = { side = "context" }'))
    row = {"request": {"user": {"age": 2.0}, "context": {"price": 1.0}, "items": {}}, "scores": [0.8175744761936437]}
    (folder / "golden.jsonl").write_text(json.dumps(row) + "\n")
    with pytest.raises(ModelError, match="user's features alone"):
        build(folder, tmp_path)


def test_environment_may_name_another_key_and_not_another_size(tmp_path: Path) -> None:
    arn = "arn:aws:secretsmanager:eu-central-1:111122223333:secret:tokens-AbCdEf"
    described = load(whole(tmp_path, "[token]\n"))
    applied = Environment(name="prod", token={"key": arn}).applied(described)
    assert applied.token is not None and applied.token.key == arn
    with pytest.raises(ModelError, match=r"token\.seconds is part of the bundle"):
        Environment(name="prod", token={"seconds": 5}).applied(described)
    plain = load(whole(tmp_path / "plain", ""))
    assert Environment(name="prod", token={"key": arn}).applied(plain).token is None


def test_client_sends_a_token_in_the_users_place() -> None:
    asked = Asked.of(None, None, {"id": [1, 2, 3]}, top_k=2, token=Prepared("abc", 60), seed=7)
    assert asked.message(slice(0, 2)) == {"token": "abc", "seed": 7, "items": {"id": [1, 2]}, "top_k": 2}
    with pytest.raises(BadCall, match="in the place of user"):
        Asked.of({"age": 1}, None, {"id": [1]}, top_k=None, token="abc")


def test_client_does_not_put_lists_together_that_are_made_of_more_than_scores() -> None:
    parts = [(slice(at, at + 1), Ranked(np.zeros(1, np.float32), [at], ordered_by=("cap",))) for at in range(2)]
    with pytest.raises(BadCall, match="by cap"):
        merged(parts, 1)
