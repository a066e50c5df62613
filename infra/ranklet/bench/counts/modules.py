"""What a function has imported after INIT and one request of each common form, counted in a process of its own.

Counted from what the layers' packages bring by themselves (numpy, onnxruntime and so on, with what they import), so
that another release of theirs changes nothing here: what is left are our modules and what only they need.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from ranklet.errors import BenchError

BROUGHT = ("numpy", "orjson", "msgpack")
SCRIPT = """
import importlib, json, sys
for name in json.loads(sys.argv[1]):
    importlib.import_module(name)
before = set(sys.modules)
import ranklet_runtime.handler as entry
events = json.load(sys.stdin)
statuses = [entry.handler(event, None)["statusCode"] for event in events]
found = sorted(name for name in set(sys.modules) - before if not name.startswith("numpy"))
print(json.dumps({"statuses": statuses, "modules": found}))
"""
KNOWN = Path(__file__).with_name("modules.txt")


def imported(bundle: Path, events: Sequence[Mapping[str, Any]], *, brought: Sequence[str] = ()) -> list[str]:
    """The modules, by name. brought: packages beside BROUGHT. Raises BenchError where a request is refused."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, json.dumps([*BROUGHT, *brought])],
        input=json.dumps(events),
        env={**os.environ, "LAMBDA_TASK_ROOT": str(bundle), "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise BenchError(f"the function does not start: {done.stderr.strip().splitlines()[-1]}")
    # Metrics are written after it, when the process ends.
    found = json.loads(done.stdout.splitlines()[0])
    if set(found["statuses"]) != {200}:
        raise BenchError(f"the function answers {found['statuses']}; nothing was counted")
    modules: list[str] = found["modules"]
    return modules


def unknown(modules: Iterable[str]) -> str:
    """Those that were not there when the budget was set: who made the count grow."""
    return ", ".join(sorted(set(modules) - _known())) or "only modules that were known before"


@cache
def _known() -> frozenset[str]:
    return frozenset(KNOWN.read_text(encoding="utf-8").split())
