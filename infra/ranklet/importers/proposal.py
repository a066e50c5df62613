"""What an importer proposes of an exported model: all of functions/NAME/ that the file tells, and who can score it.

`ranklet.draft` writes it down: it guesses sides, draws golden requests and has the source library score them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ranklet.errors import ImportRefused
from ranklet.model import StepSource, Telling
from ranklet_features.spec import Side

Draw = Callable[[np.random.Generator, int], list[Any]]
"""(random, n) → n raw values as a caller could send them, in JSON's types; None for a missing one."""

Columns = Mapping[str, Sequence[Any]]
"""Raw input → its values, one a row; None where it is missing."""


@dataclass(frozen=True)
class ProposedInput:
    """One raw input: a line of `[inputs]`.

    fields: of the line, all but `side` and `guessed` (type, list, length, default, nan). draw: values worth trying,
    unknown and missing ones among them where the model takes them. side: where the file tells it, None for a guess.
    """

    fields: Mapping[str, Any]
    draw: Draw
    side: Side | None = None


class RecordOracle(Protocol):
    """The source library on the model itself."""

    @property
    def name(self) -> str:
        """With its version, such as `scikit-learn 1.9.1`."""
        ...

    def scores(self, columns: Columns) -> NDArray[Any]:
        """Its own predictions of n rows of raw inputs: float [n], the output that ranks."""
        ...


@dataclass(frozen=True)
class Verified:
    """Rows that stand in the file with what the model makes of them. inputs, outputs: a column each, None for none."""

    inputs: Columns
    outputs: Columns


@dataclass(frozen=True)
class Proposal:
    """inputs, features and tables: lines of model.toml by name, in order; a feature is flat (`kind`, `of`, options).

    steps: as model.toml has them; their sources are among `files`, or `kept` where the file given is the source.
    files: path below functions/NAME/ → content (converted graphs below export/, vocabularies below vocabularies/).
    kept: copy the given file itself to export/, because the build reads it. score: the tensor that ranks.
    oracle: None where the library is not installed. notes: what the author should check, a sentence each.
    tell: further outputs by name: a tensor, and the labels of its codes. nulls: the score may be missing. ranks: false
    where the model tells words alone; then no tensor is called as `score` says.
    verified: rows of the file itself.
    """

    inputs: Mapping[str, ProposedInput]
    features: Mapping[str, Mapping[str, Any]]
    steps: tuple[StepSource, ...]
    score: str
    files: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    kept: bool = False
    tables: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    oracle: RecordOracle | None = None
    notes: tuple[str, ...] = ()
    tell: Mapping[str, Telling] = field(default_factory=dict)
    nulls: bool = False
    ranks: bool = True
    verified: Verified | None = None


@dataclass(frozen=True)
class Wishes:
    """What the author asked of the import. trust_pickle: the file may run code while it is read. options: `-o
    name=value` of the command line, each importer's own; an unknown one is refused."""

    trust_pickle: bool = False
    options: Mapping[str, str] = field(default_factory=dict)

    def only(self, *known: str) -> Mapping[str, str]:
        """The options. Raises ImportRefused for one that is none of `known`."""
        if unknown := sorted(set(self.options) - set(known)):
            takes = f"takes {', '.join(known)}" if known else "takes no options"
            raise ImportRefused(f"-o {unknown[0]} is not known: this format {takes}")
        return self.options


NO_WISHES = Wishes()


class Proposer(Protocol):
    """What a format's module has for `ranklet import`, beside or instead of `load`, which the build calls."""

    def recognises(self, path: Path, head: bytes) -> bool:
        """Whether a file or folder is of this format: by what stands in it; head is its first 64 bytes, none of a
        folder. Imports no library."""
        ...

    def propose(self, path: Path, wishes: Wishes) -> Proposal:
        """Raises ImportRefused naming the element that would not be served exactly, and the remedy."""
        ...
