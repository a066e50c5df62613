"""A bundle with its tables' rows as they are deployed, or as they were before packing.

Variants are folders beside the bundle that share all its files but manifest.json and the rows in question; each is
opened as Lambda opens the bundle.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from ranklet.compose import document
from ranklet.tables.files import write_rows
from ranklet.tables.pin import Pinned
from ranklet.tables.source import Vectors
from ranklet_features.spec import Table
from ranklet_runtime.function import Function
from ranklet_runtime.manifest import Manifest


@dataclass(frozen=True)
class Variants:
    """environ: what functions need to read tables. tables: those that the manifest pins, by name, with exact rows.

    overlaid: whether the manifest differs from the bundle's own. Functions stay open until the stack is left.
    """

    bundle: Path
    manifest: Manifest
    environ: Mapping[str, str]
    tables: Mapping[str, Pinned]
    stack: ExitStack
    overlaid: bool = False

    @property
    def narrowed(self) -> tuple[str, ...]:
        """Tables whose packed rows are rounded."""
        return tuple(name for name, one in self.tables.items() if one.narrowed)

    def deployed(self) -> Function:
        """The function with the rows that it will read."""
        return self.variant(packed=self.narrowed)

    @property
    def ways(self) -> Mapping[str, int]:
        """Of a function with two ways to a score: how many candidates are for one → the `uncut_below` of it alone."""
        return {"few": self.manifest.limits.items + 1, "many": 1} if self.manifest.uncut_below else {}

    def variant(self, *, packed: Collection[str], below: int | None = None) -> Function:
        """The function with these tables packed, the others exact, and rows of snapshots where it finds them.

        below: in the place of the manifest's `uncut_below`.
        """
        replaced: dict[str, tuple[Table, Vectors]] = {}
        for name, one in self.tables.items():
            table = replace(self.manifest.spec.tables[name], placement="resident", snapshot=None, page=1)
            if one.narrowed and name not in packed:
                assert one.exact is not None, "a table that is narrowed has exact rows"
                replaced[name] = (replace(table, dtype="f32", rows=len(one.exact.keys)), one.exact)
            elif one.fetched:
                replaced[name] = (table, one.vectors)
        folder, manifest = self.bundle, self.manifest
        if below is not None:
            manifest = replace(manifest, uncut_below=below)
        if replaced or below is not None or self.overlaid:
            folder = Path(self.stack.enter_context(TemporaryDirectory(prefix="proof-", dir=self.bundle.parent)))
            _overlay(self.bundle, manifest, replaced, folder)
        # As `ranklet_runtime.handler` has it for the whole process.
        self.stack.enter_context(np.errstate(over="ignore", invalid="ignore"))
        function = Function.open(folder, self.environ)
        self.stack.callback(function.scorer.close)
        return function


def _overlay(bundle: Path, manifest: Manifest, replaced: Mapping[str, tuple[Table, Vectors]], folder: Path) -> None:
    """A bundle in `folder` like another one, some of its tables resident with other rows."""
    for path in bundle.iterdir():
        if path.name not in ("manifest.json", "tables"):
            (folder / path.name).symlink_to(path)
    (folder / "tables").mkdir()
    for path in (bundle / "tables").glob("*"):
        if path.name.split(".")[0] not in replaced:
            (folder / "tables" / path.name).symlink_to(path)
    tables = dict(manifest.spec.tables)
    for name, (table, vectors) in replaced.items():
        tables[name] = table
        write_rows(name, vectors, folder / "tables")
    (folder / "manifest.json").write_bytes(document(replace(manifest, spec=replace(manifest.spec, tables=tables))))
