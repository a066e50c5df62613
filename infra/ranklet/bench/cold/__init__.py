"""Cold starts: from exec to the first right answer of a packaged function, as Lambda would start it.

    cold-<kind>-ms, -wall-ms        CPU and wall time. kind: onnx (a ranker on onnxruntime), numpy (vectors in memory
                                    and their product), dynamodb (the same vectors, read from DynamoDB)
    cold-dynamodb-vs-boto3, -wall   the same function whose store is boto3's client, in the same turns
    cold-numpy-vs-stale-bytecode    the same function with layers whose bytecode is held against times of the sources,
                                    `compileall` and pip leave it: the CDK stamps assets 1980
    cold-numpy-vs-plain-numpy       the same function with NumPy as its wheel has it, not trimmed
    cold-client-ms, cold-control    a function that does nothing: interpreter and runtime client; the same over itself
    waterfall-<kind>-<part>         CPU of a part, the least of several starts with a stopwatch; `-wall`: its wall time
    modules-<kind>                  imported by code and layers until the first answer
    layers-…-mb                     of the layers, by `weights`

The child is the stock awslambdaric on Lambda's own Python minor where this machine has it (`machine.python` tells),
with the layers that AWS gets: the times of their files are those of the CDK's archives, their bytecode is valid for
that Python alone. Nothing else is on its path. The page cache is warm: the first start of each is not counted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranklet.bench import base, machine
from ranklet.bench.base import Progress, Report, Row, Setting
from ranklet.bench.cold import models, places, weights
from ranklet.bench.cold.models import Kind
from ranklet.errors import BenchError
from ranklet.startup.account import Account, account
from ranklet.startup.starting import Place, start

KINDS = ("onnx", "numpy", "dynamodb")
PACKAGES = ("awslambdaric", "boto3", "numpy", "onnxruntime")
ROUNDS, TURNS, ACCOUNTED = (3, 7), (1, 4), (3, 9)
"""A look, a measurement."""
Taken = Mapping[str, NDArray[np.float64]]
Way = tuple[Place, Kind]


def run(setting: Setting, progress: Progress) -> Report:
    """Build, start and weigh. Raises BenchError where an answer is wrong, or a function imports botocore."""
    described = machine.describe(PACKAGES)
    with ExitStack() as stack:
        scratch = Path(stack.enter_context(TemporaryDirectory(prefix="ranklet-bench-")))
        with_kinds = stack.enter_context(models.built(scratch, progress))
        home = places.home(setting, progress)
        ways: dict[str, Way] = {name: (home.place(kind), kind) for name, kind in with_kinds.items()}
        ways["boto3"] = (home.boto3(with_kinds["dynamodb"], scratch), with_kinds["dynamodb"])
        ways["stale"] = (home.stale(with_kinds["numpy"], scratch), with_kinds["numpy"])
        ways["plain"] = (home.plain(with_kinds["numpy"], scratch, progress), with_kinds["numpy"])
        ways["client"] = ways["control"] = (home.nothing(scratch), models.NOTHING)
        progress(f"start {', '.join(ways)} in turns")
        cpu, wall = timed(ways, setting)
        rows = [*_figures(cpu, wall)]
        for name in KINDS:
            progress(f"account for {name}")
            place, kind = ways[name]
            found = account(place, kind.event, starts=ACCOUNTED[not setting.quick])
            _check_modules(name, found)
            rows += _waterfall(name, found)
        rows += weights.rows(setting, home, progress)
    return Report(
        rows=rows,
        noisy=base.noisy([cpu["control"] / cpu["client"]]),
        machine={**described, "python": home.version, "target": home.target.name},
        date=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def timed(ways: Mapping[str, Way], setting: Setting) -> tuple[Taken, Taken]:
    """CPU and wall milliseconds [rounds] of each way: of a round its least turn.

    Whatever disturbs a start only adds to it. Who begins changes with every turn.
    """
    names, rounds, turns = list(ways), ROUNDS[not setting.quick], TURNS[not setting.quick]
    cpu, wall = (np.empty((rounds, turns, len(names))) for _ in range(2))
    for name in names:
        _started(name, *ways[name])
    for number in range(rounds):
        for turn in range(turns):
            first = (number + turn) % len(names)
            for which in [*range(first, len(names)), *range(first)]:
                found = _started(names[which], *ways[names[which]])
                cpu[number, turn, which], wall[number, turn, which] = found
    return (
        {name: cpu[:, :, which].min(axis=1) for which, name in enumerate(names)},
        {name: wall[:, :, which].min(axis=1) for which, name in enumerate(names)},
    )


def _started(name: str, place: Place, kind: Kind) -> tuple[float, float]:
    found = start(place, kind.event)
    kind.check(name, found.answer)
    return found.cpu_ms, found.wall_ms


def _figures(cpu: Taken, wall: Taken) -> Sequence[Row]:
    rows = []
    for name in (*KINDS, "client"):
        rows.append(base.row(f"cold-{name}-ms", cpu[name], n=None, unit="ms", peer=None))
        rows.append(base.row(f"cold-{name}-wall-ms", wall[name], n=None, unit="ms", peer=None))
    for figure, ours, other, peer in (
        ("cold-dynamodb-vs-boto3", "dynamodb", "boto3", "boto3"),
        ("cold-numpy-vs-stale-bytecode", "numpy", "stale", None),
        ("cold-numpy-vs-plain-numpy", "numpy", "plain", "numpy as it is"),
        ("cold-control", "control", "client", None),
    ):
        rows.append(base.ratio(figure, cpu[ours], cpu[other], n=None, peer=peer))
        rows.append(base.ratio(f"{figure}-wall", wall[ours], wall[other], n=None, peer=peer))
    rows.append(base.row("boto3-cold-ms", cpu["boto3"], n=None, unit="ms", peer="boto3"))
    return rows


def _waterfall(name: str, found: Account) -> list[Row]:
    parts: dict[str, tuple[float, float]] = {}
    for phase, taken in found.phases.items():
        if phase == "imports":
            groups = {group: found.group(group) for group in ("numpy", "onnxruntime", "ours", "others")}
            parts |= {group: taken for group, taken in groups.items() if taken[0]}
        else:
            parts[phase] = taken
    rows = []
    for part, (cpu, wall) in parts.items():
        rows.append(Row(f"waterfall-{name}-{part}", None, cpu, "ms", None))
        rows.append(Row(f"waterfall-{name}-{part}-wall", None, wall, "ms", None))
    count = sum(module.group != "client" for module in found.modules)
    rows.append(Row(f"modules-{name}", None, float(count), "modules", None))
    return rows


def _check_modules(name: str, found: Account) -> None:
    heavy: Sequence[Any] = [one for one in ("botocore", "boto3") if one in found.loaded]
    if heavy:
        raise BenchError(f"the function {name} has imported {', '.join(heavy)}; nothing is worth reporting")
