"""The command line `mlserver infer`, unmodified, asks the local cloud: `python tests/oracles.py mlserver_client`."""

from __future__ import annotations

from pathlib import Path

import pytest
from clients_kit import Row
from mlserver_kit import BINARY, check, infer

pytestmark = pytest.mark.oracle


@pytest.mark.parametrize("options", [(), BINARY], ids=["json", "bytes"])
def test_lines_get_the_golden_scores(served: str, golden: list[Row], tmp_path: Path, options: tuple[str, ...]) -> None:
    for model in ("films", "shelves"):
        rows = [row for row in golden if row.model == model]
        for base in (served, f"{served}/{model}"):
            answers = infer(base.removeprefix("http://"), rows, tmp_path, *options)
            for answer, row in zip(answers, rows, strict=True):
                check(answer, row)


def test_refusals_are_written_to_the_line(served: str, golden: list[Row], tmp_path: Path) -> None:
    row = golden[0]
    wrong = Row("films", row.user, row.context, {"id": row.items["id"]}, row.scores)
    (answer,) = infer(served.removeprefix("http://"), [wrong], tmp_path)
    assert answer["error"]["msg"].startswith("$.inputs.price: missing")
