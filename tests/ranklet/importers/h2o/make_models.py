"""Trains H2O's models and stores each MOJO with the answers of H2O's own scorer (hex.genmodel.tools.PredictCsv).

Run by `python tests/oracles.py h2o --make`; needs Java. rows.json holds the raw rows, which all models share; a model's
folder its MOJO and answers.json: the scorer's columns, exact. Models trained on MovieLens have rows.json of their own.
"""

from __future__ import annotations

import csv
import json
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import h2o
import h2o_zoo as zoo
from h2o import estimators

HERE = Path(__file__).parent
DATE = (1980, 1, 1, 0, 0, 0)
TRAINED, ASKED = 1200, 200
NEEDLESS = ("experimental/", "auxNodeWeights", "feature_map")
JAR = Path(h2o.__file__).parent / "backend" / "bin" / "h2o.jar"


def main(only: str = "") -> None:
    h2o.init(ip="127.0.0.1", strict_version_check=False, max_mem_size="1500m", nthreads=2)
    h2o.no_progress()
    try:
        models = _models(only)
    finally:
        h2o.cluster().shutdown()
    _store(HERE / f"h2o{only and '_part'}.zip", models)


def _models(only: str) -> dict[str, bytes]:
    learned = zoo.rows(TRAINED, seed=1, strange=False)
    trained = _frame({**learned, **zoo.targets(learned, seed=2)}, zoo.FACTORS)
    held = zoo.rows(600, seed=5, strange=False)
    beside = _frame({**held, **zoo.targets(held, seed=6)}, zoo.FACTORS)
    asked = zoo.rows(ASKED, seed=3, strange=True)
    found = {"rows.json": json.dumps(asked).encode()}
    for case in zoo.cases():
        if only and not case.name.startswith(tuple(only.split(","))):
            continue
        try:
            model = _train(case, trained, beside)
            found |= _files(case.name, model, asked)
            print(case.name, "stored", flush=True)
        except Exception as error:  # a model that H2O refuses to train is told, the others go on
            print(case.name, "NOT stored:", str(error)[:300].replace("\n", " "), flush=True)
    if not only or "films" in only:
        import h2o_films

        model, rows = h2o_films.train(_frame)
        found |= _files("films", model, rows) | {"films/rows.json": json.dumps(rows).encode()}
    return found


def _frame(columns: zoo.Columns, factors: Any) -> Any:
    types = {name: "enum" if name in factors else "real" for name in columns}
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "rows.csv"
        _write(path, columns, missing="")
        return h2o.import_file(str(path), col_types=types)


def _write(path: Path, columns: zoo.Columns, *, missing: str = "NA") -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        for row in zip(*columns.values(), strict=True):
            writer.writerow([missing if value is None else value for value in row])


def _train(case: zoo.Case, trained: Any, beside: Any) -> Any:
    options = dict(case.options)
    if options.pop("calibration_frame", False):
        options["calibration_frame"] = beside
    if options.pop("plug_values", False):
        plugs = {
            "x1": [7.0],
            "x2": [-1.0],
            "x3": [0.5],
            "count": [2.0],
            "colour": ["blue"],
            "town": ["t3"],
            "code": ["7"],
        }
        options["plug_values"] = _frame(plugs, zoo.WORDS)
    if case.name.startswith("ensemble"):
        options["base_models"] = _bases(case, trained)
        if case.name.endswith("logit"):
            options["metalearner_transform"] = "Logit"
    model = getattr(estimators, case.estimator)(**options)
    model.train(x=case.x, y=case.y, training_frame=trained)
    return model


def _bases(case: zoo.Case, trained: Any) -> list[Any]:
    folds = {"nfolds": 3, "keep_cross_validation_predictions": True, "seed": 7, "fold_assignment": "Modulo"}
    small = {"ntrees": 5, "max_depth": 3}
    makers = [
        estimators.H2OGradientBoostingEstimator(**small, **folds),
        estimators.H2ORandomForestEstimator(**small, **folds),
        estimators.H2OGeneralizedLinearEstimator(
            family={"yes": "binomial", "kind": "multinomial"}.get(str(case.y), "gaussian"), **folds
        ),
    ]
    if case.name == "ensemble_deep":
        makers.append(estimators.H2ODeepLearningEstimator(hidden=[5], epochs=2, reproducible=True, **folds))
        makers.append(estimators.H2OXGBoostEstimator(**small, **folds))
    for number, maker in enumerate(makers):
        maker.train(x=case.x if number else list(reversed(case.x)), y=case.y, training_frame=trained)
    return makers


def _files(name: str, model: Any, asked: zoo.Columns) -> dict[str, bytes]:
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        mojo = Path(model.save_mojo(str(folder), force=True))
        answers = {} if name in zoo.REFUSED else predicted(mojo, asked, folder)
        small = folder / "small.zip"
        _shrink(mojo, small)
        return {f"{name}/model.zip": small.read_bytes(), f"{name}/answers.json": json.dumps(answers).encode()}


def _shrink(mojo: Path, small: Path) -> None:
    """Without what the scorer does not look into, and without dates; packed once, by the archive that holds it."""
    with zipfile.ZipFile(mojo) as archive, zipfile.ZipFile(small, "w") as made:
        for info in archive.infolist():
            if not info.is_dir() and not any(part in info.filename for part in NEEDLESS):
                empty = info.filename.endswith("_aux.bin")  # it must be there
                made.writestr(zipfile.ZipInfo(info.filename, DATE), b"" if empty else archive.read(info))


def predicted(mojo: Path, asked: zoo.Columns, folder: Path) -> dict[str, list[Any]]:
    """What the scorer says of raw rows: column → its values, numbers exact, None for none."""
    given, told = folder / "asked.csv", folder / "told.csv"
    _write(given, asked)
    command = ["java", "-Xmx400m", "-cp", str(JAR), "hex.genmodel.tools.PredictCsv"]
    command += ["--mojo", str(mojo), "--input", str(given), "--output", str(told)]
    with zipfile.ZipFile(mojo) as archive:
        if b"calib_method" in archive.read("model.ini"):
            command.append("--predictCalibrated")
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError((done.stderr or done.stdout)[-300:])
    with told.open(encoding="utf-8") as file:
        lines = list(csv.DictReader(file, skipinitialspace=True))
    return {name: [_value(line[name]) for line in lines] for name in lines[0]}


def _value(text: str | None) -> float | str | None:
    if text is None or text in ("", "NaN", "NA"):
        return None
    return float.fromhex(text) if "0x" in text else text


def _store(path: Path, files: dict[str, bytes]) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in sorted(files.items()):
            info = zipfile.ZipInfo(name, DATE)
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, content, compresslevel=9)


if __name__ == "__main__":
    main(*sys.argv[1:])
