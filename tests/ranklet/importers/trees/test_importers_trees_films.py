"""Rankers of films, from the trainer's file to the function's answers, with raw values as a service has them."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
from trees_kit import HERE

from ranklet import draft, model, pipeline
from ranklet.golden import Golden

ARCHIVE = HERE / "films.zip"


@pytest.mark.parametrize("name", ["ranker.ubj", "ranker.txt"])
def test_a_ranker_of_films_scores_as_its_trainer(name: str, tmp_path: Path) -> None:
    with zipfile.ZipFile(ARCHIVE) as archive:
        archive.extract(name, tmp_path)
        rows, scores = json.loads(archive.read("rows.json")), json.loads(archive.read(f"{name}.json"))
    folder = tmp_path / "functions" / "films"
    draft.draft(tmp_path / name, folder)
    sides = {name: one.side for name, one in model.load(folder).inputs.items()}
    assert sides["occupation"] == "user"
    assert sides["timestamp"] == "context"
    assert sides["movie_id"] == sides["genre"] == "item"
    golden = [
        Golden(
            {name: row[name] for name, side in sides.items() if side == "user"},
            {name: row[name] for name, side in sides.items() if side == "context"},
            {name: [row[name]] for name, side in sides.items() if side == "item"},
            (score,),
        )
        for row, score in zip(rows, scores, strict=True)
    ]
    found = [answer.scores[0] for answer in pipeline.answers(folder, golden)]
    np.testing.assert_allclose(found, scores, rtol=1e-6)
    assert model.load(folder).output.item_key == "movie_id"
