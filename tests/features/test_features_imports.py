"""What a cold start pays for: the modules that feature assembly brings along are held to a list."""

from __future__ import annotations

import subprocess
import sys

ASSEMBLE = """
import sys
before = set(sys.modules)
from pathlib import Path
from ranklet_features import Feature, FeatureSpec, Input
assert "numpy" not in sys.modules, "the records alone must not bring numpy"
from ranklet_features import FeaturePlan
inputs = {
    "a": Input("user", "int"), "l": Input("user", "string", list=True), "n": Input("item", "int"),
    "p": Input("item"), "t": Input("context", "int"),
}
features = {
    "d": Feature("dense", ("p", "n"), {"clip": [0, 9], "log": True}),
    "c": Feature("category", ("n",), {"size": 5, "oov": "hash", "oov_buckets": 3}),
    "v": Feature("category", ("n",), {"vocabulary": [1, 2]}),
    "b": Feature("bag", ("l",), {"buckets": 7, "length": 3, "mask": True}),
    "k": Feature("bucket", ("a",), {"boundaries": [18]}),
    "x": Feature("cross", ("b", "c", "k"), {"buckets": 9}),
    "h": Feature("time", ("t",), {"part": "month", "cyclic": True}),
}
plan = FeaturePlan.compile(FeatureSpec(inputs, features), Path(), {})
plan.assemble({"a": 1, "l": ["x", "y", "z", "w"]}, {"t": 5}, {"n": [1, 7], "p": [0.5, 2.0]})
plan.assemble_columns({"a": [1], "l": [["x"]], "t": [5], "n": [1], "p": [0.5]})
third = {name.partition(".")[0] for name in set(sys.modules) - before} - sys.stdlib_module_names
print(*sorted(third))
"""


def test_only_numpy_and_orjson_are_imported() -> None:
    run = [sys.executable, "-W", "error", "-c", ASSEMBLE]
    done = subprocess.run(run, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    assert set(done.stdout.split()) <= {"numpy", "orjson", "ranklet_features"}
    assert "numpy" in done.stdout


def test_heavy_standard_modules_stay_out() -> None:
    """asyncio, http, ssl and unittest each cost milliseconds and are nothing that features need."""
    script = ASSEMBLE.replace("print(*sorted(third))", "print(*sorted(set(sys.modules) - before))")
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    loaded = set(done.stdout.split())
    assert "ranklet_features.plan" in loaded
    assert not loaded & {"asyncio", "http.client", "ssl", "unittest", "multiprocessing", "sqlite3", "xml.etree"}
