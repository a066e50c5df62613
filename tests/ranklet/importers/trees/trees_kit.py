"""What trees are trained on and asked, and the archives of models with the libraries' own predictions.

Of each model the files that the library saved, the rows (features.npy) and its predictions of them (answers.npy). The
rows have missing and extreme values, unseen and fractional categories, and values on and right next to the thresholds
of the model itself.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ranklet import importers
from ranklet.importers.base import Exported
from ranklet.model import StepSource
from ranklet_runtime.engines.ort import open_session

HERE = Path(__file__).parent
WIDTH, ROWS, TRAINED = 6, 120, 400
CATEGORICAL = (3, 4)
EPOCH = (1980, 1, 1, 0, 0, 0)
NAMES = ("age", "price", "size", "shop", "brand", "rest")
WORDS: dict[int, list[Any]] = {
    3: ["ant", "bee", "cat", "dog", "eel", "fox", "gnu", "hé n"],
    4: [*range(100, 170)],
}
"""Of a data frame's features, what their codes stand for."""
TOLERANCE = {"xgboost": 5e-6, "lightgbm": 1e-12}
"""Relative: floats and doubles are added in the library's own order; functions such as exp round otherwise."""
TINY = float(np.finfo(np.float32).tiny)
"""Below it a float has few digits left."""

Array = NDArray[Any]


class Case(NamedTuple):
    """One model as the library saved it. files: ending → bytes. options: for the import."""

    name: str
    files: dict[str, bytes]
    features: Array
    answers: Array
    options: dict[str, Any] = {}  # noqa: RUF012 - never written to


class Data(NamedTuple):
    """What all models are trained on: features [n, WIDTH] with missing values, and labels of several kinds."""

    x: Array
    y: Array
    above: Array
    binary: Array
    classes: Array


def data() -> Data:
    """The same at every call."""
    random = np.random.default_rng(5)
    x = random.normal(size=(TRAINED, WIDTH)).astype(np.float32)
    x[:, 3], x[:, 4] = random.integers(0, 8, TRAINED), random.integers(0, 70, TRAINED)
    x[:, 5] = np.where(random.random(TRAINED) < 0.4, 0, x[:, 5])
    x[random.random(x.shape) < 0.1] = np.nan
    y = np.nan_to_num(x) @ np.array([1, -1, 0.5, 0.2, 0.02, 1]) + np.sin(np.nan_to_num(x[:, 4]) * 3)
    return Data(x, y, np.exp(y / 3) + 0.1, (y > 0.5).astype(float), np.digitize(y, [0, 2]).astype(float))


