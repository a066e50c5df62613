"""What is not served exactly is refused by its step and its name; files that would do harm are refused unread."""

from __future__ import annotations

import io
import json
import pickle  # noqa: TID251 - of files that must not be unpickled
import random
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sklearn_kit as kit
import sklearn_rows as rows
from sklearn import (
    cluster,
    compose,
    dummy,
    ensemble,
    feature_extraction,
    impute,
    linear_model,
    naive_bayes,
    neighbors,
    pipeline,
    preprocessing,
    svm,
)  # fmt: skip
from sklearn_columns import SAMPLES

from ranklet import importers
from ranklet.errors import ImportRefused
from ranklet.importers import sklearn
from ranklet.importers.proposal import NO_WISHES, Wishes

LOGISTIC = linear_model.LogisticRegression
VECTORIZER = feature_extraction.text.CountVectorizer


def fitted(make: Any, on: str = "numbers", target: str = "two") -> Any:
    """A model of the made-up rows."""
    return rows.Sample(lambda: make, on=on, target=target).train()


def chain(*steps: Any) -> Any:
    """A pipeline."""
    return pipeline.make_pipeline(*steps)


def columns(*parts: Any) -> Any:
    """A pipeline over columns of the frame."""
    return chain(compose.ColumnTransformer(list(parts)), LOGISTIC(max_iter=500))


REFUSED: dict[str, tuple[Callable[[], Any], str]] = {
    "an imputer of neighbours": (
        lambda: fitted(chain(impute.KNNImputer(), LOGISTIC()), "holes"),
        r"Pipeline: step 'knnimputer': KNNImputer: is not served",
    ),
    "a step among columns": (
        lambda: fitted(columns(("bins", preprocessing.SplineTransformer(extrapolation="error"), ["price"])), "whole"),
        r"step 'columntransformer': ColumnTransformer: step 'bins': SplineTransformer: extrapolation='error' fails",
    ),
    "a function that may do anything": (
        lambda: fitted(chain(preprocessing.FunctionTransformer(np.cos), LOGISTIC())),
        r"step 'functiontransformer': FunctionTransformer: calls numpy.cos; served are numpy.log1p",
    ),
    "a quirk of splines": (
        lambda: fitted(chain(preprocessing.SplineTransformer(degree=1, extrapolation="linear"), LOGISTIC())),
        "extrapolates degree 1 from other knots in the second column",
    ),
    "clusters": (lambda: cluster.KMeans(2, n_init=1).fit(rows.numbers()), "predicts the number of a cluster"),
    "a constant": (lambda: fitted(dummy.DummyClassifier()), "gives every row the same, which ranks nothing"),
    "a transformer alone": (
        lambda: preprocessing.StandardScaler().fit(rows.numbers()), "StandardScaler predicts nothing: end the pipeline"
    ),
    "what is not fitted": (lambda: chain(preprocessing.StandardScaler(), LOGISTIC()), "is not fitted"),
    "no estimator": (lambda: {"weights": [1.0]}, "holds a dict, no estimator"),
    "several classes without a choice": (
        lambda: fitted(LOGISTIC(), target="three"), r"has the classes 0, 1, 2; say which one ranks: -o class=2"
    ),
    "several targets": (
        lambda: linear_model.Ridge().fit(rows.numbers(), rows.numbers()[:, :2]), "predicts 2 numbers a row"
    ),
    "stacked labels": (
        lambda: fitted(ensemble.StackingClassifier([("a", LOGISTIC())], cv=2, stack_method="predict")),
        "stacks the labels of LogisticRegression",
    ),
    "boosting from another model": (
        lambda: fitted(ensemble.GradientBoostingClassifier(n_estimators=2, init=LOGISTIC())),
        "has init=LogisticRegression, whose predictions differ by row",
    ),
    "a conversion in 32 bits": (
        lambda: fitted(naive_bayes.CategoricalNB(), "counts"), "the converted model scores .* and nothing was written"
    ),
    "a conversion that is wrong": (
        lambda: neighbors.LocalOutlierFactor(novelty=True).fit(rows.numbers()), "the conversion is not right"
    ),
    "a conversion that does not run": (
        lambda: fitted(neighbors.RadiusNeighborsRegressor(5.0), target="value"), "does not run"
    ),
    "one text in two ways": (
        lambda: fitted(
            columns(
                ("words", VECTORIZER(), "tags"),
                ("tags", VECTORIZER(token_pattern=r"[^|]+", lowercase=False), "tags"),
            ),
            "tagged",
        ),
        "splits the text of 'tags' otherwise than another step",
    ),
    "hashed names of dicts": (
        lambda: fitted(chain(feature_extraction.FeatureHasher(16), LOGISTIC()), "dicts"),
        "hashes names of a dict, which no model file tells",
    ),
    "logarithms of many counts": (
        lambda: fitted(
            chain(
                feature_extraction.text.HashingVectorizer(n_features=2**15, norm=None, alternate_sign=False),
                feature_extraction.text.TfidfTransformer(sublinear_tf=True),
                LOGISTIC(),
            ),
            "words",
        ),
        "spreads 32768 columns a row",
    ),
    "neighbours of too many rows": (
        lambda: _many(fitted(neighbors.KNeighborsRegressor(), target="value")), "keeps 100001 rows of training"
    ),
    "weights that do not fit": (lambda: _cut(fitted(LOGISTIC())), "has 4 weights for 5 columns"),
}  # fmt: skip


