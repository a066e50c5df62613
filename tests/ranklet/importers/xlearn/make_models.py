"""Train models with xLearn on MovieLens-100K and store them with its own predictions: xlearn.zip.

python tests/oracles.py xlearn --make
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

os.environ.setdefault("USER", "somebody")  # its logging asks
import xlearn

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))
import indices_kit  # noqa: E402
import lines_kit  # noqa: E402

TRAIN, ROWS = 2000, 60
BASE = {"task": "binary", "lr": 0.2, "lambda": 0.0002, "k": 4, "epoch": 8, "nthread": 1}


class Model(NamedTuple):
    """kind: of xLearn's. fit: beside BASE. norm: whether rows are normalised. names: whether by names."""

    kind: str
    fit: Mapping[str, Any] = {}
    norm: bool = True
    sigmoid: bool = False
    names: bool = False


MODELS = {
    "linear": Model("linear"),
    "linear-sigmoid": Model("linear", sigmoid=True, names=True),
    "linear-regression": Model("linear", {"task": "reg", "opt": "adagrad"}),
    "linear-ftrl": Model(
        "linear", {"opt": "ftrl", "alpha": 0.1, "beta": 1.0, "lambda_1": 0.5, "lambda_2": 0.1}, sigmoid=True
    ),
    "fm": Model("fm"),
    "fm-raw": Model("fm", {"lr": 0.02}, norm=False, sigmoid=True),
    "fm-names": Model("fm", {"k": 3}, names=True),
    "fm-regression": Model("fm", {"task": "reg", "k": 8}, sigmoid=False),
    "ffm": Model("ffm", sigmoid=True),
    "ffm-raw": Model("ffm", {"lr": 0.02, "k": 2}, norm=False),
    "ffm-names": Model("ffm", {"k": 1, "opt": "sgd"}, names=True),
}


def main() -> None:
    """Write the archive beside this file."""
    train, rows = indices_kit.training(TRAIN), indices_kit.strangers(ROWS)
    lines_kit.store(HERE / "xlearn.zip", {name: trained(model, train, rows) for name, model in MODELS.items()})


def trained(model: Model, train: list[tuple[lines_kit.Row, int]], rows: list[lines_kit.Row]) -> dict[str, bytes]:
    """The files of one model."""
    with tempfile.TemporaryDirectory() as folder:
        files = {name: str(Path(folder, name)) for name in ("train", "text", "binary")}
        regression = model.fit.get("task") == "reg"
        labels = [float(rating) if regression else float(rating >= lines_kit.LIKED) for _, rating in train]
        Path(files["train"]).write_text(
            "".join(written(row, label, model.kind) for (row, _), label in zip(train, labels, strict=True))
        )
        learner = created(model.kind)
        learner.disableLockFree()
        learner.setTrain(files["train"])
        learner.setTXTModel(files["text"])
        if not model.norm:
            learner.disableNorm()
        learner.fit({**BASE, **model.fit}, files["binary"])
        found = {"model.txt": Path(files["text"]).read_bytes(), "model.bin": Path(files["binary"]).read_bytes()}
        scores = predicted(model, Path(files["binary"]), rows)
    found["case.json"] = lines_kit.case(rows, scores, options=options(model))
    return {**found, "names.txt": indices_kit.dictionary()} if model.names else found


def predicted(model: Model, binary: Path, rows: list[lines_kit.Row]) -> list[float]:
    """The scores of rows by a model that xLearn wrote for itself."""
    test, out = binary.with_name("test"), binary.with_name("out")
    test.write_text("".join(written(row, 0.0, model.kind) for row in rows))
    learner = created(model.kind)
    if not model.norm:
        learner.disableNorm()
    learner.setTest(str(test))
    if model.sigmoid:
        learner.setSigmoid()
    learner.predict(str(binary), str(out))
    return [float(line) for line in out.read_text().split()]


def created(kind: str) -> Any:
    """A learner."""
    learner = {"linear": xlearn.create_linear, "fm": xlearn.create_fm, "ffm": xlearn.create_ffm}[kind]()
    learner.setQuiet()
    return learner


def options(model: Model) -> dict[str, str]:
    """Of the import."""
    lines = {
        (False, False): indices_kit.LINE,
        (False, True): indices_kit.NAME_LINE,
        (True, False): indices_kit.FIELD_LINE,
        (True, True): indices_kit.FIELD_NAME_LINE,
    }
    found = {"line": lines[model.kind == "ffm", model.names]}
    found |= {} if model.kind == "linear" else {"norm": "on" if model.norm else "off"}
    found |= {"link": "sigmoid"} if model.sigmoid else {}
    return found | ({"names": "names.txt"} if model.names else {})


def written(row: lines_kit.Row, label: float, kind: str) -> str:
    """A line of libsvm's format, or of libFFM's."""
    form = "{}:{}:{!r}" if kind == "ffm" else "{1}:{2!r}"
    return f"{label:g} " + " ".join(form.format(field, at, x) for field, _, at, x in indices_kit.entries(row)) + "\n"


if __name__ == "__main__":
    main()
