"""Patterns that the importer of PMML translated from Java's, which says how long a text each may be asked of."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from ranklet_features.expressions.letters import view
from ranklet_features.expressions.values import refuse
from ranklet_features.lean import dataclass


class TooMuch(ValueError):
    """A text that a pattern is not asked of, and why."""


def bounded(text: str, limit: int) -> str:
    """The text. Raises TooMuch for one that is longer than so many characters."""
    if len(text) > limit:
        raise TooMuch(f"has {len(text)} characters; this model's patterns take at most {limit}")
    return text


@dataclass(frozen=True)
class Pattern:
    """find: in Python's writing. view: whether it has `\\b`. limit: characters of a text.

    put: what stands for a match, texts and numbers of groups.
    """

    find: re.Pattern[str]
    view: bool = False
    limit: int = 100_000
    put: Sequence[str | int] = ()

    def seen(self, text: str) -> str:
        """As the pattern looks at a text: of the same length."""
        return view(bounded(text, self.limit)) if self.view else bounded(text, self.limit)

    def matches(self, text: str) -> bool:
        """Whether it is anywhere in the text."""
        return self.find.search(self.seen(text)) is not None

    def replaced(self, text: str) -> str:
        """The text with something else for each match."""
        parts, at = [], 0
        for found in self.find.finditer(self.seen(text)):
            parts.append(text[at : found.start()])
            parts += [one if isinstance(one, str) else text[slice(*found.span(one))] for one in self.put if one != ""]
            at = found.end()
        return "".join([*parts, text[at:]])


def read(written: str) -> Pattern:
    """One in JSON. Raises SpecError."""
    try:
        fields = json.loads(written)
        return Pattern(**{**fields, "find": re.compile(fields["find"])})
    except (TypeError, ValueError, KeyError, re.error) as error:
        raise refuse(f"{written[:80]} is no pattern ({error})") from error