def _many(model: Any) -> Any:
    model._fit_X, model._y = np.zeros((100_001, 5)), np.zeros(100_001)
    model._tree, model._fit_method = None, "brute"
    return model


def _cut(model: Any) -> Any:
    model.coef_ = model.coef_[:, :4]
    return model


@pytest.mark.parametrize("name", REFUSED)
def test_it_is_refused_by_its_name(name: str, tmp_path: Path) -> None:
    make, message = REFUSED[name]
    path = kit.save(make(), tmp_path / "model.skops")
    with pytest.raises(ImportRefused, match=message) as refused:
        sklearn.propose(path, NO_WISHES)
    assert str(refused.value).startswith("model.skops: ")
    assert str(tmp_path) not in str(refused.value)


def test_classes_each_against_each_are_refused(tmp_path: Path) -> None:
    model = fitted(svm.SVC(), target="three")
    with pytest.raises(ImportRefused, match="SVC: has 3 classes, each against each"):
        kit.proposed(model, tmp_path, **{"method": "decision_function", "class": "2"})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"method": "score"}, "-o method=score is not known"),
        ({"class": "maybe"}, "-o class=maybe is none of its classes: no, yes"),
        ({"column": "2"}, "-o column=2 is not there"),
        ({"column": "-1"}, "-o column=-1 is no whole number"),
        ({"column": "0", "class": "no"}, "are one choice"),
        ({"method": "predict"}, "predict gives names of classes"),
        ({"method": "decision_function", "class": "no"}, "decision_function is one number, for the second class"),
        ({"weights": "1"}, "-o weights is not known: this format takes method, column, class"),
    ],
)
def test_a_choice_that_is_none_is_refused(options: dict[str, str], message: str, tmp_path: Path) -> None:
    with pytest.raises(ImportRefused, match=message):
        kit.proposed(SAMPLES["logistic_named"].train(), tmp_path, **options)