def rows(thresholds: list[tuple[int, float]], *, infinite: bool) -> Array:
    """[ROWS, WIDTH] of values that a reader may get wrong. infinite: with infinities, which XGBoost refuses."""
    random = np.random.default_rng(6)
    x = (random.normal(size=(ROWS, WIDTH)) * 2).astype(np.float32)
    x[:, 3] = random.choice([0, 1, 2, 3, 4, 5, 6, 7, 8, 100, 0.5, 1.9, -0.5, -1, np.nan], ROWS)
    x[:, 4] = random.choice([*range(70), 31.9, 32.5, 1e6, 2.0**24, -3, np.nan], ROWS)
    for row in x[: ROWS // 2]:
        for feature, threshold in random.permutation(np.array(thresholds))[:4] if thresholds else ():
            turn = np.float32(threshold)
            row[int(feature)] = np.nextafter(turn, random.choice(np.array([-np.inf, turn, np.inf], np.float32)))
    special = np.array([np.nan, 0.0, -0.0, 1e-36, -1e-36, 1e-35, 1e30, -1e30, *([np.inf, -np.inf] * infinite)])
    x[80:] = np.where(random.random(x[80:].shape) < 0.5, random.choice(special, x[80:].shape), x[80:])
    x[-1] = np.nan
    return x


def frame(codes: Array) -> Any:
    """The rows as a data frame of pandas, with features 3 and 4 as categories; of those, NaN is missing."""
    import pandas

    def column(at: int) -> Any:
        if at not in WORDS:
            return codes[:, at]
        known = [None if code != code else WORDS[at][int(code)] for code in codes[:, at].tolist()]
        return pandas.Categorical(known, WORDS[at])

    return pandas.DataFrame({name: column(at) for at, name in enumerate(NAMES)})


def coded(x: Array) -> Array:
    """Rows whose categories are codes, or missing."""
    x = x.copy()
    for at, words in WORDS.items():
        x[:, at] = np.where(np.isin(x[:, at], np.arange(len(words))), x[:, at], np.nan)
    return x


def write(path: Path, cases: Iterable[Case]) -> None:
    """One zip of all cases; the same models give the same bytes."""
    members: dict[str, bytes] = {}
    for case in cases:
        members |= {f"{case.name}/model.{ending}": content for ending, content in case.files.items()}
        members[f"{case.name}/features.npy"] = _npy(case.features)
        members[f"{case.name}/answers.npy"] = _npy(case.answers)
        members[f"{case.name}/options.json"] = json.dumps(case.options).encode()
    pack(path, members)


def pack(path: Path, members: Mapping[str, bytes]) -> None:
    """A zip without times."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            info = zipfile.ZipInfo(name, EPOCH)
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, content)


def read(path: Path) -> list[Case]:
    """What `write` wrote."""
    with zipfile.ZipFile(path) as archive:
        folders: dict[str, dict[str, bytes]] = {}
        for member in archive.namelist():
            folder, _, name = member.rpartition("/")
            folders.setdefault(folder, {})[name] = archive.read(member)
    return [
        Case(
            folder,
            {name.removeprefix("model."): content for name, content in files.items() if name.startswith("model.")},
            np.load(io.BytesIO(files["features.npy"])),
            np.load(io.BytesIO(files["answers.npy"])),
            json.loads(files["options.json"]),
        )
        for folder, files in folders.items()
    ]


def _npy(array: Array) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def load(library: str, case: Case, ending: str, folder: Path) -> Exported:
    """The import of one of a case's files."""
    (folder / f"model.{ending}").write_bytes(case.files[ending])
    return importers.load(
        StepSource(format=library, source=f"model.{ending}", engine="onnx", options=case.options), folder
    )


def feeds(exported: Exported, features: Array) -> dict[str, Array]:
    """The rows for the graph: features that are ids apart, with the id after the last for a missing one."""
    ids = {spec.name: NAMES.index(spec.name.removesuffix("_id")) for spec in exported.inputs if spec.dtype == "int64"}
    wide = np.delete(features, list(ids.values()), axis=1).astype(exported.inputs[0].dtype)
    apart = {name: np.where(np.isnan(features[:, at]), len(WORDS[at]), features[:, at]) for name, at in ids.items()}
    return {"features": wide, **{name: column.astype(np.int64) for name, column in apart.items()}}


def check(library: str, case: Case, folder: Path) -> None:
    """Each file of a case, against its answers; where categories are ids, also as codes."""
    codes = {name: value for name, value in case.options.items() if name != "categories"}
    for one in [case] if codes == case.options else [case, case._replace(options=codes)]:
        for ending in case.files:
            exported = load(library, one, ending, folder)
            (found,) = open_session(exported.content or b"", threads=1).run(None, feeds(exported, case.features))
            assert found.shape == case.answers.shape
            assert exported.outputs[0].dtype == found.dtype.name
            label, bound = f"{case.name}.{ending}", TOLERANCE[library]
            np.testing.assert_allclose(found, case.answers, rtol=bound, atol=TINY, err_msg=label)
            assert in_order(found, case.answers), label


def in_order(found: Array, answers: Array) -> bool:
    """Whether each output ranks the rows as the library's does, NaN aside."""
    finite = np.isfinite(answers.reshape(len(answers), -1)).all(axis=1)
    order = np.argsort(answers[finite], axis=0)
    return bool((np.diff(np.take_along_axis(found[finite], order, axis=0), axis=0) >= 0).all())
