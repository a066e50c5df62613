"""The stand-in for `inspect`: light until it is used, the real one from then on."""

import subprocess
import sys
from pathlib import Path

import pytest

import ranklet_runtime

BEFORE = """
import sys
from ranklet_runtime import later
assert later.install() and not later.install()
import dataclasses, inspect
@dataclasses.dataclass(frozen=True)
class Told:
    "Documented, as ours are."
    a: int
    b: "str" = "x"
assert [(f.name, f.type) for f in dataclasses.fields(Told)] == [("a", int), ("b", "str")]
from typing import Protocol, runtime_checkable
@runtime_checkable
class Counted(Protocol):
    count: int
    def add(self, more): ...
class One:
    __slots__ = ("count",)
    def __init__(self): self.count = 1
    def add(self, more): pass
class Other:
    def __init__(self): self.count = 1
class Computed:
    @property
    def count(self): return 1
    def add(self, more): pass
told = [isinstance(one, Counted) for one in (One(), Other(), Computed(), 5, Told(1))]
assert told == [True, False, True, False, False], told
assert not {"ast", "dis"} & set(sys.modules)
"""

USED = """
kept = inspect
assert str(inspect.signature(Told)) == "(a: int, b: 'str' = 'x') -> None"
import inspect
assert inspect is not kept and inspect.signature is kept.signature and "ast" in sys.modules
assert kept.get_annotations(lambda: 1) == {}
class Below(Told): pass
assert [kept.getattr_static(one, "count", None) for one in (One(), Other(), Computed(), 5, One)] == [
    inspect.getattr_static(one, "count", None) for one in (One(), Other(), Computed(), 5, One)]
assert inspect.get_annotations(Below) == kept.get_annotations(Below) == {}
assert inspect.get_annotations(Told) == kept.get_annotations(Told)
try:
    kept.absent
except AttributeError as error:
    assert "absent" in str(error)
"""


@pytest.mark.skipif(sys.version_info >= (3, 14), reason="annotations are functions there")
@pytest.mark.parametrize("script", [BEFORE, BEFORE + USED])
def test_stand_in_is_light_until_it_is_used(script: str) -> None:
    path = str(Path(ranklet_runtime.__path__[0]).parent)
    command = [sys.executable, "-I", "-S", "-c", f"import sys; sys.path.insert(0, {path!r})\n{script}"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_who_has_inspect_already_keeps_it() -> None:
    from ranklet_runtime import later

    assert "inspect" in sys.modules and not later.install()
