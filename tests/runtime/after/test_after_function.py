"""Steps after the scores through the handler: what is answered, what a request may say, and what costs nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import msgpack
import numpy as np
import pytest
from after_kit import function
from runtime_kit import REQUEST, body_of, document, expected, json_of, predict, rank, rank_packed, write_bundle

from ranklet.startup.budget import NEVER
from ranklet_runtime.function import Function

LIST = {
    "cap": {"input": "rating", "most": 1, "own": {}, "first": None},
    "diversify": {"method": "mmr", "vectors": "vector", "weight": 0.5, "size": None},
    "tensors": ["vector"],
}
EXPLORE = {"explore": {"method": "softmax", "amount": 0.3}}
TOP = {**REQUEST, "top_k": 3}


def ask(subject: Function, body: Any) -> tuple[int, Any]:
    answer = subject(rank(body), None)
    return answer["statusCode"], json_of(answer)


def test_score_is_calibrated_in_every_dialect(tmp_path: Path) -> None:
    subject = function(tmp_path, {"calibrate": {"score": {"method": "platt", "a": -2.0, "b": 0.25}}})
    wanted = [1 / (1 + np.exp(-2.0 * one + 0.25)) for one in expected(REQUEST)]
    assert ask(subject, REQUEST)[1]["scores"] == pytest.approx(wanted, rel=1e-6)
    rows = [{"age": 31, "country": "fr", "hour": 20, "id": 10, "price": 2.5, "rating": 4.5}]
    assert json_of(subject(predict({"instances": rows}), None))["predictions"] == pytest.approx(wanted[:1], rel=1e-6)


def test_score_is_a_formula_of_a_calibrated_head_and_of_features(tmp_path: Path) -> None:
    after = {
        "calibrate": {"score": {"method": "isotonic", "x": [0.0, 1.0], "y": [0.0, 0.5]}},
        "blend": {"operations": [["head", "score"], ["head", "cost"], ["number", 2.0], ["do", "**"], ["do", "/"]]},
        "heads": {"score": {"tensor": "score"}, "cost": {"tensor": "price", "column": 0}},
        "tensors": ["price", "score"],
    }
    wanted = [score / 2 / price**2 for score, price in zip(expected(REQUEST), [2.5, 4, 0.5], strict=True)]
    assert ask(function(tmp_path, after), REQUEST)[1]["scores"] == pytest.approx(wanted, rel=1e-6)


def test_score_that_the_formula_makes_infinite_is_refused(tmp_path: Path) -> None:
    after = {"blend": {"operations": [["number", 1.0], ["head", "price"], ["do", "/"]]}}
    items = {**REQUEST["items"], "price": [1.0, 0.0, 2.0]}
    assert ask(function(tmp_path, after), {**REQUEST, "items": items})[0] == 422


def test_best_are_listed_by_more_than_scores_and_the_answer_says_so(tmp_path: Path) -> None:
    status, answer = ask(function(tmp_path, LIST), TOP)
    assert status == 200 and answer["ordered_by"] == ["cap", "diversify"]
    by_item = dict(zip(REQUEST["items"]["id"], expected(REQUEST), strict=True))
    assert answer["scores"] == pytest.approx([by_item[item] for item in answer["items"]], rel=1e-6)
    assert "explored" not in answer


def test_request_without_top_k_gets_scores_in_its_order(tmp_path: Path) -> None:
    status, answer = ask(function(tmp_path, {**LIST, **EXPLORE}), REQUEST)
    assert status == 200 and set(answer) == {"scores"}
    assert answer["scores"] == pytest.approx(expected(REQUEST), rel=1e-6)


def test_exploration_tells_its_seed_and_propensities_in_both_formats(tmp_path: Path) -> None:
    subject = function(tmp_path, {**EXPLORE, "requests": ["seed"]})
    asked = {**TOP, "seed": 11}
    _, answer = ask(subject, asked)
    told = answer["explored"]
    assert (told["method"], told["seed"], len(told["propensities"])) == ("softmax", 11, 3)
    assert answer["ordered_by"] == ["explore"] and told["propensities"][-1] == 1
    packed = msgpack.unpackb(body_of(subject(rank_packed(asked), None)))
    buffer = packed["explored"]["propensities"]
    assert np.frombuffer(buffer["data"], buffer["dtype"]).tolist() == told["propensities"]


def test_without_a_seed_each_request_draws_its_own(tmp_path: Path) -> None:
    subject = function(tmp_path, EXPLORE)
    seeds = {ask(subject, TOP)[1]["explored"]["seed"] for _ in range(5)}
    assert len(seeds) == 5 and all(0 <= one < 1 << 53 for one in seeds)


def test_answer_with_the_seed_that_was_told_is_the_same_again(tmp_path: Path) -> None:
    subject = function(tmp_path, {**LIST, **EXPLORE, "requests": ["seed"]})
    _, answer = ask(subject, TOP)
    assert ask(subject, {**TOP, "seed": answer["explored"]["seed"]})[1] == answer


def test_request_may_leave_exploration_out_where_the_model_says_so(tmp_path: Path) -> None:
    subject = function(tmp_path, {**EXPLORE, "requests": ["explore"]})
    _, answer = ask(subject, {**TOP, "explore": False})
    assert set(answer) == {"items", "scores"} and answer["scores"] == sorted(answer["scores"], reverse=True)
    assert "explored" in ask(subject, {**TOP, "explore": True})[1]


@pytest.mark.parametrize("field", ["explore", "seed", "token"])
def test_what_the_model_does_not_list_is_no_field(field: str, tmp_path: Path) -> None:
    status, answer = ask(function(tmp_path, EXPLORE), {**TOP, field: False})
    assert status == 400 and answer["path"] == f"$.{field}" and "no such field" in answer["error"]


def test_what_the_model_does_not_list_changes_nothing_where_such_fields_are_ignored(tmp_path: Path) -> None:
    _, answer = ask(function(tmp_path, EXPLORE, surplus="ignore"), {**TOP, "explore": False})
    assert "explored" in answer


@pytest.mark.parametrize(
    ("field", "value"),
    [("explore", 0), ("explore", "no"), ("seed", -1), ("seed", 1 << 53), ("seed", 1.0), ("seed", True), ("seed", "7")],
)
def test_wrong_wishes_are_refused_with_their_place(field: str, value: Any, tmp_path: Path) -> None:
    status, answer = ask(function(tmp_path, {**EXPLORE, "requests": ["explore", "seed"]}), {**TOP, field: value})
    assert status == 400 and answer["path"] == f"$.{field}"


def test_category_that_is_none_is_refused_with_its_place(tmp_path: Path) -> None:
    """The input is one that nothing reads, so that only the cap looks at it."""
    inputs = {**document()["inputs"], "genre": {"side": "item", "type": "string", "unread": True}}
    subject = function(tmp_path, {"cap": {"input": "genre", "most": 1, "own": {}, "first": None}}, inputs=inputs)
    for genre, status in ((["a", {}, "b"], 400), (["a"], 422), ("abc", 400), (["a", "b", None], 200)):
        found, answer = ask(subject, {**TOP, "items": {**REQUEST["items"], "genre": genre}})
        assert found == status, answer
        assert status == 200 or answer["path"].startswith("$.items.genre")


def test_short_list_is_filled_or_cut(tmp_path: Path) -> None:
    items = {**REQUEST["items"], "rating": [2.0, 2.0, 2.0]}
    cap = {"cap": LIST["cap"]}
    for number, (short, count) in enumerate((("fill", 3), ("cut", 1))):
        _, answer = ask(function(tmp_path / str(number), {**cap, "short": short}), {**TOP, "items": items})
        assert len(answer["items"]) == count


def test_candidate_without_a_score_comes_last(tmp_path: Path) -> None:
    """The logarithm of a price below 0 is none."""
    after = {**LIST, "blend": {"operations": [["head", "price"], ["do", "log"]]}, "tensors": ["price", "vector"]}
    items = {**REQUEST["items"], "price": [1.0, -1.0, 3.0]}
    _, answer = ask(function(tmp_path, after, nulls=True), {**TOP, "items": items})
    assert answer["items"][-1] == 30 and answer["scores"][-1] is None


def test_no_candidates_are_an_empty_list(tmp_path: Path) -> None:
    items = {name: [] for name in REQUEST["items"]}
    status, answer = ask(function(tmp_path, {**LIST, **EXPLORE}), {**TOP, "items": items})
    assert status == 200 and answer["items"] == [] and answer["scores"] == []


def test_sampled_line_tells_what_exploration_did(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    subject = function(tmp_path, EXPLORE, watch={"phases": False, "sample_every": 1})
    subject.telemetry._started = True
    _, answer = ask(subject, TOP)
    subject.telemetry.flush()
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    (told,) = [line["explored"] for line in lines if line.get("message") == "request"]
    assert told["seed"] == answer["explored"]["seed"]
    assert [REQUEST["items"]["id"][at] for at in told["places"]] == answer["items"]
    assert told["propensities"] == pytest.approx(answer["explored"]["propensities"], abs=1e-9)


SCRIPT = textwrap.dedent("""
    import json, sys
    import ranklet_runtime.handler as entry
    events = json.load(open(sys.argv[1]))
    statuses = [entry.handler(event, None)["statusCode"] for event in events]
    sys.stderr.write(json.dumps({"statuses": statuses, "modules": sorted(sys.modules)}))
