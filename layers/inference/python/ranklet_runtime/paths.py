"""Which steps a request takes: those of a split graph, or those of the uncut one.

A split makes things once per user, and that pays off with the number of candidates. For few of them, and where rows
belong to different users, the uncut graph is quicker; both read the same tensors and give the same scores
(`Manifest.uncut_below`, `Step.candidates`).
"""

from __future__ import annotations

from collections.abc import Mapping

from ranklet_runtime.engines.base import Array, Engine
from ranklet_runtime.errors import ManifestError
from ranklet_runtime.keeping import Kept
from ranklet_runtime.lookup import Lookup
from ranklet_runtime.manifest import Candidates, Manifest
from ranklet_runtime.stored import StoredFirst

Runs = Engine | Kept | StoredFirst
Part = Runs | Lookup
"""What runs a step."""


class Paths:
    """The parts of a model's steps. first: those of every request, in order."""

    def __init__(self, manifest: Manifest, parts: tuple[Part, ...]) -> None:
        """Raises ManifestError where steps for few or many candidates are not the last, or not both there."""
        self._below = manifest.uncut_below
        self.first = parts
        self._ways: dict[Candidates, tuple[Runs, ...]] = {"few": (), "many": ()}
        if self._below:
            self._fork(manifest, parts)
        self._kept = next((part for part in self._ways["many"] if isinstance(part, Kept)), None)

    def last(self, n: int, tensors: Mapping[str, Array], *, per_row: bool) -> tuple[Runs, ...]:
        """The parts that follow `first` for n candidates. A user whose own part is kept costs nothing to split."""
        if per_row or (n < self._below and not (self._kept is not None and self._kept.knows(tensors))):
            return self._ways["few"]
        return self._ways["many"]

    def _fork(self, manifest: Manifest, parts: tuple[Part, ...]) -> None:
        kinds = [step.candidates for step in manifest.steps]
        ends = sum(kind == "any" for kind in kinds)
        self.first = parts[:ends]
        for kind, part in zip(kinds[ends:], parts[ends:], strict=True):
            if kind == "any" or isinstance(part, Lookup):
                raise ManifestError("steps for any number of candidates come after others; run `ranklet build` again")
            self._ways[kind] = (*self._ways[kind], part)
        if not all(self._ways.values()):
            raise ManifestError(f"uncut_below is {self._below} without steps for both; run `ranklet build` again")
