"""What a fetch writes into the log while it goes on."""

import pytest

from ranklet_features.stores.snapshots.progress import Progress

MB = 10**6


def test_a_large_file_is_told_every_two_seconds_and_when_it_is_whole(capsys: pytest.CaptureFixture[str]) -> None:
    now = 100.0
    progress = Progress("artefacts/ranklet-films-1/steps/0-graph.onnx", clock=lambda: now)
    for seconds, done in ((0.5, 40), (2.1, 150), (3.0, 200), (4.5, 300), (5.25, 400)):
        now = 100.0 + seconds
        progress.at(done * MB, 400 * MB)
    said = "ranklet: artefacts/ranklet-films-1/steps/0-graph.onnx: {} of 400 MB fetched, {} s"
    assert capsys.readouterr().err.splitlines() == [
        said.format(150, 2.1),
        said.format(300, 4.5),
        said.format(400, 5.2),
    ]


def test_a_small_one_is_not_worth_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    Progress("tables/ranklet-item-1/keys.npy").at(4 * MB, 4 * MB)
    assert capsys.readouterr().err == ""