""")


def modules(folder: Path, manifest: dict[str, Any]) -> set[str]:
    """What a function has imported that answered a request for the best."""
    bundle = write_bundle(folder / "bundle", manifest)
    (folder / "events.json").write_text(json.dumps([rank(TOP)]))
    command = [sys.executable, "-c", SCRIPT, str(folder / "events.json")]
    environ = {**os.environ, "LAMBDA_TASK_ROOT": str(bundle)}
    done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=120, check=True)
    found = json.loads(done.stderr.splitlines()[-1])
    assert found["statuses"] == [200]
    return set(found["modules"])


def test_model_without_steps_imports_none_of_it(tmp_path: Path) -> None:
    found = modules(tmp_path, document())
    assert not {name for name in found if name.startswith(("ranklet_runtime.after", "ranklet_runtime.tokens"))}
    assert not {"hmac", "numpy.random", "ranklet_runtime.dialects.more", "ranklet_runtime.dialects.prepare"} & found


def test_model_imports_the_steps_that_it_has(tmp_path: Path) -> None:
    found = {name.rpartition(".")[2] for name in modules(tmp_path, document(after=LIST)) if ".after." in name}
    assert {"cap", "diversify"} <= found
    assert not {"explore", "blend", "calibrate"} & found


def test_no_step_imports_what_layers_do_not_hold(tmp_path: Path) -> None:
    """NumPy's own random numbers above all."""
    after = {**LIST, **EXPLORE, "calibrate": {"score": {"method": "platt", "a": -2.0, "b": 0.25}}}
    assert not NEVER & modules(tmp_path, document(after=after))
