"""Budgets of a start: what passes them, and that the culprit is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from ranklet.errors import PackagingError
from ranklet.startup import budget
from ranklet.startup.account import Account, Module, combined
from ranklet.startup.starting import Start


def module(name: str, cpu_ms: float = 0.1, by: str = "ranklet_runtime.function", group: str = "ours") -> Module:
    return Module(name, group, cpu_ms, cpu_ms, 100, by)


def account(*modules: Module) -> Account:
    return Account(50.0, 60.0, modules, {"python": (10.0, 11.0), "client": (25.0, 26.0)}, (), None)


def test_what_a_function_imports_today_is_within_its_budget() -> None:
    budget.check("films", account(*(module(f"m{n}") for n in range(225))), onnx=False, network=False)
    budget.check("films", account(*(module(f"m{n}") for n in range(280))), onnx=True, network=True)


def test_module_that_is_never_worth_it_is_named_with_who_asked() -> None:
    with pytest.raises(PackagingError) as caught:
        budget.check("films", account(module("botocore", by="ranklet_features.stores.mine")), onnx=False, network=True)
    assert "botocore is imported, by ranklet_features.stores.mine" in str(caught.value)
    assert "ranklet build films --why-slow" in str(caught.value)


def test_too_many_modules_name_the_slowest() -> None:
    many = [module("pandas_like", 9.0), *(module(f"m{n}") for n in range(225))]
    (found,) = budget.over(account(*many), onnx=False, network=False)
    assert found.startswith("226 modules are imported, 225 are allowed; the slowest are pandas_like, ")
    assert list(budget.over(account(*many), onnx=False, network=True)) == []


def test_modules_of_the_runtime_client_are_not_counted() -> None:
    many = [module(f"c{n}", 9.0, group="client") for n in range(500)]
    assert list(budget.over(account(*many), onnx=False, network=False)) == []


def test_imports_are_held_against_the_interpreter_and_the_client() -> None:
    (found,) = budget.over(account(module("slow", 150.0)), onnx=False, network=False)
    assert "imports take 150 ms of CPU, 4.3 times" in found and "slow 150.0 ms" in found
    assert list(budget.over(account(module("slow", 150.0)), onnx=True, network=False)) == []


def test_layers_above_their_budget_name_the_largest_packages(tmp_path: Path) -> None:
    sizes = {"features/python/numpy": 30, "features/python/orjson": 1, "inference/python/msgpack": 40}
    for name, megabytes in sizes.items():
        (tmp_path / name).mkdir(parents=True)
        with (tmp_path / name / "x.so").open("wb") as file:
            file.truncate(megabytes * budget.MB)
    layers = {name: tmp_path / name for name in ("features", "inference")}
    with pytest.raises(PackagingError) as caught:
        budget.check_layers(layers)
    assert "features, inference take 71.0 MB unpacked, 65 MB are allowed: msgpack in inference 40.0 MB" in str(
        caught.value
    )
    (tmp_path / "onnx" / "python").mkdir(parents=True)
    assert budget.check_layers({**layers, "onnx": tmp_path / "onnx"}) == 71 * budget.MB


def start(cpu: int, extra: int = 0) -> Start:
    spans = [
        ["json", "import", 2_000_000, 2_000_000, "awslambdaric.main"],
        ["awslambdaric.main", "import", 5_000_000 + extra, 5_000_000, ""],
        ["struct", "import", 1_000_000, 1_000_000, "numpy"],
        ["numpy", "import", 20_000_000 + extra, 30_000_000, "ranklet_runtime.handler"],
        ["ranklet_runtime.handler", "import", 3_000_000, 3_000_000, ""],
        ["zlib", "import", 500_000, 500_000, "init"],
        ["client", "phase", 1_000_000, 1_000_000, ""],
        ["init", "phase", 4_000_000, 4_000_000, "ranklet_runtime.handler"],
        ["client", "phase", 1_000_000, 1_000_000, ""],
    ]
    traced = {"begun": [10_000_000, 1_015_000_000], "spans": spans, "modules": {"json": None, "numpy": None}}
    return Start(cpu, 60.0, {"statusCode": 200}, 1_000_000_000, traced)


def test_account_takes_the_least_of_each_span_and_gives_modules_to_who_asked() -> None:
    found = combined([start(70, 10), start(60), start(80, 3_000)])
    assert {one.name: one.group for one in found.modules} == {
        "json": "client",
        "awslambdaric.main": "client",
        "struct": "numpy",
        "numpy": "numpy",
        "ranklet_runtime.handler": "ours",
        "zlib": "ours",
    }
    assert found.modules[0].name == "numpy" and found.modules[0].cpu_ms == 20.0
    assert found.group("numpy") == (21.0, 31.0)
    assert found.phases == {
        "python": (10.0, 15.0),
        "client": (9.0, 9.0),
        "imports": (24.5, 34.5),
        "init": (4.0, 4.0),
    }
    assert found.cpu_ms == 60
