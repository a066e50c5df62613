"""ModelVerification: rows in a file, with the outputs that its author expects, are golden requests of the folder."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest
from pmml_writing import chances, file, tag

from ranklet import draft, pipeline
from ranklet.errors import ParityError
from ranklet.importers.proposal import Wishes

TABLES = tag(
    "RegressionTable",
    tag("NumericPredictor", name="x", coefficient=1)
    + tag("CategoricalPredictor", name="c", value="red", coefficient=2),
    targetCategory="yes",
    intercept=0,
) + tag("RegressionTable", targetCategory="no", intercept=0)
ROWS = (
    ("-1", "blue", "0.268941421369995", "no"),
    ("1.5", "red", "0.970687769248644", "yes"),
    ("-3", "", "0.0474258731775668", "no"),
)


def verification(rows: tuple[tuple[str, str, str, str], ...]) -> str:
    names = ("x", "c", "p_yes", "k2")
    fields = "".join(tag("VerificationField", field=name, column=f"data:{name}_1") for name in names)
    cells = "".join(
        "<row>"
        + "".join(f"<d:{name}_1>{cell}</d:{name}_1>" for name, cell in zip(names, row, strict=True) if cell)
        + "</row>"
        for row in rows
    )
    table = f'<InlineTable xmlns:d="http://jpmml.org/jpmml-model/InlineTable">{cells}</InlineTable>'
    return tag("ModelVerification", tag("VerificationFields", fields) + table, recordCount=len(rows))


def written(rows: tuple[tuple[str, str, str, str], ...], folder: Path) -> Path:
    text = file(
        "RegressionModel",
        "classification",
        TABLES,
        fields="x c",
        target="k2",
        output=chances("k2"),
        more='normalizationMethod="logit"',
    )
    path = folder / "ranker.pmml"
    path.write_text(text.replace("</RegressionModel>", verification(rows) + "</RegressionModel>"))
    return path


def test_verification_rows_are_golden_requests(tmp_path: Path) -> None:
    folder = tmp_path / "functions" / "ranker"
    made = draft.draft(written(ROWS, tmp_path), folder, wishes=Wishes())
    golden = [orjson.loads(line) for line in (folder / "golden.jsonl").read_bytes().splitlines()]
    assert [one["outputs"] for one in golden] == [{"p_yes": [float(share)], "k2": [word]} for _, _, share, word in ROWS]
    assert golden[1]["request"]["items"] == {"x": [1.5], "c": ["red"]}
    assert any("3 verification rows" in note for note in made.notes)
    assert pipeline.build(folder, out=tmp_path / "build", progress=lambda said: None).certificate


@pytest.mark.parametrize("wrong", [("-1", "blue", "0.27", "no"), ("-1", "blue", "0.268941421369995", "yes")])
def test_an_expected_value_that_is_another_fails_the_build(wrong: tuple[str, str, str, str], tmp_path: Path) -> None:
    folder = tmp_path / "functions" / "ranker"
    draft.draft(written((*ROWS, wrong), tmp_path), folder, wishes=Wishes())
    with pytest.raises(ParityError) as caught:
        pipeline.build(folder, out=tmp_path / "build", progress=lambda said: None)
    assert ("p_yes" if wrong[2] == "0.27" else "k2") in str(caught.value)
