"""The Lambda entry point of a funnel, `ranklet_runtime.funnel.handler.handler`; importing it is the function's INIT."""

import gc
import os

# As in `ranklet_runtime.handler`, which says why.
for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

gc.disable()

from ranklet_runtime import later  # noqa: E402

later.install()

from pathlib import Path  # noqa: E402

from ranklet_runtime import marshaller, polling  # noqa: E402
from ranklet_runtime.funnel.function import FunnelFunction  # noqa: E402

marshaller.install()
polling.install(os.environ)
handler = FunnelFunction.open(Path(os.environ["LAMBDA_TASK_ROOT"]), os.environ)
handler.scorer.verify()
started_as = os.environ.get("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand")
gc.freeze()
gc.enable()
gc.collect()
handler.telemetry.start(at_once=started_as != "on-demand")
if started_as == "snap-start":
    # Imported here: it asks for AWS's registry of hooks.
    from ranklet_runtime import restored

    restored.register(handler)