class Harm:
    """What a pickle may be."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> Any:
        return Path.touch, (self.target,)


@pytest.mark.parametrize("name", ["model.pkl", "model.joblib", "model.bin"])
def test_a_pickle_runs_nothing_before_it_is_trusted(name: str, tmp_path: Path) -> None:
    path, target = tmp_path / name, tmp_path / "touched"
    path.write_bytes(pickle.dumps({"sklearn.linear_model": Harm(target)}))
    assert importers.recognise(path) == "sklearn"
    with pytest.raises(ImportRefused, match=r"is a pickle, which can run any code .* add --trust-pickle"):
        importers.propose("sklearn", path, NO_WISHES)
    assert not target.exists()
    with pytest.raises(ImportRefused, match="holds a dict"):
        importers.propose("sklearn", path, Wishes(trust_pickle=True))
    assert target.exists()  # this is what trust means


@pytest.mark.parametrize("content", [b"", b"\x80\x05", b"\x80\x05sklearn.", b"PK\x03\x04", b"\x78\x9c\x00"])
def test_what_is_no_model_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "model.joblib"
    path.write_bytes(content)
    for wishes in (NO_WISHES, Wishes(trust_pickle=True)):
        with pytest.raises(ImportRefused) as refused:
            sklearn.propose(path, wishes)
        assert str(tmp_path) not in str(refused.value)


def test_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ImportRefused, match=r"is a folder; name the \.skops"):
        importers.propose("sklearn", tmp_path, NO_WISHES)


def rewritten(path: Path, change: Callable[[str], str], **more: bytes) -> Path:
    """A skops file with another schema, and further members."""
    with zipfile.ZipFile(path) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    files["schema.json"] = change(files["schema.json"].decode()).encode()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in {**files, **more}.items():
            archive.writestr(name, content)
    return path


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    """A small model, saved."""
    return kit.save(SAMPLES["ridge"].train(), tmp_path / "model.skops")


@pytest.mark.parametrize(
    "strange", ["os.system", "builtins.eval", "subprocess.Popen", "ranklet.model.Model", "sklearn.no_such.Thing"]
)
def test_a_type_that_may_do_harm_is_refused_by_name(strange: str, plain: Path) -> None:
    module, name = strange.rsplit(".", 1)

    def change(schema: str) -> str:
        read = json.loads(schema)
        read["content"]["content"]["alpha"] = {
            "__class__": name, "__module__": module, "__loader__": "FunctionNode", "__id__": 7,
        }  # fmt: skip
        return json.dumps(read)

    with pytest.raises(ImportRefused, match=rf"holds types that are not known to be harmless: {strange}"):
        sklearn.propose(rewritten(plain, change), NO_WISHES)


def test_a_loader_that_is_none_is_refused(plain: Path) -> None:
    path = rewritten(plain, lambda schema: schema.replace("NdArrayNode", "PickleNode"))
    with pytest.raises(ImportRefused, match="skops cannot read it"):
        sklearn.propose(path, NO_WISHES)


def test_a_schema_that_is_nested_deep_is_refused(plain: Path) -> None:
    with pytest.raises(ImportRefused, match=r"nested too deep|skops cannot read it"):
        sklearn.propose(rewritten(plain, lambda schema: '{"content":' * 100_000 + "1" + "}" * 100_000), NO_WISHES)


def test_a_bomb_is_refused_unpacked(plain: Path, tmp_path: Path) -> None:
    bomb = rewritten(plain, lambda schema: schema, **{"1.npy": bytes(1 << 25)})
    with pytest.raises(ImportRefused, match=r"'1.npy' unpacks \d+ bytes to 33554432"):
        sklearn.propose(bomb, NO_WISHES)
    with zipfile.ZipFile(tmp_path / "out.skops", "w") as archive:
        archive.writestr("schema.json", "{}")
        archive.writestr("../out.npy", b"")
    with pytest.raises(ImportRefused, match="leads outside the archive"):
        sklearn.propose(tmp_path / "out.skops", NO_WISHES)


def test_an_array_that_is_a_pickle_is_refused(plain: Path, tmp_path: Path) -> None:
    target, held = tmp_path / "touched", io.BytesIO()
    np.save(held, np.array([Harm(target)], object), allow_pickle=True)
    with zipfile.ZipFile(plain) as archive:
        arrays = [name for name in archive.namelist() if name.endswith(".npy")]
    path = rewritten(plain, lambda schema: schema, **dict.fromkeys(arrays, held.getvalue()))
    with pytest.raises(ImportRefused, match="skops cannot read it"):
        sklearn.propose(path, NO_WISHES)
    assert not target.exists()


@pytest.mark.parametrize("name", ["hot", "tree_missing"])
def test_damaged_files_are_refused_in_words_or_read_as_what_they_say(name: str, tmp_path: Path) -> None:
    path = kit.save(SAMPLES[name].train(), tmp_path / "model.skops")
    with zipfile.ZipFile(path) as archive:
        files = {member: archive.read(member) for member in archive.namelist()}
    chance, refused = random.Random(name), 0
    for _ in range(60):
        member = chance.choice([*files, "schema.json"])
        content = bytearray(files[member])
        if chance.random() < 0.3:
            del content[chance.randrange(len(content)) :]
        else:
            for _ in range(chance.randint(1, 6)):
                content[chance.randrange(len(content))] = chance.randrange(256)
        with zipfile.ZipFile(path, "w") as archive:
            for each, whole in {**files, member: bytes(content)}.items():
                archive.writestr(each, whole)
        try:
            sklearn.propose(path, NO_WISHES)
        except ImportRefused as error:
            assert str(tmp_path) not in str(error), error
            refused += 1
    assert refused > 5


def test_a_tree_that_goes_in_circles_is_refused(tmp_path: Path) -> None:
    model = SAMPLES["tree"].train()
    with zipfile.ZipFile(kit.save(model, tmp_path / "model.skops")) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    for name, content in files.items():
        if name.endswith(".npy") and b"left_child" in content:
            nodes = np.load(io.BytesIO(content))
            nodes["left_child"][-1 if nodes["left_child"][-1] != -1 else 0] = 0
            held = io.BytesIO()
            np.save(held, nodes)
            files[name] = held.getvalue()
    with zipfile.ZipFile(tmp_path / "model.skops", "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    with pytest.raises(ImportRefused):
        sklearn.propose(tmp_path / "model.skops", NO_WISHES)
