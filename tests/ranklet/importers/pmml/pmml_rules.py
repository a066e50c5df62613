"""Hand-written files for each rule of the specification that exporters do not reach."""

from __future__ import annotations

from collections.abc import Iterator

import pmml_cards
import pmml_fields
import pmml_networks
import pmml_points
import pmml_regressions
import pmml_segments
import pmml_trees

PARTS = (pmml_regressions, pmml_trees, pmml_segments, pmml_networks, pmml_points, pmml_cards, pmml_fields)


def files() -> Iterator[tuple[str, str]]:
    """Name → file."""
    for part in PARTS:
        yield from part.files()
