"""A layer's requirements.txt: plain `name==version` lines, with environment markers read for the target.

pip evaluates markers for the interpreter that runs it, even when it installs for another, so they are evaluated
here and pip is handed what is left.
"""

from __future__ import annotations

from pathlib import Path

from packaging.markers import default_environment
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from ranklet.errors import PackagingError
from ranklet.packaging.targets import Target


def read(path: Path, target: Target) -> tuple[str, ...]:
    """The pins that hold for the target, `name==version`, sorted by name.

    Raises PackagingError with file and line for anything but an exact pin, and for two pins of one package.
    """
    environment: dict[str, str] = {**_running(), **target.markers}
    chosen: dict[str, str] = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        text = line.split("#", 1)[0].strip()
        if not text:
            continue
        where = f"{path}:{number}"
        requirement = _exact(text, where)
        if requirement.marker is not None and not requirement.marker.evaluate(environment):
            continue
        name = canonicalize_name(requirement.name)
        if name in chosen:
            raise PackagingError(f"{where}: a second pin of {name} holds for {target.name}; keep one ({chosen[name]})")
        chosen[name] = f"{name}{requirement.specifier}"
    return tuple(chosen[name] for name in sorted(chosen))


def _running() -> dict[str, str]:
    return {name: str(value) for name, value in default_environment().items()}


def _exact(text: str, where: str) -> Requirement:
    try:
        requirement = Requirement(text)
    except InvalidRequirement as error:
        raise PackagingError(f"{where}: {text!r} is no pin; write name==version, with a marker if need be") from error
    versions = list(requirement.specifier)
    exact = len(versions) == 1 and versions[0].operator == "==" and "*" not in versions[0].version
    if not exact or requirement.url or requirement.extras:
        raise PackagingError(
            f"{where}: {text!r} is not exact; write name==version (one version, no extras, no address), because a "
            "layer is built without resolving dependencies"
        )
    return requirement
