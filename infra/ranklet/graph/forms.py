"""Shapes as they were seen: a value's shape at every point of the trace's grid, and where its batch lies."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

Shapes = tuple[tuple[int, ...], ...]
"""One shape per grid point, all of one rank."""

Sizes = tuple[int, ...]
"""One number per grid point."""


@dataclass(frozen=True)
class Batch:
    """The batch lies in `axis`, as the middle factor of outer × batch × inner (all 1 unless it was folded)."""

    axis: int
    outer: Sizes
    inner: Sizes

    @property
    def plain(self) -> bool:
        """Whether the axis is the batch and nothing else."""
        return set(self.outer) == {1} and set(self.inner) == {1}

    def at(self, axis: int) -> Batch:
        """The same factors in another axis."""
        return Batch(axis, self.outer, self.inner)


@dataclass(frozen=True)
class Form:
    """shapes as traced, with the batch's axis, None for a value without one."""

    shapes: Shapes
    batch: Batch | None

    @property
    def rank(self) -> int:
        return len(self.shapes[0])

    def sizes(self, axis: int) -> Sizes:
        """The axis at every grid point."""
        return tuple(shape[axis] for shape in self.shapes)

    def fixed(self, axis: int) -> int | None:
        """The axis's size where it is the same everywhere."""
        sizes = set(self.sizes(axis))
        return sizes.pop() if len(sizes) == 1 else None

    def resized(self, axis: int, size: int) -> Form:
        """Another size of an axis that is not the batch's."""
        return Form(tuple((*s[:axis], size, *s[axis + 1 :]) for s in self.shapes), self.batch)


def plain(axis: int, points: int) -> Batch:
    """A batch that has the axis to itself."""
    return Batch(axis, (1,) * points, (1,) * points)


def around(shape: tuple[int, ...], axis: int) -> tuple[int, int]:
    """Elements before and after an axis."""
    return prod(shape[:axis]), prod(shape[axis + 1 :])
