"""golden.jsonl: what is read, and what is refused with its line."""

import math
from pathlib import Path

import pytest

from ranklet import golden
from ranklet.errors import ModelError

GOOD = '{"request": {"user": {"a": 1}, "items": {"x": [1, 2]}}, "scores": [0.5, 1]}'


def _read(folder: Path, text: str) -> tuple[golden.Golden, ...]:
    (folder / "golden.jsonl").write_text(text, encoding="utf-8")
    return golden.read(folder / "golden.jsonl")


def test_each_line_is_a_request_with_its_scores(tmp_path: Path) -> None:
    rows = _read(tmp_path, f"{GOOD}\n\n{GOOD}\n")
    assert rows == (golden.Golden({"a": 1}, {}, {"x": [1, 2]}, (0.5, 1)),) * 2


def test_what_the_model_does_not_have_is_null(tmp_path: Path) -> None:
    line = GOOD[:-1].replace("[0.5, 1]", "[null, 1]") + ', "outputs": {"class": [null, "a"]}}'
    (row,) = _read(tmp_path, line)
    assert math.isnan(row.scores[0])
    assert row.outputs == {"class": [None, "a"]}


def test_what_is_infinite_comes_back_from_the_file(tmp_path: Path) -> None:
    row = golden.Golden(
        {}, {}, {"x": [1, 2, 3]}, (0.5, 1, 2), {"y": [math.inf, -math.inf, None], "w": ["1e999", "", "a"]}
    )
    (tmp_path / "golden.jsonl").write_bytes(golden.line(row))
    assert golden.read(tmp_path / "golden.jsonl") == (row,)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "holds no request"),
        ("{", r"golden\.jsonl:1: not"),
        (GOOD + "\n" + GOOD.replace("[0.5, 1]", "[0.5]"), r"golden\.jsonl:2: items\.x is no list of 1 values"),
        (GOOD.replace("[0.5, 1]", '[0.5, "1"]'), r"scores\[1\] is '1'; a finite number"),
        (GOOD.replace("[0.5, 1]", "[0.5, true]"), r"scores\[1\] is True"),
        (GOOD.replace("[0.5, 1]", "[1e999, 0]"), r"golden\.jsonl:1: "),
        (GOOD[:-1] + ', "outputs": {"class": [NaN, 1e999]}}', "NaN is not JSON"),
        ('{"scores": []}', "KeyError: 'request'"),
        (GOOD[:-1] + ', "outputs": {"class": ["a"]}}', r"outputs\.class is no list of 2 values"),
        ("[1]", r"golden\.jsonl:1: not"),
    ],
)
def test_a_wrong_row_is_refused_with_its_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        _read(tmp_path, text)


def test_an_absent_file_says_what_it_is_for(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="nothing proves the package"):
        golden.read(tmp_path / "golden.jsonl")
