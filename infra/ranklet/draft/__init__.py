"""A first model.toml for an exported model: what can be read from the file is written, the rest guessed and marked.

1. `importers` recognises the file, checks it, and proposes inputs, features and steps; 2. `sides` guesses from names
whose value each input is; 3. `text` writes it all down; 4. `golden` draws requests, or takes the author's own rows
(`rows`), and has the source library score them; 5. `again` takes a model that was trained anew into a folder that is
there. A guess stays marked in model.toml (`guessed = true`) until the author takes the mark away: the build says so
each time, and nothing is split by a guess.
"""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from ranklet import importers, model
from ranklet.draft import again, expressions, golden, text
from ranklet.draft.lines import Line, item_key, lines
from ranklet.errors import ModelError
from ranklet.importers.proposal import NO_WISHES, Proposal, Wishes


@dataclass(frozen=True)
class Draft:
    """What was written. score: None where the model has none. golden: requests. notes: what the author should check,
    one sentence each."""

    folder: Path
    format: str
    inputs: tuple[Line, ...]
    score: str | None
    item_key: str | None
    golden: int
    notes: tuple[str, ...]


def draft(
    path: Path, folder: Path, *, format: str | None = None, wishes: Wishes = NO_WISHES, rows: Path | None = None
) -> Draft:
    """Write `folder` (new) for the model in the file or folder `path`.

    rows: raw rows for golden requests, in CSV, JSON lines or Parquet, a column an input.
    Raises ImportRefused where the model cannot be served, ModelError where the folder is there already or the rows do
    not fit; nothing is left then.
    """
    if folder.exists():
        raise ModelError(
            f"functions/{folder.name} exists already; take the new model into it with --again, or choose another name"
        )
    kind = importers.recognise(path, format)
    proposal = expressions.apart(importers.propose(kind, path, wishes))
    drafted = lines(proposal)
    key = item_key(drafted)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent) as scratch:
        made = Path(scratch) / folder.name
        write(proposal, path, made)
        (made / "model.toml").write_text(text.model_toml(folder.name, kind, proposal, drafted, key), encoding="utf-8")
        requests, told = golden.write(proposal, model.load(made), made, rows)
        shutil.move(made, folder)
    return Draft(
        folder, kind, drafted, _score(proposal), key if proposal.ranks else None, requests, (*proposal.notes, *told)
    )


def renew(
    path: Path, folder: Path, *, format: str | None = None, wishes: Wishes = NO_WISHES, rows: Path | None = None
) -> Draft:
    """Take a model that was trained anew into `folder`, whose model.toml stays as the author has it.

    Raises as `draft` does, and ModelError where the model reads other inputs, or makes other features of them, than
    model.toml has; nothing is changed then.
    """
    described = model.load(folder)
    kind = importers.recognise(path, format)
    proposal = expressions.apart(importers.propose(kind, path, wishes))
    drafted = lines(proposal)
    with tempfile.TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent) as scratch:
        made = Path(scratch) / folder.name
        write(proposal, path, made)
        proposed = text.model_toml(folder.name, kind, proposal, drafted, item_key(drafted))
        (made / "model.toml").write_text(proposed, encoding="utf-8")
        again.check(described, model.load(made))
        (made / "model.toml").write_bytes((folder / "model.toml").read_bytes())
        requests, told = golden.write(proposal, described, made, rows)
        again.take(made, folder, described.golden.file)
    return Draft(folder, kind, drafted, _score(proposal), described.output.item_key, requests, (*proposal.notes, *told))


def _score(proposal: Proposal) -> str | None:
    return proposal.score if proposal.ranks else None


def write(proposal: Proposal, path: Path, folder: Path) -> None:
    """The files that the proposal has, and the exported file itself where the build reads it."""
    (folder / "export").mkdir(parents=True)
    for name, content in proposal.files.items():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    if proposal.kept:
        shutil.copyfile(path, folder / "export" / path.name)
