"""Our data classes give what the standard ones do, and the standard tools work on them."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import pickle  # noqa: TID251  (our own class, to see that it comes back)
import subprocess
import sys
from typing import Any, ClassVar

import orjson
import pytest

from ranklet_features import lean


def twins() -> list[tuple[Any, Any]]:
    """Pairs of classes, ours and the standard's, in each form that the run time uses."""
    found = []
    for form in ({}, {"frozen": True}, {"slots": True}, {"frozen": True, "slots": True}):

        class Plain:
            """A name, a count that has a default, and a list."""

            kind: ClassVar[str] = "plain"
            name: str
            count: int = 3
            many: list[int] = dataclasses.field(default_factory=list)

        class Lean:
            """A name, a count that has a default, and a list."""

            kind: ClassVar[str] = "plain"
            name: str
            count: int = 3
            many: list[int] = lean._field(default_factory=list)

        Lean.__qualname__ = Plain.__qualname__
        found.append((lean._dataclass(**form)(Lean), dataclasses.dataclass(**form)(Plain)))
    return found


@pytest.mark.parametrize("number", range(4))
def test_instances_read_compare_and_hash_as_the_standard_ones(number: int) -> None:
    ours, theirs = twins()[number]
    assert repr(ours("a", many=[1])) == repr(theirs("a", many=[1]))
    assert ours("a") == ours("a", 3, []) and ours("a") != ours("b") and ours("a") != theirs("a")
    assert ours.__match_args__ == theirs.__match_args__
    assert ours("a").many is not ours("a").many
    assert ours.kind == "plain"
    assert ours(name="b", count=2) == ours("b", 2)
    assert hasattr(ours("a"), "__dict__") == hasattr(theirs("a"), "__dict__")
    assert (ours.__hash__ is None) == (theirs.__hash__ is None)
    if ours.__hash__:
        assert hash(ours("a", 1, ())) == hash(theirs("a", 1, ()))
    assert list(inspect.signature(ours).parameters) == list(inspect.signature(theirs).parameters)


@pytest.mark.parametrize("number", range(4))
def test_standard_tools_work_on_them(number: int) -> None:
    ours, theirs = twins()[number]
    assert dataclasses.is_dataclass(ours)
    assert dataclasses.asdict(ours("a", many=[1])) == dataclasses.asdict(theirs("a", many=[1]))
    assert dataclasses.replace(ours("a"), count=4) == ours("a", 4)
    shown = [(one.name, one.type, one.default, one.default_factory) for one in dataclasses.fields(ours)]
    assert shown == [(one.name, one.type, one.default, one.default_factory) for one in dataclasses.fields(theirs)]
    assert copy.copy(ours("a", 1)) == ours("a", 1) == copy.deepcopy(ours("a", 1))
    assert orjson.dumps(ours("a")) == orjson.dumps(theirs("a"))


@pytest.mark.parametrize("number", [1, 3])
def test_frozen_fields_are_neither_set_nor_deleted(number: int) -> None:
    ours, _ = twins()[number]
    with pytest.raises(dataclasses.FrozenInstanceError, match="cannot assign to field 'name'"):
        ours("a").name = "b"
    with pytest.raises(dataclasses.FrozenInstanceError, match="cannot delete field 'name'"):
        del ours("a").name


@lean._dataclass(frozen=True, slots=True)
class Kept:
    name: str
    count: int = 0


def test_frozen_with_slots_is_pickled() -> None:
    assert pickle.loads(pickle.dumps(Kept("a", 2))) == Kept("a", 2)


def test_fields_of_bases_come_first_and_may_be_replaced() -> None:
    @lean._dataclass(frozen=True)
    class Below(Kept):
        more: int = 1
        count: int = 5

    assert Below("a") == Below("a", 5, 1)
    assert [one.name for one in dataclasses.fields(Below)] == ["name", "count", "more"]
    standard = dataclasses.dataclass(frozen=True)(
        type("Mixed", (Below,), {"__annotations__": {"last": "int"}, "last": 0})
    )
    assert standard("a", 1, 2, 3).last == 3


def test_own_methods_stay_and_post_init_runs() -> None:
    @lean._dataclass(frozen=True)
    class Own:
        name: str

        def __post_init__(self) -> None:
            if not self.name:
                raise ValueError("empty")

        def __eq__(self, other: object) -> bool:
            return True

        def __repr__(self) -> str:
            return "own"

    assert repr(Own("a")) == "own" and Own("a") == Own("b") and hash(Own("a")) == hash(Own("a"))
    with pytest.raises(ValueError, match="empty"):
        Own("")


def test_what_is_not_served_is_refused() -> None:
    with pytest.raises(TypeError, match="no default"):
        lean._dataclass(type("A", (), {"__annotations__": {"a": "int", "b": "int"}, "a": 1}))
    with pytest.raises(ValueError, match="mutable"):
        lean._dataclass(type("A", (), {"__annotations__": {"a": "list"}, "a": []}))
    with pytest.raises(TypeError, match="InitVar"):
        lean._dataclass(type("A", (), {"__annotations__": {"a": "InitVar[int]"}}))

    class Super:
        a: int = 1

        def __str__(self) -> str:
            return super().__str__()

    with pytest.raises(TypeError, match="super"):
        lean._dataclass(slots=True)(Super)


def test_making_them_imports_no_dataclasses() -> None:
    script = (
        "import sys\nfrom ranklet_features.lean import dataclass\n"
        "@dataclass(frozen=True)\nclass A:\n    a: int = 1\n"
        "A() == A(2), hash(A()), repr(A())\nprint('dataclasses' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-S", "-s", "-c", script], capture_output=True, text=True, env=paths())
    assert done.stdout == "False\n", done.stderr


def paths() -> dict[str, str]:
    """Ours alone on the path: what else is installed imports dataclasses at start."""
    from pathlib import Path

    return {"PYTHONPATH": str(Path(lean.__file__).parents[1])}
