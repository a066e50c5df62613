"""For whom a layer is built: a Python minor, platform tags and an architecture."""

from __future__ import annotations

import platform
import sys
import sysconfig
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from ranklet.errors import PackagingError

MACHINES = {"x86_64": "x86_64", "arm64": "aarch64"}
"""Lambda's name of an architecture → the kernel's, which wheels use."""

OLDEST_GLIBC_MINOR = {"x86_64": 5, "aarch64": 17}
"""The first `manylinux` tag of each machine (PEP 600: glibc 2.5 and 2.17)."""


@dataclass(frozen=True)
class Target:
    """A Python on a platform.

    name: stands in folder names. python: (major, minor) of CPython. architecture: as Lambda names it (`x86_64`,
    `arm64`), for a host whatever its kernel says. platforms: the wheel tags that load there, best first; empty for
    the running interpreter, which pip knows better than any list. markers: what PEP 508 environment markers are
    evaluated against; names that are absent take the running interpreter's value.
    """

    name: str
    python: tuple[int, int]
    architecture: str
    platforms: tuple[str, ...]
    markers: Mapping[str, str]


def lambda_target(architecture: str) -> Target:
    """Lambda's python3.13 (Amazon Linux 2023) on `x86_64` or `arm64`.

    Its glibc is 2.34; 2.28 is what the wheels of numpy and onnxruntime ask for at most.
    """
    if architecture not in MACHINES:
        raise PackagingError(f"Lambda has no architecture {architecture!r}; allowed: {', '.join(MACHINES)}")
    machine = MACHINES[architecture]
    return Target(
        name=f"python3.13-manylinux_2_28_{machine}",
        python=(3, 13),
        architecture=architecture,
        platforms=tuple(_manylinux(machine, newest=28)),
        markers=MappingProxyType(
            {
                "implementation_name": "cpython",
                "implementation_version": "3.13.0",
                "os_name": "posix",
                "platform_machine": machine,
                "platform_python_implementation": "CPython",
                "platform_release": "",
                "platform_system": "Linux",
                "platform_version": "",
                "python_full_version": "3.13.0",
                "python_version": "3.13",
                "sys_platform": "linux",
            }
        ),
    )


def host_target() -> Target:
    """The running interpreter: what `ranklet serve` runs functions with."""
    python = (sys.version_info.major, sys.version_info.minor)
    machine = platform.machine().lower()
    return Target(
        name=f"python{python[0]}.{python[1]}-{sysconfig.get_platform().replace('-', '_').replace('.', '_')}",
        python=python,
        architecture={"amd64": "x86_64", "aarch64": "arm64"}.get(machine, machine),
        platforms=(),
        markers=MappingProxyType({}),
    )


def _manylinux(machine: str, *, newest: int) -> list[str]:
    """Every manylinux tag up to glibc 2.`newest`, newest first: pip takes `--platform` literally."""
    legacy = {17: "manylinux2014", 12: "manylinux2010", 5: "manylinux1"}
    tags = []
    for minor in range(newest, OLDEST_GLIBC_MINOR[machine] - 1, -1):
        tags.append(f"manylinux_2_{minor}_{machine}")
        if minor in legacy:
            tags.append(f"{legacy[minor]}_{machine}")
    return tags
