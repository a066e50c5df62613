"""Pins hold for the target, not for the Python that builds."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from ranklet.errors import PackagingError
from ranklet.packaging import pins
from ranklet.packaging.layers import NAMES, SOURCES
from ranklet.packaging.targets import host_target, lambda_target

X86, ARM = lambda_target("x86_64"), lambda_target("arm64")


def read(tmp_path: Path, text: str, target=X86) -> tuple[str, ...]:
    path = tmp_path / "requirements.txt"
    path.write_text(text)
    return pins.read(path, target)


def test_markers_are_read_for_the_target(tmp_path: Path) -> None:
    text = 'numpy==2.5.5; python_version >= "3.12"\nnumpy==2.4.6; python_version < "3.12"\n'
    older = dataclasses.replace(X86, markers={**X86.markers, "python_version": "3.11", "python_full_version": "3.11.9"})
    assert read(tmp_path, text) == ("numpy==2.5.5",)
    assert read(tmp_path, text, older) == ("numpy==2.4.6",)


@pytest.mark.parametrize(
    ("marker", "x86", "arm"),
    [
        ('platform_machine == "aarch64"', False, True),
        ('platform_machine == "x86_64"', True, False),
        ('sys_platform == "linux" and implementation_name == "cpython"', True, True),
        ('sys_platform == "darwin" or os_name == "nt" or platform_system == "Windows"', False, False),
        ('python_full_version >= "3.13"', True, True),
        ('extra == "all"', False, False),
    ],
)
def test_each_marker_is_the_targets_own(tmp_path: Path, marker: str, x86: bool, arm: bool) -> None:
    text = f"one==1; {marker}\n"
    assert bool(read(tmp_path, text)) is x86
    assert bool(read(tmp_path, text, ARM)) is arm


def test_comments_and_order_do_not_matter(tmp_path: Path) -> None:
    assert read(tmp_path, "# head\n\nb_x==2  # why\nA.b==1.0.post1\n") == ("a-b==1.0.post1", "b-x==2")


@pytest.mark.parametrize(
    "line",
    [
        "numpy",
        "numpy>=2",
        "numpy==2.*",
        "numpy==2,!=2.1",
        "numpy[all]==2",
        "numpy @ file:///numpy.whl",
        "-r other.txt",
        "==2",
    ],
)
def test_what_is_no_exact_pin_is_refused_with_its_line(tmp_path: Path, line: str) -> None:
    with pytest.raises(PackagingError, match=r"requirements\.txt:2: .*write name==version"):
        read(tmp_path, f"# pins\n{line}\n")


def test_two_pins_that_hold_are_refused(tmp_path: Path) -> None:
    with pytest.raises(PackagingError, match=r":2: a second pin of b-x holds"):
        read(tmp_path, "b_x==1\nB-x==2\n")


@pytest.mark.parametrize("layer", NAMES)
def test_the_real_layers_are_exact_for_every_target(layer: str) -> None:
    for target in (X86, ARM, host_target()):
        assert pins.read(SOURCES / layer / "requirements.txt", target)
