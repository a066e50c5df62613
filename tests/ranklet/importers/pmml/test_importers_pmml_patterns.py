"""Java's regular expressions in Python's writing: what JPMML's answers do not show, and how long they may take.

That the words are Java's own is held with the files of TextIndex."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ranklet.importers.pmml import patterns
from ranklet.importers.pmml.backtracking import LINEAR, SQUARE
from ranklet.importers.pmml.regex import NotServed


@pytest.mark.parametrize(
    ("pattern", "limit"),
    [
        (r"\s+", LINEAR), (r"\w\w+", LINEAR), (r"(?u)\b\w\w+\b", LINEAR), ("a|b+", LINEAR), (r"[,;.\s]+", LINEAR),
        (r"\s*[,;]\s*", SQUARE), (r"\w+x", SQUARE), (r"(a+)b", SQUARE), (r"\b\w+-", SQUARE), (r"[a-z]+[0-9]+-", SQUARE),
    ],
)  # fmt: skip
def test_a_text_may_be_as_long_as_its_pattern_takes(pattern: str, limit: int) -> None:
    assert patterns.translated(pattern).limit == limit


@pytest.mark.parametrize(
    "pattern",
    [
        "(a+)+b", "(a|a)*b", "(a|ab)*c", "(a?){30}", "a*a*b", r"\w+\w+-", "(?:a*b)*c", "(a{1,9}){9}", "a{1,99}a{1,99}",
        "(x+x+)+y", "a?" * 20, "((a|b)c?)*", "a{1001}", "(" * 30 + "a" + ")" * 30,
    ],
)  # fmt: skip
def test_what_takes_too_long_is_refused(pattern: str) -> None:
    with pytest.raises(NotServed):
        patterns.translated(pattern)


@pytest.mark.parametrize(
    "pattern",
    ["(", ")", "[", "[]", "[b-a]", "*", "a**", "{", "a{2,1}", "\\", "\\q", "(?<n>a)", "(?!a)", "[a&&b]", "[[a]]", "^*",
     "(?m)^a", r"\1", r"\p{L}", "[a-\\d]", "[^"],
)  # fmt: skip
def test_what_is_no_pattern_of_both_is_refused(pattern: str) -> None:
    with pytest.raises(ValueError, match=r"has|repeats"):
        patterns.translated(pattern)


ATOMS = st.sampled_from(["a", "b", "é", ".", r"\w", r"\s", r"\W", "[ab]", "[^b-é]", r"\.", "-", r"[\d-]", "ß"])
SIMPLE = st.builds(lambda atom, more: atom + more, ATOMS, st.sampled_from(["", "", "+", "?", "{2}", "{1,3}", "*?"]))


@given(pattern=st.lists(SIMPLE, min_size=1, max_size=3).map("".join), text=st.text("ab é.-1_\n\u2028ßB", max_size=10))
def test_what_is_written_matches_as_the_pattern_does(pattern: str, text: str) -> None:
    """Python's own reading in ASCII differs in `.` alone."""
    try:
        ours = patterns.translated(pattern)
    except NotServed:
        return
    plain = re.sub(r"(?<!\\)\.", "[^\n\r\u0085\u2028\u2029]", pattern)
    assert re.findall(ours.written, text) == re.findall(plain, text, re.ASCII)


@given(st.text("ab*+?{}()[]|\\^$.,-&:!<=wsdbB01é ", max_size=14))
def test_any_pattern_is_translated_or_refused(pattern: str) -> None:
    try:
        re.compile(patterns.translated(pattern).written)
        re.compile(patterns.translated(pattern, insensitive=True).written)
    except ValueError as error:
        assert not isinstance(error, re.error)


@pytest.mark.parametrize(
    ("written", "groups", "parts"),
    [
        ("a$1b", 1, ["a", 1, "b"]),
        (r"\$1\\", 0, ["$1\\"]),
        ("$12", 1, [1, "2"]),
        ("$12", 12, [12]),
        ("$0", 0, [0]),
        ("", 0, []),
    ],
)
def test_what_is_put_in_has_javas_references(written: str, groups: int, parts: list[str | int]) -> None:
    assert patterns.replacement(written, groups) == parts
