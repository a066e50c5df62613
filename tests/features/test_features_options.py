"""Options are checked twice, by msgspec where a model is built and by our own reader where it is not: they agree."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import msgspec
import pytest

from ranklet_features import SpecError
from ranklet_features.kinds import KINDS, load
from ranklet_features.kinds.base import Scope
from ranklet_features.kinds.options import read

SCOPE = Scope("x", "kind", ("v",), {}, {}, {}, Path())


@dataclass(frozen=True)
class Sample:
    """One field of every type that an option has."""

    count: int
    share: float = 0.5
    flag: bool = False
    name: str = ""
    mode: Literal["one", "two"] = "one"
    pair: tuple[float, float] | None = None
    words: tuple[str | int, ...] | str | None = None


@pytest.mark.parametrize(
    "options",
    [
        {"count": 3},
        {"count": 3, "share": 1, "flag": True, "name": "a", "mode": "two", "pair": [1, 2.5], "words": ["a", 1]},
        {"count": 3, "pair": (1.0, 2.0), "words": "file.json"},
        {"count": 3, "words": []},
        {"count": 3, "pair": None, "words": None},
    ],
)
def test_both_readers_take_the_same(options: dict[str, Any]) -> None:
    assert read(Sample, options, SCOPE) == msgspec.convert(options, Sample)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"count": "3"}, "option 'count' is '3', but must be int"),
        ({"count": 3.0}, "option 'count' is 3.0, but must be int"),
        ({"count": True}, "option 'count' is True, but must be int"),
        ({"count": None}, "option 'count' is None, but must be int"),
        ({"count": 1, "share": "a"}, "option 'share' is 'a', but must be float"),
        ({"count": 1, "share": True}, "option 'share' is True, but must be float"),
        ({"count": 1, "flag": 1}, "option 'flag' is 1, but must be bool"),
        ({"count": 1, "name": 1}, "option 'name' is 1, but must be str"),
        ({"count": 1, "mode": "three"}, "option 'mode' is 'three', but must be 'one' | 'two'"),
        ({"count": 1, "pair": [1.0]}, "option 'pair' is [1.0], but must be a list of 2 float"),
        ({"count": 1, "pair": [1.0, 2.0, 3.0]}, "option 'pair' is [1.0, 2.0, 3.0], but must be a list of 2 float"),
        ({"count": 1, "words": ["a", 1.5]}, "option 'words' is ['a', 1.5], but must be a list of str or int or str"),
        ({"count": 1, "words": [True]}, "option 'words' is [True], but must be a list of str or int or str"),
        ({"share": 1.0}, "option 'count' is missing; allowed: count, share, flag, name, mode, pair, words"),
    ],
)
def test_both_readers_refuse_the_same(options: dict[str, Any], message: str) -> None:
    with pytest.raises(SpecError) as caught:
        read(Sample, options, SCOPE)
    assert str(caught.value) == f"feature 'x' (kind): {message}"
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(options, Sample)


def test_an_unknown_option_is_named_with_the_allowed_ones() -> None:
    with pytest.raises(
        SpecError, match=r"unknown option 'cont'; allowed: count, share, flag, name, mode, pair, words$"
    ):
        read(Sample, {"count": 1, "cont": 2}, SCOPE)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_a_frozen_record_that_msgspec_reads(kind: str) -> None:
    schema = load(kind).schema
    assert dataclasses.is_dataclass(schema)
    assert schema.__dataclass_params__.frozen  # type: ignore[attr-defined]
    known = {field.name: field.default for field in dataclasses.fields(schema)}
    needed = {"boundaries": [1.0], "buckets": 3, "table": "t", "part": "hour", "bits": 18}
    needed |= {"vocabulary": "tables.npz", "numbers": 1, "expr": "[]"}
    options = {name: needed[name] for name, default in known.items() if default is dataclasses.MISSING}
    assert read(schema, options, SCOPE) == msgspec.convert(options, schema)
