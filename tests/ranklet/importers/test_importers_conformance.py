"""What every importer holds to: it knows its files, says what it lacks, drafts what builds, and bears damaged files."""

from __future__ import annotations

import random
import sys
from pathlib import Path

import pytest
from examples import EXAMPLES, Example

from ranklet import draft, importers, pipeline
from ranklet.errors import ImportRefused
from ranklet.importers.proposal import Wishes

ROOT = Path(__file__).parents[3]
FORMATS = pytest.mark.parametrize("format", EXAMPLES)
OWN = pytest.mark.parametrize("format", [name for name, example in EXAMPLES.items() if example.extra is None])
CONVERTED = pytest.mark.parametrize("format", [name for name, example in EXAMPLES.items() if example.extra is not None])


def _wishes(example: Example) -> Wishes:
    return Wishes(options=example.options)


@FORMATS
def test_it_knows_its_files_by_what_stands_in_them(format: str, tmp_path: Path) -> None:
    path = EXAMPLES[format].unpack(tmp_path / "trained")
    assert importers.recognise(path) == format
    if path.is_file() and path.suffix:
        renamed = path.rename(path.with_name("model.bin"))
        assert importers.recognise(renamed) == format


@CONVERTED
def test_without_its_library_it_says_what_to_install(
    format: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    example = EXAMPLES[format]
    for library in example.libraries:
        monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(ImportRefused) as refused:
        importers.propose(format, example.unpack(tmp_path / "trained"), _wishes(example))
    assert f"pip install 'ranklet[{example.extra}]'" in str(refused.value)


@OWN
def test_what_it_drafts_builds(format: str, tmp_path: Path) -> None:
    path, folder = EXAMPLES[format].unpack(tmp_path / "trained"), tmp_path / "functions" / "ranker"
    made = draft.draft(path, folder, wishes=_wishes(EXAMPLES[format]))
    assert made.format == format
    built = pipeline.build(folder, out=tmp_path / "build", progress=lambda text: None)
    assert built.certificate.rows == made.golden > 0


@OWN
def test_a_damaged_file_is_refused_in_words_or_read_as_what_it_says(
    format: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By our own readers alone: the libraries' may end the process."""
    example = EXAMPLES[format]
    for library in example.libraries:
        monkeypatch.setitem(sys.modules, library, None)
    path = example.unpack(tmp_path / "trained")
    files = [path] if path.is_file() else sorted(file for file in path.rglob("*") if file.is_file())
    chance, refused = random.Random(format), 0
    for number in range(40):
        file = chance.choice(files)
        whole = file.read_bytes()
        file.write_bytes(_cut(whole, chance) if number % 2 else _altered(whole, chance))
        try:
            importers.propose(format, path, _wishes(example))
        except ImportRefused as error:
            assert str(tmp_path) not in str(error), error
            refused += 1
        file.write_bytes(whole)
    assert refused > 0


def _cut(content: bytes, chance: random.Random) -> bytes:
    return content[: chance.randrange(len(content))]


def _altered(content: bytes, chance: random.Random) -> bytes:
    changed = bytearray(content)
    for _ in range(chance.randint(1, 8)):
        changed[chance.randrange(len(changed))] = chance.randrange(256)
    return bytes(changed)


@FORMATS
def test_an_option_that_it_does_not_have_is_refused_by_name(format: str, tmp_path: Path) -> None:
    example = EXAMPLES[format]
    path = example.unpack(tmp_path / "trained")
    with pytest.raises(ImportRefused, match="no-such-option"):
        importers.propose(format, path, Wishes(options={**example.options, "no-such-option": "1"}))


@FORMATS
def test_its_page_and_its_row_are_written(format: str) -> None:
    page = (ROOT / "functions" / "README.md").read_text(encoding="utf-8")
    assert f"`--format {format}`" in page
    assert f"`{format}`" in (ROOT / "README.md").read_text(encoding="utf-8")
