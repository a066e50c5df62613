"""For whom a layer is built."""

from __future__ import annotations

import sys

import pytest

from ranklet.errors import PackagingError
from ranklet.packaging.targets import host_target, lambda_target


@pytest.mark.parametrize(("architecture", "machine"), [("x86_64", "x86_64"), ("arm64", "aarch64")])
def test_lambda_takes_wheels_of_its_machine_up_to_glibc_2_28(architecture: str, machine: str) -> None:
    target = lambda_target(architecture)
    assert target.python == (3, 13)
    assert target.platforms[0] == f"manylinux_2_28_{machine}"
    assert all(tag.endswith(f"_{machine}") for tag in target.platforms)
    assert {f"manylinux_2_27_{machine}", f"manylinux2014_{machine}", f"manylinux_2_17_{machine}"} <= set(
        target.platforms
    )
    assert not any("_2_29_" in tag or "_2_34_" in tag for tag in target.platforms)


def test_arm_has_no_wheels_older_than_its_first_glibc() -> None:
    assert "manylinux1_x86_64" in lambda_target("x86_64").platforms
    assert lambda_target("arm64").platforms[-1] == "manylinux2014_aarch64"


def test_host_is_the_running_interpreter() -> None:
    target = host_target()
    assert target.python == sys.version_info[:2]
    assert target.platforms == ()
    assert "/" not in target.name and target.name.startswith(f"python{sys.version_info[0]}.{sys.version_info[1]}-")


def test_targets_have_names_of_their_own() -> None:
    assert len({lambda_target("x86_64").name, lambda_target("arm64").name, host_target().name}) == 3


def test_unknown_architecture_is_refused_with_the_known_ones() -> None:
    with pytest.raises(PackagingError, match="no architecture 'riscv64'; allowed: x86_64, arm64"):
        lambda_target("riscv64")
