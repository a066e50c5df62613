"""Writes the PMML files, and asks JPMML about them: pmml.zip and texts.zip, a folder a file. Needs Java 17.

mixtures.zip holds what pmml4s answers to trees with strategies that JPMML does not have.

python tests/oracles.py pmml --make
"""

from __future__ import annotations

import hashlib
import json
import math
import sys
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

import pmml_functions  # noqa: E402
import pmml_mixtures  # noqa: E402
import pmml_rows  # noqa: E402
import pmml_rules  # noqa: E402
import pmml_texts  # noqa: E402
import pmml_trained  # noqa: E402
import pmml_vectorized  # noqa: E402

PLAIN, MIXED = HERE / "pmml.zip", HERE / "mixtures.zip"
ARCHIVES = {"text_": HERE / "texts.zip", "tree_aggregate_": MIXED, "tree_weighted_": MIXED}
"""How names of files begin that are stored elsewhere."""
DIGITS = 12
"""Of the answers that are stored; compared are 9."""


def main(wanted: list[str]) -> None:
    """Write the archives; the same libraries write the same bytes.

    wanted: only those whose names begin so, beside what is stored.
    """
    files = {target: _stored(target) if wanted else {} for target in (PLAIN, *ARCHIVES.values())}
    cases = list(_cases(wanted))  # before Java is here, whose bridge changes what Python imports
    from jpmml_evaluator.jpype import JPypeBackend

    backend = JPypeBackend()
    for name, text, rows in cases:
        content = _json(rows)
        place = f"rows/{hashlib.sha256(content).hexdigest()[:12]}.json"
        target = next((path for start, path in ARCHIVES.items() if name.startswith(start)), PLAIN)
        answers = asked_pmml4s(text, rows) if target == MIXED else asked(text, rows, backend)
        files[target] |= {
            place: content,
            f"{name}/model.pmml": text.encode(),
            f"{name}/case.json": _json({"rows": place, **answers}),
        }
        print(name, len(answers["errors"]), "errors", *sorted(set(answers["errors"].values())), flush=True)
    for target, found in files.items():
        used = {json.loads(content)["rows"] for name, content in found.items() if name.endswith("/case.json")}
        _write(target, {name: one for name, one in found.items() if not name.startswith("rows/") or name in used})


def _cases(wanted: list[str]) -> Iterator[tuple[str, str, dict[str, list[Any]]]]:
    """Name, file and rows; files that ask for the same fields and values have the same ones."""
    for name, text in pmml_functions.files():
        if _is_wanted(name, wanted):
            yield name, text, pmml_functions.ROWS
    for name, text in pmml_texts.files():
        if _is_wanted(name, wanted):
            yield name, text, pmml_texts.ROWS
    for name, text in pmml_vectorized.files(lambda name: _is_wanted(name, wanted)):
        yield name, text, {field: pmml_texts.ROWS[field] for field in "sx"}
    for name, text in pmml_rules.files():
        if _is_wanted(name, wanted):
            yield name, text, pmml_rows.drawn(text, "rules")
    for name, text in pmml_mixtures.files():
        if _is_wanted(name, wanted):
            yield name, text, pmml_rows.drawn(text, "mixtures", missing=0.3)
    for name, text, like in pmml_trained.files(lambda name: _is_wanted(name, wanted)):
        yield name, text, pmml_rows.drawn(text, "trained", like=like, missing=0.04)


def _is_wanted(name: str, wanted: list[str]) -> bool:
    return not wanted or name.startswith(tuple(wanted))


def asked(text: str, rows: Mapping[str, list[Any]], backend: Any) -> dict[str, Any]:
    """JPMML's answers: a column for each output, and the exceptions of the rows that it refuses."""
    from jpmml_evaluator import make_evaluator

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.pmml"
        path.write_text(text, encoding="utf-8")
        evaluator = make_evaluator(str(path), backend)
    told, errors = list[dict[str, Any]](), dict[int, str]()
    for row in range(len(next(iter(rows.values())))):
        try:
            found = evaluator.evaluate({name: values[row] for name, values in rows.items()})
            told.append({name: _plain(value) for name, value in found.items() if name is not None})
        except Exception as error:  # of Java, whose class is all that is kept
            errors[row] = str(getattr(error, "className", error)).rpartition(".")[2]
            told.append({})
    names = dict.fromkeys(name for one in told for name in one)
    return {"columns": {name: [one.get(name) for one in told] for name in names}, "errors": errors}


def asked_pmml4s(text: str, rows: Mapping[str, list[Any]]) -> dict[str, Any]:
    """The answers of pmml4s, which has strategies for missing values that JPMML has not."""
    from pypmml import Model

    model = Model.fromString(text)
    told = [
        {str(name): _plain(value) for name, value in dict(model.predict(dict(zip(rows, row, strict=True)))).items()}
        for row in zip(*rows.values(), strict=True)
    ]
    return {"columns": {name: [one[name] for one in told] for name in told[0]}, "errors": {}}


def _plain(value: Any) -> Any:
    value = value.item() if hasattr(value, "item") else value
    if isinstance(value, float):
        return float(f"{value:.{DIGITS}g}") if math.isfinite(value) else str(value)
    return value if isinstance(value, int | str | bool | None) else str(value)


def _json(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


def _stored(path: Path) -> dict[str, bytes]:
    if not path.exists():
        return {}
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def _write(path: Path, files: Mapping[str, bytes]) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name in sorted(files):
            archive.writestr(zipfile.ZipInfo(name, (2020, 1, 1, 0, 0, 0)), files[name], zipfile.ZIP_DEFLATED, 9)


if __name__ == "__main__":
    main(sys.argv[1:])
