"""What a function tells of its requests beside its counts, as the manifest says it (`[watch]` of model.toml)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ranklet_features.lean import dataclass, field


@dataclass(frozen=True)
class Reference:
    """How one numeric input was distributed in training.

    edges: ascending; a value belongs to the bucket whose upper edge is the first that is not below it. counts: of the
    values in each bucket, one more than edges.
    """

    edges: tuple[float, ...]
    counts: tuple[int, ...]


@dataclass(frozen=True)
class Watched:
    """phases: whether time by phase becomes metrics.

    sample_every: of the scored requests, those that leave a line in the log; 0 for none. inputs: those whose values
    stand in that line, and no others' do.
    health_every: of the scored requests, those whose inputs are looked at; 0 for none. references: by input.
    """

    phases: bool = True
    sample_every: int = 0
    inputs: tuple[str, ...] = ()
    health_every: int = 0
    references: Mapping[str, Reference] = field(default_factory=dict)


def from_document(found: Mapping[str, Any]) -> Watched:
    """Of manifest.json; a manifest that says nothing has the defaults. Raises TypeError and KeyError."""
    references = found.get("references", {})
    return Watched(
        **{
            **found,
            "inputs": tuple(found.get("inputs", ())),
            "references": {
                name: Reference(tuple(one["edges"]), tuple(one["counts"])) for name, one in references.items()
            },
        }
    )
