"""The stock runtime client with a stopwatch: what each import and each phase took, written down at the first answer.

Run as `python traced.py FILE HANDLER` with the environment of a function. It imports nothing that the interpreter does
not hold already, so that whoever imports a module first pays for it, as in a function without the stopwatch.

Written is one JSON document: `begun` (CPU and wall so far, at the first line), `spans` (name, kind, CPU and wall of its
own, within which other span; in the order in which they ended) and `modules` (name → file). Nanoseconds; wall on the
monotonic clock.
"""

# mypy: ignore-errors
# Types would ask for an import.

from time import perf_counter_ns, process_time_ns

BEGUN = (process_time_ns(), perf_counter_ns())

import _frozen_importlib  # noqa: E402
import sys  # noqa: E402

CLIENT = "awslambdaric.lambda_runtime_client"
PHASES = {
    "ranklet_runtime.integrity": {"verify": "digests"},
    "ranklet_runtime.manifest": {"Manifest.read": "manifest"},
    "ranklet_features.stores": {"open_store": "tables"},
    "ranklet_features.plan": {"FeaturePlan.compile": "features"},
    "ranklet_runtime.engines": {"open_engine": "session"},
    "ranklet_runtime.scorer": {"Scorer.verify": "tables"},
    "ranklet_runtime.function": {
        "Function.open": "init",
        "Function.prepare": "warm-up",
        "Function.__call__": "request",
    },
    CLIENT: {"BaseLambdaRuntimeClient.wait_next_invocation": "client"},
}
"""Module → its functions → the phase whose time they are, but for what other phases and imports within them take."""
ANSWERED = {CLIENT: "BaseLambdaRuntimeClient.post_invocation_result"}

spans: list = []
inner: list = [[0, 0, ""]]
find_and_load = _frozen_importlib._find_and_load


def measured(name, group, call, *given, **named):
    """Call, and note what of it was its own."""
    inner.append([0, 0, name])
    wall, cpu = perf_counter_ns(), process_time_ns()
    try:
        return call(*given, **named)
    finally:
        cpu, wall = process_time_ns() - cpu, perf_counter_ns() - wall
        spent = inner.pop()
        inner[-1][0] += cpu
        inner[-1][1] += wall
        spans.append((name, group, cpu - spent[0], wall - spent[1], inner[-1][2]))


def load(name, import_):
    """In place of the import system's own, for modules that are not there yet."""
    if sys.modules.get(name) is not None:
        return find_and_load(name, import_)
    module = measured(name, "import", find_and_load, name, import_)
    for function, phase in PHASES.get(name, {}).items():
        replace(sys.modules[name], function, phase)
    if name in ANSWERED:
        replace(sys.modules[name], ANSWERED[name], None)
    return module


def replace(module, path, phase):
    """Put a measured function in a function's place. phase: None for the one that ends the account."""
    owner, _, name = path.rpartition(".")
    place = getattr(module, owner) if owner else module
    known = vars(place)[name]
    bound = isinstance(known, classmethod)
    call = known.__func__ if bound else known

    def wrapped(*given, **named):
        if phase is not None:
            return measured(phase, "phase", call, *given, **named)
        answer = measured("client", "phase", call, *given, **named)
        finish()
        return answer

    setattr(place, name, classmethod(wrapped) if bound else wrapped)


def finish():
    """Write the account, once."""
    if spans:
        ended = process_time_ns(), perf_counter_ns()
        files = {name: getattr(module, "__file__", None) for name, module in list(sys.modules.items())}
        found = {"begun": BEGUN, "ended": ended, "spans": spans[:], "modules": files}
        spans.clear()
        # The runtime client has them.
        import json
        import os

        with open(f"{sys.argv[1]}.part", "w") as out:  # noqa: PTH123
            json.dump(found, out)
        os.replace(f"{sys.argv[1]}.part", sys.argv[1])  # noqa: PTH105


if __name__ == "__main__":
    _frozen_importlib._find_and_load = load
    from awslambdaric.__main__ import main

    main(["awslambdaric", sys.argv[2]])
