"""Golden requests as the lines that `mlserver infer` reads, and the lines that it writes held to them."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import v2_wire
from clients_kit import Row

BINARY = ("-b", "-H", "content-type: application/octet-stream")
"""Its own Content-Type is JSON for bytes too, which an HTTP API would hand on as text."""

DATATYPES = {float: "FP64", int: "INT64", str: "BYTES"}


def line(row: Row, name: str) -> str:
    """An inference request of its own id, the user's tensors of one row."""
    inputs = []
    for feature, values in row.columns.items():
        nested = isinstance(values[0], list)
        flat = [one for value in values for one in value] if nested else values
        shape = [len(values), len(values[0])] if nested else [len(values)]
        inputs.append({"name": feature, "datatype": DATATYPES[type(flat[0])], "shape": shape, "data": flat})
    return json.dumps({"id": name, "inputs": inputs})


def infer(url: str, rows: Sequence[Row], folder: Path, *options: str) -> list[dict[str, Any]]:
    """What the command line answers to rows of one model, in their order."""
    asked, told = folder / "in.jsonl", folder / "out.jsonl"
    asked.write_text("".join(f"{line(row, str(at))}\n" for at, row in enumerate(rows)), encoding="utf-8")
    command = [sys.executable, "-c", "from mlserver.cli import main; main()", "infer", "-u", url, "-m", rows[0].model]
    done = subprocess.run(
        [*command, "-i", str(asked), "-o", str(told), "-w", "1", "-r", "1", *options],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = [json.loads(one) for one in told.read_text(encoding="utf-8").splitlines()]
    return sorted(found, key=lambda one: int(one["parameters"]["batch_index"]))


def check(answer: dict[str, Any], row: Row) -> None:
    """The golden scores and outputs."""
    assert "error" not in answer, answer
    assert answer["model_name"] == row.model
    v2_wire.check({one["name"]: one["data"] for one in answer["outputs"]}, row)
    assert [one["name"] for one in answer["outputs"]] == ["score", *row.outputs]
