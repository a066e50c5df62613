"""The Lambda entry point, `ranklet_runtime.handler.handler`; importing it is the function's INIT."""

import os

from ranklet_runtime import first

first.settle()

from pathlib import Path  # noqa: E402

import numpy as np  # noqa: E402

from ranklet_runtime import marshaller, polling  # noqa: E402
from ranklet_runtime.function import Function  # noqa: E402

marshaller.install()
polling.install(os.environ)
np.seterr(over="ignore", invalid="ignore")  # what overflows is refused by name; the log need not tell it as well
handler = Function.open(Path(os.environ["LAMBDA_TASK_ROOT"]), os.environ)
handler.scorer.verify()
started_as = os.environ.get("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand")
at_once = started_as != "on-demand"
if at_once:
    handler.prepare()
first.keep()
handler.telemetry.start(at_once=at_once)
if started_as == "snap-start":
    from ranklet_runtime import restored  # asks for AWS's registry of hooks

    restored.register(handler)
