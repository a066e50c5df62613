"""Steps after the scores behind a graph that was cut: vectors and categories that no graph reads stay for the list."""

from __future__ import annotations

import shutil
from pathlib import Path

from ranklet import golden, importers, pipeline
from ranklet.model import load
from ranklet.splitting.subject import why_not

ROOT = Path(__file__).parents[3] / "functions"
MORE = """
[tables.vectors]
vectors = "export/item_vectors.npy"
keys = "export/item_keys.npy"
placement = "resident"

[features.look]
kind = "embedding"
of = "movie_id"
table = "vectors"

[after.calibrate]
score = "export/calibration.json"

[after.diversify]
method = "mmr"
vectors = "look"
size = 32
lambda = 0.5

[after.cap]
input = "movie_id"
most = 1
"""


def test_split_graph_keeps_what_lists_read(tmp_path: Path) -> None:
    folder = tmp_path / "movie-deepfm"
    shutil.copytree(ROOT / "movie-deepfm", folder, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("item_vectors.npy", "item_keys.npy"):
        shutil.copy(ROOT / "movie-two-tower" / "export" / name, folder / "export" / name)
    (folder / "export" / "calibration.json").write_text('{"x": [0, 1], "y": [0, 1]}')  # each score is itself
    rows = sorted(golden.read(folder / "golden.jsonl"), key=lambda row: len(row.scores))
    (folder / "golden.jsonl").write_bytes(b"".join(map(golden.line, (rows[0], rows[len(rows) // 2], rows[-1]))))
    (folder / "model.toml").write_text((folder / "model.toml").read_text() + MORE)
    built = pipeline.build(folder, out=tmp_path / ".build")
    assert built.split is not None and built.split["shipped"] == "A+"
    assert "look" in built.manifest.spec.features
    lists = built.certificate.lists
    assert lists is not None and (lists.steps, lists.rows) == (("cap", "diversify"), 3)
    assert any("lists by cap, diversify proven for 3 golden requests" in note for note in built.notes)


def test_graph_whose_heads_are_several_is_not_split(tmp_path: Path) -> None:
    folder = tmp_path / "movie-deepfm"
    shutil.copytree(ROOT / "movie-deepfm", folder, ignore=shutil.ignore_patterns("__pycache__"))
    text = (folder / "model.toml").read_text()
    (folder / "model.toml").write_text(f'{text}\n[after]\nblend = "score * hour"\n')
    described = load(folder)
    steps = tuple((step, importers.load(step, folder)) for step in described.steps)
    assert "more of it than its score" in str(why_not(described, steps))
