"""What a start took, by module and by phase: the least of several starts, as whatever disturbs one only adds to it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ranklet.startup.starting import Place, Start, start

STARTS = 5
PHASES = ("python", "client", "imports", "digests", "manifest", "tables", "features", "session", "init", "warm-up",
          "request")  # fmt: skip
"""In the order in which they happen; `imports` are those of code and layers, wherever in another phase they happen."""

GROUPS = {"numpy": "numpy", "onnxruntime": "onnxruntime", "ranklet_runtime": "ours", "ranklet_features": "ours",
          "orjson": "others", "msgpack": "others", "pybase64": "others"}  # fmt: skip
DEEP = 50
CLIENT = ("awslambdaric", "runtime_client", "simplejson", "snapshot_restore_py")


@dataclass(frozen=True)
class Module:
    """One import. cpu_ms, wall_ms: its own, without what it imports. bytes: of what was read for it. by: who asked."""

    name: str
    group: str
    cpu_ms: float
    wall_ms: float
    bytes: int
    by: str


@dataclass(frozen=True)
class Account:
    """cpu_ms, wall_ms: of the whole start, exec to answer. phases: name → (CPU, wall), milliseconds.

    loaded: every module at the end, the interpreter's own included.
    """

    cpu_ms: float
    wall_ms: float
    modules: tuple[Module, ...]
    phases: Mapping[str, tuple[float, float]]
    loaded: tuple[str, ...]
    answer: Any

    def group(self, name: str) -> tuple[float, float]:
        """CPU and wall of a group's imports, milliseconds."""
        found = [module for module in self.modules if module.group == name]
        return sum(one.cpu_ms for one in found), sum(one.wall_ms for one in found)


def account(place: Place, event: Mapping[str, Any], *, starts: int = STARTS) -> Account:
    """Start a function some times, once before that is not counted, and account for it."""
    start(place, event)
    return combined([start(place, event, traced=True) for _ in range(starts)])


def combined(starts: Sequence[Start]) -> Account:
    """The least of every span over the starts."""
    least: dict[tuple[str, str], list[tuple[float, float]]] = defaultdict(list)
    by: dict[str, str] = {}
    for one in starts:
        assert one.traced is not None
        once: dict[tuple[str, str], list[float]] = defaultdict(lambda: [0.0, 0.0])
        for name, kind, cpu, wall, within in one.traced["spans"]:
            once[name, kind][0] += cpu / 1e6
            once[name, kind][1] += wall / 1e6
            if kind == "import":
                by.setdefault(name, within)
        begun = one.traced["begun"]
        once["python", "phase"] = [begun[0] / 1e6, (begun[1] - one.begun_ns) / 1e6]
        for key, (cpu, wall) in once.items():
            least[key].append((cpu, wall))
    taken = {key: (min(c for c, _ in each), min(w for _, w in each)) for key, each in least.items()}
    traced = starts[0].traced
    assert traced is not None
    files = traced["modules"]
    group = _groups(by)
    modules = tuple(
        Module(name, group(name), *taken[name, kind], _bytes(files.get(name)), by[name])
        for name, kind in taken
        if kind == "import"
    )
    phases = {name: value for (name, kind), value in taken.items() if kind == "phase"}
    imported = [module for module in modules if module.group != "client"]
    phases["imports"] = sum(one.cpu_ms for one in imported), sum(one.wall_ms for one in imported)
    clients = [module for module in modules if module.group == "client"]
    known = phases.get("client", (0.0, 0.0))
    phases["client"] = (
        known[0] + sum(one.cpu_ms for one in clients),
        known[1] + sum(one.wall_ms for one in clients),
    )
    return Account(
        min(one.cpu_ms for one in starts),
        min(one.wall_ms for one in starts),
        tuple(sorted(modules, key=lambda one: -one.cpu_ms)),
        {name: phases[name] for name in PHASES if name in phases},
        tuple(sorted(files)),
        starts[0].answer,
    )


def _groups(by: Mapping[str, str]) -> Callable[[str], str]:
    """Whose a module is: by its own name, and what is of the standard library belongs to who asked for it first."""

    def group(name: str, depth: int = 0) -> str:
        top = name.partition(".")[0]
        if top in CLIENT:
            return "client"
        if top in GROUPS:
            return GROUPS[top]
        asked = by.get(name, "")
        if asked in by and depth < DEEP:
            return group(asked, depth + 1)
        return "client" if asked in ("", "client") else "ours"

    return group


def _bytes(file: str | None) -> int:
    """Of a module's bytecode where it has some, else of its source or shared object."""
    if file is None:
        return 0
    path = Path(file)
    compiled = sorted(path.parent.glob(f"__pycache__/{path.stem}.cpython-*.pyc"))
    chosen = compiled[0] if compiled and path.suffix == ".py" else path
    return chosen.stat().st_size if chosen.is_file() else 0
