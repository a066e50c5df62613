"""Patterns of the file, Java's, for feature assembly: those of functions, and TextIndex, whose attributes and tables
become an index of terms (`ranklet_features.expressions.terms`).

TextIndex is as JPMML has it: tables change the text and not the term, whatever words and distances are; punctuation
around words falls away where text is parted at separators. What JPMML refuses is refused:
augmentedNormalizedTermFrequency, and a text that is not parted into words (tokenize).
"""

from __future__ import annotations

from collections.abc import Sequence

import orjson

from ranklet.importers.pmml import patterns
from ranklet.importers.pmml.backtracking import SQUARE
from ranklet.importers.pmml.context import Context
from ranklet.importers.pmml.markup import Element, refuse
from ranklet.importers.pmml.patterns import Pattern
from ranklet.importers.pmml.values import Expr, Raw, Value

WEIGHTS = {"termFrequency": "count", "binary": "binary", "logarithmic": "log"}
TRUE, FALSE = ("true", "1"), ("false", "0")
MAX_DISTANCE = 20
COLUMNS = {"inField": "string", "outField": "stem", "regexField": "regex"}
"""Of a table, and what they are called where the file does not say."""


def of(element: Element, term: Value, scope: Context) -> Expr:
    """The expression. Raises ImportRefused for what is not served."""
    text = scope.value(element.name("textField"), element)
    if not isinstance(text, Raw) or not isinstance(term, Raw):
        refuse(element, "of what a model made is not served")
    if term.expr[0] == "constant":
        scope.sources.hint(text, _samples(str(term.expr[1])))
    return ["terms", text.expr, term.expr, _index(element)]


def _samples(term: str) -> list[str]:
    return [term, f"{term}, {term.upper()}! {term}", f"none of it; {term[1:]} {term}"]


def _index(element: Element) -> str:
    if element.get("wordRE") is not None:
        refuse(element, "has wordRE, which PMML does not know; JPMML reads x-wordRE")
    if not _flag(element, "tokenize", usual=True):
        refuse(element, "has tokenize = false, which JPMML does not serve either")
    weight = WEIGHTS[element.choice("localTermWeights", tuple(WEIGHTS), "termFrequency")]
    best = element.choice("countHits", ("allHits", "bestHits"), "allHits") == "bestHits"
    words = element.get("x-wordRE")
    separator = element.get("wordSeparatorCharacterRE", r"\s+") or ""
    parted = _pattern(element, separator if words is None else words)
    distance = _distance(element)
    if parted.blank and (words is not None or separator or distance):
        refuse(element, "has a pattern that matches no character at all, which is not served")
    tables = [_table(one, element) for one in element.all("TextIndexNormalization")]
    used = [parted, *(pattern for rows, _ in tables for pattern, _ in rows)]
    index = {
        "words" if words is not None else "separator": parted.written,
        "view": parted.bounds,
        "case": _flag(element, "isCaseSensitive", usual=False),
        "distance": distance,
        "best": best,
        "weight": weight,
        "tables": [[[[one.written, put, one.bounds] for one, put in rows], recursive] for rows, recursive in tables],
        "limit": min([SQUARE] * (distance > 0) + [one.limit for one in used]),
    }
    return orjson.dumps(index).decode()


def _flag(element: Element, name: str, *, usual: bool) -> bool:
    found = element.choice(name, (*TRUE, *FALSE), "true" if usual else "false")
    return found in TRUE


def _distance(element: Element) -> int:
    found = element.whole("maxLevenshteinDistance", 0)
    if not 0 <= found <= MAX_DISTANCE:
        refuse(element, f"has maxLevenshteinDistance = {found}; served are 0 to {MAX_DISTANCE}")
    return found


def _pattern(element: Element, written: str, *, insensitive: bool = False) -> Pattern:
    try:
        return patterns.translated(written, insensitive=insensitive)
    except ValueError as error:
        refuse(element, f"has the pattern {written[:60]!r}, which {error}")


PATTERNED = {"matches": 2, "replace": 3}
"""Functions that take a pattern → their arguments."""


def patterned(element: Element, name: str, exprs: Sequence[Expr]) -> list[Expr]:
    """A function's text, and its pattern as feature assembly reads it. Raises ImportRefused."""
    if len(exprs) != PATTERNED[name] or any(one[0] != "constant" for one in exprs[1:]):
        refuse(element, f"calls {name!r} with other than {PATTERNED[name]} arguments, those behind the text constants")
    find, *put = [str(one[1]) for one in exprs[1:]]
    pattern = _pattern(element, find)
    fields = {"find": pattern.written, "view": pattern.bounds, "limit": pattern.limit}
    if put:
        if pattern.blank:
            refuse(element, f"replaces {find[:60]!r}, which matches no character at all, and is not served")
        fields["put"] = _put(element, put[0], pattern)
    return [exprs[0], ["constant", orjson.dumps(fields).decode(), "string"]]


def _put(element: Element, written: str, pattern: Pattern) -> list[str | int]:
    try:
        return patterns.replacement(written, pattern.groups)
    except ValueError as error:
        refuse(element, f"puts in {written[:60]!r}, which {error}")


Rows = list[tuple[Pattern, list[str | int]]]


def _table(table: Element, index: Element) -> tuple[Rows, bool]:
    """What is replaced, in order; and whether until nothing changes."""
    if table.get("x-wordRE") is not None and table.get("wordSeparatorCharacterRE") is not None:
        refuse(table, "has both x-wordRE and wordSeparatorCharacterRE")
    _distance(table)
    sensitive = _flag(table if table.get("isCaseSensitive") is not None else index, "isCaseSensitive", usual=False)
    columns = {name: table.get(name, usual) or usual for name, usual in COLUMNS.items()}
    rows = [_row(row, columns, insensitive=not sensitive) for row in table.need("InlineTable").all("row")]
    return rows, _flag(table, "recursive", usual=False)


def _row(row: Element, columns: dict[str, str], *, insensitive: bool) -> tuple[Pattern, list[str | int]]:
    cells = {cell.tag: cell.text for cell in row.children}
    find, put, regex = (cells.get(columns[name].rpartition(":")[2]) for name in COLUMNS)
    for name, cell in (("inField", find), ("outField", put)):
        if cell is None:
            refuse(row, f"has no cell {columns[name]!r}")
    assert find is not None and put is not None
    if (regex or "").lower() == "true":
        pattern = _pattern(row, find, insensitive=insensitive)
    else:
        pattern = patterns.quoted(find, insensitive=insensitive)
    if pattern.blank:
        refuse(row, f"has {find[:60]!r}, which matches no character at all, and is not served")
    return pattern, _put(row, put, pattern)
