"""H2O's own scorer on the MOJO itself, where the package h2o and Java are installed: its jar has `PredictCsv`."""

from __future__ import annotations

import csv
import importlib.util
import re
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranklet.errors import ImportRefused
from ranklet.importers.proposal import Columns

JAR = Path("backend", "bin", "h2o.jar")
PATIENCE = 600
MISSING = ("", "-", "NA", "N/A")
"""Words that PredictCsv takes for none."""


@dataclass(frozen=True)
class Scorer:
    """output: the column that ranks, as PredictCsv calls it. versions: of the library."""

    java: str
    jar: Path
    mojo: Path
    output: str
    version: str

    @property
    def name(self) -> str:
        """With its version."""
        return f"H2O {self.version}"

    def scores(self, columns: Columns) -> NDArray[Any]:
        """See `RecordOracle`. Raises ImportRefused where the scorer fails."""
        with tempfile.TemporaryDirectory() as scratch:
            given, told = Path(scratch, "given.csv"), Path(scratch, "told.csv")
            _write(given, columns)
            command = [self.java, "-Dfile.encoding=UTF-8", "-cp", str(self.jar), "hex.genmodel.tools.PredictCsv"]
            command += ["--mojo", str(self.mojo), "--input", str(given), "--output", str(told)]
            command += ["--predictCalibrated"] if self.output.startswith("cal_") else []
            done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=PATIENCE)
            if done.returncode or not told.exists():
                raise ImportRefused(f"H2O's scorer does not score it: {_reason(done.stderr)}")
            with told.open(encoding="utf-8") as file:
                return np.array([_number(row[self.output]) for row in csv.DictReader(file, skipinitialspace=True)])


def of(mojo: Path, output: str) -> Scorer | None:
    """None where the library or Java is absent. It is not imported: that would start nothing, and take a second."""
    found, java = importlib.util.find_spec("h2o"), shutil.which("java")
    if found is None or found.origin is None or java is None:
        return None
    jar = Path(found.origin).parent / JAR
    return Scorer(java, jar, mojo, output, _version(jar)) if jar.exists() else None


def _version(jar: Path) -> str:
    file = jar.parents[2] / "version.txt"
    return file.read_text(encoding="utf-8").strip() if file.exists() else "?"


def _write(path: Path, columns: Columns) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        for row in zip(*columns.values(), strict=True):
            writer.writerow([_cell(value) for value in row])


def _cell(value: Any) -> Any:
    return "NA" if value is None or value != value else value


def _number(text: str) -> float:
    """Java's hexadecimal form of a double, NaN where there is none."""
    if text in ("", "NA", "NaN"):
        return float("nan")
    return float.fromhex(text) if "0x" in text else float(text)


def _reason(text: str) -> str:
    """The exception, without places of this machine."""
    lines: Sequence[str] = [line.strip() for line in text.splitlines() if "Exception" in line]
    return re.sub(r"/\S+", "…", lines[-1])[:200] if lines else "it says nothing"
