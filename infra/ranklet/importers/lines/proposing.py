"""From weights and the author's line to a proposal; the oracle is the model's formula, one line at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from ranklet.errors import ImportRefused
from ranklet.importers import checking
from ranklet.importers.lines import template
from ranklet.importers.lines.drafting import Drafted, draft
from ranklet.importers.lines.formula import Formula
from ranklet.importers.lines.known import Known, known
from ranklet.importers.lines.oracle import OfLines
from ranklet.importers.lines.reading import numbered
from ranklet.importers.lines.weights import Weights
from ranklet.importers.npz import npz
from ranklet.importers.proposal import Proposal
from ranklet.model import StepSource

NAMES = "names"
"""The option that names a file of names and their indices."""

FILE = "export/weights.npz"


def propose(weights: Weights, options: Mapping[str, str], *, trainer: str, example: str) -> Proposal:
    """trainer: whose formula it is. example: of a line, for who gives none.

    Raises ImportRefused naming the token that is not served, and a row that the package would score otherwise.
    """
    line = template.wanted(options, example)
    if NAMES in options:
        weights = replace(weights, rows=names(Path(options[NAMES]), weights))
    found = known(weights, template.parse(line, fields=weights.engine == "ffm"))
    drafted = draft(weights, found)
    tokens = [one.token for one in found]
    proposal = Proposal(
        inputs={name: raw.proposed for name, raw in drafted.raws.items()},
        features=drafted.features,
        steps=(_step(weights, drafted),),
        score="score",
        files={FILE: npz(drafted.arrays), **drafted.files},
        oracle=OfLines(f"{trainer}'s formula, line by line", tokens, drafted.raws, Formula(weights)),
        notes=tuple(_notes(found)),
    )
    checking.check(proposal)
    return proposal


def names(path: Path, weights: Weights) -> dict[str, int]:
    """A file of lines `name index`, parted by blanks or a tab → name → row. Raises ImportRefused with the line."""
    if not path.is_file():
        raise ImportRefused(f"-o {NAMES}={path.name}: no such file; give one with a name and its index in each line")
    found: dict[str, int] = {}
    for place, line in numbered(path, "write a name and its index in each line, as UTF-8"):
        parts = line.split()
        row = weights.row(parts[1]) if len(parts) == 2 else None
        if row is None:
            raise ImportRefused(f"{path.name}, {place} is {line[:60]!r}: wanted a name and 0 … {weights.count - 1}")
        if parts[0] in found:
            raise ImportRefused(f"{path.name}, {place}: {parts[0][:60]!r} comes twice; a name has one index")
        found[parts[0]] = row
    return found


def _step(weights: Weights, drafted: Drafted) -> StepSource:
    return StepSource(
        format="numpy", engine=weights.engine, source=FILE, inputs=drafted.carriers, options=drafted.options
    )


def _notes(found: Sequence[Known]) -> Iterator[str]:
    yield "what the line's tokens read, see that none is misspelt: " + ", ".join(map(_told, found))
    yield (
        "golden scores by the formula prove the package, not the line: import with --rows of rows that the trainer "
        "scored, and compare"
    )


def _told(one: Known) -> str:
    if one.token.place is None:
        return one.token.text
    return f"{one.token.text} {len(one.values)} names"
