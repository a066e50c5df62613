"""Every version in the account: what it is, what it costs, and who names it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ranklet.tables.deployed import Naming
from ranklet.tables.versions import Version


@dataclass(frozen=True)
class Listed:
    """A version and the function versions and bundles that name it.

    functions: None where the functions could not be read. bundles: models whose bundle here pins it.
    """

    version: Version
    functions: tuple[Naming, ...] | None
    bundles: tuple[str, ...]


def listed(
    versions: Sequence[Version], namings: Sequence[Naming] | None, bundles: Mapping[str, frozenset[str]]
) -> list[Listed]:
    """Bring versions and those who name them together. bundles: model → physical names."""
    return [
        Listed(
            one,
            None if namings is None else tuple(who for who in namings if who.tables and one.physical in who.tables),
            tuple(sorted(model for model, pinned in bundles.items() if one.physical in pinned)),
        )
        for one in versions
    ]
