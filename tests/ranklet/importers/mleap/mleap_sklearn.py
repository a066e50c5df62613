"""Bundles that the `mleap` package writes from scikit-learn, and scikit-learn's own answers."""

from __future__ import annotations

import json
import re
import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import mleap_writing as w
import numpy as np

warnings.simplefilter("ignore")
Answered = tuple[str, bytes, dict[str, list[Any]], dict[str, list[Any]]]
NUMBERS = ["a", "b", "c"]
WORDS = ["x", "y", "z"]


def rows(seed: int) -> Any:
    """A data frame whose numbers are of 32 bits, which scikit-learn's trees compare."""
    import pandas

    random = np.random.default_rng(seed)
    found = {name: random.normal(size=300).astype(np.float32).astype(float) for name in NUMBERS}
    return pandas.DataFrame({**found, "word": random.choice(WORDS, 300)})


def cases() -> Iterator[Answered]:
    # importing these gives scikit-learn's classes what writes bundles
    import mleap.sklearn.ensemble.forest
    import mleap.sklearn.logistic
    import mleap.sklearn.pipeline
    import mleap.sklearn.preprocessing.data
    import mleap.sklearn.tree.tree  # noqa: F401
    from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import MinMaxScaler, StandardScaler
    from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

    models: dict[str, tuple[Any, Callable[[], Any], str]] = {
        "logistic": (LogisticRegression(), StandardScaler, "yes"),
        "multinomial": (LogisticRegression(), MinMaxScaler, "three"),
        "tree_regression": (DecisionTreeRegressor(max_depth=5, random_state=1), StandardScaler, "y"),
        "tree_classifier": (DecisionTreeClassifier(max_depth=5, random_state=1), StandardScaler, "three"),
        "forest_regression": (RandomForestRegressor(8, max_depth=6, random_state=1), MinMaxScaler, "y"),
        "forest_classifier": (RandomForestClassifier(8, max_depth=6, random_state=1), MinMaxScaler, "yes"),
    }
    for name, (model, scaler, label) in models.items():
        yield _case(f"sklearn_{name}", model, scaler(), label)


def _labels(frame: Any) -> dict[str, Any]:
    signal = frame.a - 0.5 * frame.b + (frame.word == "x") + 0.3 * np.sin(frame.c * 9)
    return {"y": signal, "yes": (signal > 0.3).astype(int), "three": np.digitize(signal, [-0.3, 0.8])}


def _case(name: str, model: Any, scaler: Any, label: str) -> Answered:
    from mleap.sklearn.preprocessing.data import FeatureExtractor, LabelEncoder
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import OneHotEncoder

    vector = FeatureExtractor(input_scalars=NUMBERS, output_vector="numbers", output_vector_items=NUMBERS)
    scaler.mlinit(prior_tf=vector, output_features="scaled")
    words = LabelEncoder(input_features=["word"], output_features="index")
    hot = OneHotEncoder(sparse_output=False)
    hot.mlinit(prior_tf=words, output_features="hot")
    joined = FeatureExtractor(
        input_vectors=[scaler, hot], output_vector="features", output_vector_items=[*NUMBERS, *WORDS]
    )
    extra = [] if "linear" in type(model).__module__ else [[f"f{at}" for at in range(6)]]
    model.mlinit("features", "prediction", *extra)
    trained, asked = rows(1), rows(2)
    made = _features(trained, (vector, scaler, words, hot), fit=True)
    shape = {"shape": "tensor", "tensor_shape": {"dimensions": [{"size": 3}]}}
    joined.input_shapes = {"data_shape": [shape, shape]}  # the package asks for what encoders no longer have
    model.fit(made, _labels(trained)[label])
    stages = [(one.name, one) for one in (vector, scaler, words, hot, joined, model)]
    pipeline = Pipeline(stages)
    pipeline.mlinit()
    return (
        name,
        _written(pipeline),
        asked.to_dict("list"),
        _answers(model, _features(asked, (vector, scaler, words, hot), fit=False)),
    )


def _features(frame: Any, stages: tuple[Any, ...], *, fit: bool) -> Any:
    vector, scaler, words, hot = stages
    if fit:
        vector.fit(frame)
        scaler.fit(frame[NUMBERS].to_numpy())
        words.fit(frame["word"])
        hot.fit(words.transform(frame["word"]).reshape(-1, 1))
    index = words.transform(frame["word"]).reshape(-1, 1)
    return np.hstack([scaler.transform(frame[NUMBERS].to_numpy()), hot.transform(index)])


UID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def _written(pipeline: Any) -> bytes:
    """Through the package; without its dates, and with names that do not change from run to run."""
    with tempfile.TemporaryDirectory() as folder:
        pipeline.serialize_to_bundle(folder, "model", init=True)
        root = Path(folder) / "model"
        files = {str(path.relative_to(root)): path.read_text() for path in sorted(root.rglob("*")) if path.is_file()}
    head = json.loads(files["bundle.json"])
    del head["timestamp"], head["uid"]
    files["bundle.json"] = json.dumps(head)
    names = dict.fromkeys(UID.findall(files["root/model.json"]))
    known = {name: f"{at:08d}-0000-0000-0000-{at:012d}" for at, name in enumerate(names)}
    settled = {_renamed(name, known): _renamed(content, known) for name, content in files.items()}
    return w.zipped({name: settled[name] for name in sorted(settled)})


def _renamed(text: str, known: dict[str, str]) -> str:
    return UID.sub(lambda found: known.get(found[0], f"{0:08d}-0000-0000-0000-{0:012d}"), text)


def _answers(model: Any, features: Any) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {"prediction": model.predict(features).astype(float).tolist()}
    if hasattr(model, "predict_proba"):
        shares = model.predict_proba(features)
        found |= {f"probability_{at}": shares[:, at].tolist() for at in range(shares.shape[1])}
    return found
