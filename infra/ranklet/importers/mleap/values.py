"""What a column of a pipeline is while it is compiled: a raw text, numbers side by side, or the words of codes."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Dense:
    """tensor: double [n, width]."""

    tensor: str
    width: int


@dataclass(frozen=True)
class Hot:
    """One of `width` columns is 1, the others 0. codes: int64 [n, 1], the column, or `width` where none is.

    Kept as codes as long as it can be: a linear model looks one number up in place of multiplying thousands.
    """

    codes: str
    width: int


@dataclass(frozen=True)
class Hashed:
    """The sum of such columns of 0 and 1, and of numbers at places of their own.

    codes: int64 [n, 1] or [n, L] each, `width` where there is none. numbers: double [n, 1] and its place.
    """

    codes: tuple[str, ...]
    numbers: tuple[tuple[str, int], ...]
    width: int


Part = Dense | Hot | Hashed


@dataclass(frozen=True)
class Numbers:
    """A scalar or a vector: parts side by side. loose: a scalar in which NaN may stand for a missing value."""

    parts: tuple[Part, ...]
    scalar: bool = False
    loose: bool = False

    @property
    def width(self) -> int:
        """Numbers a row."""
        return sum(part.width for part in self.parts)


@dataclass(frozen=True)
class Text:
    """A raw field of texts."""

    name: str


@dataclass(frozen=True)
class Words:
    """codes: int64 [n, 1], 0 where there is none, 1 … of the words."""

    codes: str
    words: tuple[str, ...]


Value = Numbers | Text | Words
