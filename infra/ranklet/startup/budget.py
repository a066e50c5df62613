"""What a function's start may cost. Who grows it sees the build fail, with the culprit named.

Modules and bytes are counted, and alike on every machine. Time is not: what code and layers take to import is held
against what the interpreter and the runtime client took in the same process, and only far beyond what it is today.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from ranklet import tree
from ranklet.errors import PackagingError

if TYPE_CHECKING:
    from ranklet.startup.account import Account

MB = 1_000_000
LAYERS = {False: 65 * MB, True: 105 * MB}
"""Unpacked, with bytecode; by whether onnxruntime is among them."""
ZIPPED = 30 * MB
"""Of all three layers."""
MODULES = {False: 225, True: 225}
"""Imported by code and layers until the first answer, with what these import of the standard library."""
NETWORK = 55
"""More of them for a function that reads tables over the network: sockets, TLS, signatures."""
TIMES = {False: 4.0, True: 5.0}
"""CPU of those imports over that of the interpreter's start and the runtime client."""
NEVER = frozenset({
    "aiohttp", "asyncio", "aws_lambda_powertools", "boto3", "botocore", "fastapi", "jmespath", "multiprocessing",
    "numpy.f2py", "numpy.fft", "numpy.ma.core", "numpy.polynomial", "numpy.random", "numpy.testing", "onnx", "pandas",
    "pydantic", "requests", "sqlite3", "typing_extensions", "unittest", "urllib3", "xml.etree",
})  # fmt: skip
"""Each of them costs more than it is worth before a first answer; Powertools loads when there is something to tell."""


def check_layers(layers: Mapping[str, Path]) -> int:
    """The bytes of a function's layers, by name. Raises PackagingError with what is largest in them."""
    total, most = sum(map(tree.size, layers.values())), LAYERS["onnx" in layers]
    if total <= most:
        return total
    parts = [
        (tree.size(part), f"{part.name} in {name}")
        for name, folder in layers.items()
        for part in (folder / "python").iterdir()
        if part.is_dir()
    ]
    largest = ", ".join(f"{part} {size / MB:.1f} MB" for size, part in sorted(parts, reverse=True)[:4])
    raise PackagingError(
        f"the layers {', '.join(layers)} take {total / MB:.1f} MB unpacked, {most / MB:.0f} MB are allowed: {largest}; "
        "leave out what no function needs (ranklet/packaging/prune.py), or raise the budget (ranklet/startup/budget.py)"
    )


def check(model: str, account: Account, *, onnx: bool, network: bool) -> None:
    """Raises PackagingError with everything in which a start passes its budget."""
    if found := list(over(account, onnx=onnx, network=network)):
        listed = "\n".join(f"- {one}" for one in found)
        raise PackagingError(
            f"{model} starts more slowly than its budget allows:\n{listed}\n`ranklet build {model} --why-slow` tells "
            "what each module takes; the budget is in ranklet/startup/budget.py"
        )


def modules(*, onnx: bool, network: bool) -> int:
    """How many modules a function may import."""
    return MODULES[onnx] + (NETWORK if network else 0)


def over(account: Account, *, onnx: bool, network: bool) -> Iterator[str]:
    """Each thing that passes the budget, with its culprit. network: whether it reads tables, or artefacts, over it."""
    ours = [module for module in account.modules if module.group != "client"]
    by = {module.name: module.by for module in account.modules}
    for name in sorted(NEVER & set(by)):
        yield f"{name} is imported, by {by[name] or 'the interpreter'}"
    if len(ours) > (most := modules(onnx=onnx, network=network)):
        heavy = ", ".join(module.name for module in ours[:5])
        yield f"{len(ours)} modules are imported, {most} are allowed; the slowest are {heavy}"
    own = sum(module.cpu_ms for module in ours)
    stock = sum(account.phases.get(name, (0.0, 0.0))[0] for name in ("python", "client"))
    if own > TIMES[onnx] * stock:
        worst = ", ".join(f"{module.name} {module.cpu_ms:.1f} ms" for module in ours[:5])
        yield (
            f"imports take {own:.0f} ms of CPU, {own / stock:.1f} times the interpreter and the runtime client "
            f"({stock:.0f} ms), {TIMES[onnx]:.0f} times are allowed: {worst}"
        )
