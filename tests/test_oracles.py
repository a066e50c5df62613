"""The source libraries' environments are written down: a Python, exact pins, and the script that asks."""

import oracles
import pytest

FOLDERS = oracles.requirements()


@pytest.mark.parametrize("path", FOLDERS, ids=lambda path: path.parent.name)
def test_each_names_its_python_and_pins_what_it_installs(path: object) -> None:
    assert oracles.version(path) in {"3.11", "3.12", "3.13"}
    assert oracles.pins(path)
    for pin in oracles.pins(path):
        assert "==" in pin
    assert (
        list(path.parent.glob("make_models*.py"))
        or list(path.parent.glob("*_models.py"))
        or (path.parent / "make_recording.py").is_file()
        or path.parents[1] == oracles.TESTS[2]  # the runtime's are asked anew every time
    )


def test_one_without_stored_answers_makes_none(capsys: pytest.CaptureFixture[str]) -> None:
    assert oracles.main(["rie", "--make"]) == 2
    assert "rie stores no answers" in capsys.readouterr().err


def test_an_unknown_folder_is_refused_with_those_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert oracles.main(["no-such"]) == 2
    assert "no no-such/requirements.txt" in capsys.readouterr().err
