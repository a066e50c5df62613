"""[after] from model.toml to a certificate: what is proven, what is refused by its name, the same bytes each time."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import numpy as np
import pytest
from list_kit import REQUEST, ROWS, build, heads, write
from sklearn.isotonic import IsotonicRegression

from ranklet import certificate, golden, pipeline
from ranklet.after.calibration import export
from ranklet.errors import ModelError, ParityError, RankletError
from ranklet.local.event_v2 import event_v2
from ranklet.model import load
from ranklet.openapi import document as openapi
from ranklet.settings.after import After, Head
from ranklet.settings.token import Token
from ranklet_runtime.function import Function

CTR, CVR = heads()
LIST = """
[after]
requests = ["explore", "seed"]
[after.cap]
input = "genre"
most = 1
[after.diversify]
method = "dpp"
vectors = "vector"
lambda = 0.5
[after.explore]
method = "softmax"
temperature = 0.25
"""


def ask(bundle: Path, **more: Any) -> Any:
    subject = Function.open(bundle, {})
    body = json.dumps({**REQUEST, **more}).encode()
    event = event_v2("POST", "/v1/models/shop:rank", headers={"content-type": "application/json"}, body=body)
    answer = subject(event, None)
    assert answer["statusCode"] == 200, answer["body"]
    return json.loads(answer["body"])


def test_blend_of_calibrated_heads_is_proven_against_the_librarys_numbers(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    x = random.random(200)
    fitted = IsotonicRegression(out_of_bounds="clip").fit(x, (random.random(200) < x**2).astype(float))
    folder = write(
        tmp_path,
        '[after]\nblend = "ctr ** 0.8 * bought"\nheads = { bought = { tensor = "cvr" } }\n'
        '[after.calibrate]\nbought = "export/calibration.json"\n',
        scores=np.asarray(CTR) ** 0.8 * fitted.predict(CVR),
        score="value",
    )
    export(fitted, folder / "export" / "calibration.json")
    built = pipeline.build(folder, out=tmp_path / ".build")
    assert max(built.certificate.paths.values()) <= 1e-6
    assert built.manifest.after["tensors"] == ["ctr", "cvr"]


def test_scores_of_another_formula_are_not_bundled(tmp_path: Path) -> None:
    with pytest.raises(ParityError, match="the trainer says"):
        build(tmp_path, '[after]\nblend = "ctr * cvr"\n', scores=[a + b for a, b in zip(CTR, CVR, strict=True)])


def test_lists_are_certified(tmp_path: Path) -> None:
    built = build(tmp_path, LIST)
    found = certificate.read(built.folder).lists
    assert found is not None and found.steps == ("cap", "diversify", "explore")
    assert (found.rows, found.trained) == (1, 0) and found.regret <= 1e-9 and found.gap <= 1e-6
    answer = ask(built.folder, top_k=4, explore=False)
    assert answer["ordered_by"] == ["cap", "diversify"] and len(answer["items"]) == 4
    assert len(ask(built.folder, top_k=4, seed=1)["explored"]["propensities"]) == 4


def test_document_tells_what_a_list_is_made_by(tmp_path: Path) -> None:
    folder = write(tmp_path, LIST)
    built = pipeline.build(folder, out=tmp_path / ".build")
    described = openapi.document(built.manifest, load(folder))["paths"]["/v1/models/shop:rank"]["post"]
    asked, told = (
        one["content"]["application/json"]["schema"]["properties"]
        for one in (described["requestBody"], described["responses"]["200"])
    )
    assert {"explore", "seed"} <= set(asked) and "token" not in asked
    assert told["ordered_by"]["items"]["enum"] == ["cap", "diversify", "explore"]
    assert set(told["explored"]["properties"]) == {"method", "seed", "propensities"}
    answer = ask(built.folder, top_k=3, seed=5)
    jsonschema.validate(answer, described["responses"]["200"]["content"]["application/json"]["schema"])


def test_example_of_the_documentation_is_one() -> None:
    text = (Path(__file__).parents[3] / "functions" / "README.md").read_text(encoding="utf-8")
    examples = [tomllib.loads(block) for block in re.findall(r"```toml\n(.*?)```", text, re.DOTALL)]
    (after,) = [msgspec.convert(one["after"], After) for one in examples if "after" in one]
    assert after.on and after.head("cvr") == Head(tensor="tasks", column=1)
    assert after.explore is not None and after.explore.amount == 0.05
    (token,) = [msgspec.convert(one["token"], Token) for one in examples if "token" in one]
    assert token == Token()


def test_trainers_own_order_is_met_or_the_build_ends(tmp_path: Path) -> None:
    more = '[after.cap]\ninput = "genre"\nmost = 1\n'
    order, taken = [], set[str]()
    for at in sorted(range(ROWS), key=lambda at: -CTR[at]):
        genres = set(REQUEST["items"]["genre"][at])
        if not genres & taken and len(order) < 3:
            order.append(at)
            taken |= genres
    built = build(tmp_path / "right", more, order=order)
    assert built.certificate.lists is not None and built.certificate.lists.trained == 1
    with pytest.raises(ParityError, match="the trainer's"):
        build(tmp_path / "wrong", more, order=order[::-1])


def test_builds_give_the_same_bytes(tmp_path: Path) -> None:
    first, second = (build(tmp_path / name, LIST) for name in ("first", "second"))
    assert first.certificate == second.certificate
    assert certificate.digest(first.folder) == certificate.digest(second.folder)


def test_model_without_steps_has_none_in_manifest_and_certificate(tmp_path: Path) -> None:
    built = build(tmp_path, "")
    assert built.manifest.after == {} and built.certificate.lists is None
    assert not (built.folder / "after").exists()


@pytest.mark.parametrize("suffix", ["csv", "jsonl"])
def test_cap_by_an_attribute_of_a_file(suffix: str, tmp_path: Path) -> None:
    more = f'[after.cap]\nsource = "export/items.{suffix}"\ncolumn = "genres"\nmost = 1\n'
    folder = write(tmp_path, more + ('separator = "|"\n' if suffix == "csv" else ""))
    genres = {at: [["Drama", "War"], ["War"], ["Comedy"]][at % 3] for at in range(ROWS - 2)}  # two are not in the file
    if suffix == "csv":
        lines = ["id,genres", *(f"{at},{'|'.join(several)}" for at, several in genres.items())]
    else:
        lines = [json.dumps({"id": at, "genres": several}) for at, several in genres.items()]
    (folder / "export" / f"items.{suffix}").write_text("\n".join(lines) + "\n")
    built = pipeline.build(folder, out=tmp_path / ".build")
    answer = ask(built.folder, top_k=4)
    named = [one for item in answer["items"] for one in genres.get(item, [])]
    assert len(named) == len(set(named)) and set(answer["items"]) & {ROWS - 1, ROWS - 2}


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ('[after]\nblend = "ctr * views"\n', "'views'"),
        ('[after]\nblend = "ctr.real"\n', "not allowed"),
        ('[after]\nblend = "age * 2"\n', "the user's alone"),
        ('[after]\nblend = "vector * 2"\n', "name one column"),
        ('[after]\nblend = "v * 2"\nheads = { v = { tensor = "vector", column = 4 } }\n', "column 4"),
        ('[after]\nblend = "ctr"\nheads = { v = "cvr" }\n', "neither calibrate nor blend"),
        ('[after]\nheads = { v = "cvr" }\n', "heads names"),
        ("[after]\npool = 5\n", "no step"),
        ('[after]\nrequests = ["explore"]\n', "not there"),
        ('[after.calibrate]\nctr = "export/none.json"\n', "not there"),
        ('[after.calibrate]\nctr = "../../../etc/passwd"\n', "outside"),
        ('[after.calibrate]\nctr = "golden.jsonl"\n', "no calibration"),
        ('[after.calibrate]\nctr = "a.json"\ncvr = "b.json"\n', "no blend"),
        ("[after.cap]\nmost = 1\n", "give input, or source and column"),
        ('[after.cap]\ninput = "age"\nmost = 1\n', "must be an item input"),
        ('[after.cap]\ninput = "genre"\nmost = 0\n', "most"),
        ('[after.cap]\nsource = "export/items.csv"\nmost = 1\n', "source and column"),
        ('[after.cap]\nsource = "export/film.npy"\ncolumn = "genre"\nmost = 1\n', "say its format"),
        ('[after.diversify]\nmethod = "mmr"\nvectors = "film"\nlambda = 0.5\n', "nothing makes"),
        ('[after.diversify]\nmethod = "mmr"\nvectors = "age"\nlambda = 0.5\n', "of the user's side"),
        ('[after.diversify]\nmethod = "mmr"\nvectors = "vector"\nsize = 5\nlambda = 0.5\n', "4 numbers"),
        ('[after.diversify]\nmethod = "mmr"\nvectors = "vector"\nlambda = 1.5\n', "lambda"),
        ('[after.explore]\nmethod = "softmax"\nepsilon = 0.1\n', "takes temperature"),
        ('[after.explore]\nmethod = "gaussian"\n', "takes sigma"),
        ('[after.explore]\nmethod = "softmax"\ntemperature = 0.0\n', "temperature"),
        ("[after.boost]\nfactor = 2\n", "boost"),
        ('[api]\ndialects = ["v2"]\n[after.explore]\nmethod = "softmax"\ntemperature = 1.0\n', "without native"),
    ],
)
def test_what_cannot_be_done_is_refused_by_its_name(more: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(RankletError, match=said) as refused:
        build(tmp_path, more)
    assert "Traceback" not in str(refused.value)


@pytest.mark.parametrize(
    ("calibration", "said"),
    [
        ('{"method": "beta"}', "beta"),
        ('{"x": [1, 0], "y": [0, 1]}', "ascend"),
        ('{"x": [0, 1], "y": [0]}', "ascend"),
        ('{"x": [], "y": []}', "1 to"),
        ('{"x": [0, 1], "y": [0, null]}', r"y\[1\]"),
        ('{"x": [0, 1], "y": [0, 1], "out_of_bounds": "raise"}', "out_of_bounds"),
        ('{"a": 1}', "b is None"),
        ('{"a": "1", "b": 2}', "a is '1'"),
        ('{"a": 1, "b": 2, "c": 3}', "'c'"),
        ("[1, 2]", "object"),
        ("{", "json"),
    ],
)
def test_what_is_no_calibration_is_refused_by_its_field(calibration: str, said: str, tmp_path: Path) -> None:
    folder = write(tmp_path, '[after.calibrate]\nctr = "export/c.json"\n')
    (folder / "export" / "c.json").write_text(calibration)
    with pytest.raises(ModelError, match=said):
        pipeline.build(folder, out=tmp_path / ".build")


@pytest.mark.parametrize("order", [[0, 0], [12], [-1], ["a"]])
def test_order_of_a_golden_row_is_checked(order: Any, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"golden\.jsonl:1: order"):
        golden.read(write(tmp_path, "", order=order) / "golden.jsonl")


def test_golden_row_with_an_order_is_written_as_it_was_read(tmp_path: Path) -> None:
    path = write(tmp_path, "", order=[3, 1]) / "golden.jsonl"
    (row,) = golden.read(path)
    (tmp_path / "again.jsonl").write_bytes(golden.line(row))
    assert golden.read(tmp_path / "again.jsonl") == (row,)
