"""Models that tell words alone are served: every score is null, what they say is an output, and nothing is best."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import orjson
import pytest
from pmml_cards import rules
from pmml_networks import KERNELS, WEIGHTS, dictionary, machine
from pmml_points import clustering
from pmml_regressions import table
from pmml_trees import node
from pmml_writing import chances, file, tag
from pmml_writing import test as simple

from ranklet import draft, model, pipeline
from ranklet.errors import ImportRefused, ModelError, ParityError
from ranklet.importers import pmml
from ranklet.importers.proposal import Proposal, Wishes
from ranklet_runtime.function import Function

RULES = file(
    "RuleSetModel",
    "classification",
    f"<RuleSet>{tag('RuleSelectionMethod', criterion='firstHit')}{rules(nested=False)}</RuleSet>",
    fields="x z c",
    target="k3",
)
MACHINES = "".join(machine(weights, 0.1, targetCategory="abc"[at]) for at, weights in enumerate(WEIGHTS))
CLUSTERS = re.sub("<Output>.*</Output>", "", clustering("<euclidean/>"))
TREE = node(
    "0", "<True/>", node("1", simple("x", "lessThan", 0), score="a") + node("2", "<True/>", score="b"), score="c"
)
CLASSES = "".join(table(0.1 * at, 1 - at, 0.5, targetCategory=name) for at, name in enumerate("abc"))
WORDS = {
    "rules": (RULES, "confidence"),
    "clusters": (CLUSTERS, "affinity"),
    "machines": (
        file(
            "SupportVectorMachineModel",
            "classification",
            KERNELS["rbf"] + dictionary() + MACHINES,
            target="k3",
            more='classificationMethod="OneAgainstAll"',
        ),
        "distance",
    ),
    "tree": (file("TreeModel", "classification", TREE, target="k3"), None),
    "classes": (
        file("RegressionModel", "classification", CLASSES, target="k3", more='normalizationMethod="softmax"'),
        "probability(b)",
    ),
}  # fmt: skip


def proposed(text: str, folder: Path, **options: str) -> Proposal:
    path = folder / "model.pmml"
    path.write_text(text)
    return pmml.propose(path, Wishes(options=options))


@pytest.mark.parametrize("name", WORDS)
def test_a_model_that_tells_words_alone_does_not_rank(name: str, tmp_path: Path) -> None:
    text, number = WORDS[name]
    made = proposed(text, tmp_path)
    assert not made.ranks
    assert len(made.tell) == 1
    assert "the model tells words alone" in made.notes[0]
    if number is not None:
        assert number in made.notes[0]
        assert proposed(text, tmp_path, output=number).ranks
    with pytest.raises(ImportRefused, match=r"no output of numbers is called 'other'; there are \[.*'none'"):
        proposed(text, tmp_path, output="other")


def test_a_model_that_tells_numbers_may_rank_by_none(tmp_path: Path) -> None:
    text = file("RegressionModel", "classification", CLASSES, target="k3", output=chances("k3"))
    made = proposed(text, tmp_path, output="none")
    assert not made.ranks
    assert len(made.tell) == 4


@pytest.fixture(scope="module")
def drafted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("words")
    (folder / "words.pmml").write_text(RULES)
    made = draft.draft(folder / "words.pmml", folder / "functions" / "words")
    assert made.score is None
    return made.folder


@pytest.fixture(scope="module")
def function(drafted: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    out = tmp_path_factory.mktemp("build")
    pipeline.build(drafted, out=out, progress=lambda said: None)
    opened = Function.open(out / "functions" / "words", {})
    yield opened
    opened.scorer.close()


def asked(function: Function, path: str, document: Any) -> tuple[int, Any]:
    event = {
        "version": "2.0", "rawPath": f"/words/{path}", "rawQueryString": "", "isBase64Encoded": False,
        "headers": {"content-type": "application/json"}, "body": orjson.dumps(document).decode(),
        "requestContext": {"http": {"method": "POST", "path": f"/words/{path}"}, "requestId": "r", "stage": "$default"},
    }  # fmt: skip
    answer = function(event, None)
    return answer["statusCode"], json.loads(answer["body"])  # TF Serving writes NaN as it is


ITEMS = {"x": [1.0, 0.0, 0.0, None], "z": [0.0, -1.0, 0.5, None], "c": ["red", "red", "blue", None]}
SAID = ["a", "b", None, None]


def test_scores_are_null_and_words_are_told(function: Function) -> None:
    status, answer = asked(function, "v1/models/words:rank", {"items": ITEMS})
    assert (status, answer) == (200, {"scores": [None] * 4, "outputs": {"k3": SAID}})


def test_the_best_are_refused(function: Function) -> None:
    status, answer = asked(function, "v1/models/words:rank", {"items": ITEMS, "top_k": 2})
    assert status == 400
    assert answer["path"] == "$.top_k"
    assert "tells words and no scores" in answer["error"]


def test_tf_servings_clients_get_the_words(function: Function) -> None:
    rows = [dict(zip(ITEMS, row, strict=True)) for row in zip(*ITEMS.values(), strict=True)]
    status, answer = asked(function, "v1/models/words:predict", {"instances": rows})
    assert status == 200
    assert [one["k3"] for one in answer["predictions"]] == SAID


def test_no_candidates_tell_nothing(function: Function) -> None:
    status, answer = asked(function, "v1/models/words:rank", {"items": {"x": [], "z": [], "c": []}})
    assert (status, answer) == (200, {"scores": [], "outputs": {"k3": []}})


def test_a_word_that_is_another_fails_the_build(drafted: Path, tmp_path: Path) -> None:
    golden = drafted / "golden.jsonl"
    before = golden.read_bytes()
    first = orjson.loads(before.splitlines()[0])
    first["outputs"]["k3"][0] = "c" if first["outputs"]["k3"][0] != "c" else "a"
    try:
        golden.write_bytes(orjson.dumps(first))
        with pytest.raises(ParityError, match="the output 'k3' of candidate 0"):
            pipeline.build(drafted, out=tmp_path, progress=lambda said: None)
    finally:
        golden.write_bytes(before)


def test_without_outputs_there_would_be_nothing(drafted: Path, tmp_path: Path) -> None:
    path = drafted / "model.toml"
    before = path.read_text()
    assert "ranks = false" in before
    assert not model.load(drafted).output.ranks
    try:
        path.write_text(re.sub(r"(?ms)^# What is told.*?\n\n", "", before))
        with pytest.raises(ModelError, match=r"output\.tell is empty"):
            pipeline.build(drafted, out=tmp_path, progress=lambda said: None)
    finally:
        path.write_text(before)
