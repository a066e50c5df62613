"""awslambdaric asks for events and posts answers through `ranklet_runtime.wire`, without a thread for each of them.

From Python 3.12 on it waits for an event in a new thread, so that the main one can process signals meanwhile; that and
its libcurl take some 70 µs of CPU time a request, more than all that is ours for 100 candidates. Python's own sockets
let signals through, so the question is asked where the executor would be: in the main thread.

Its loop also puts each request's trace id into the environment of the process, and what C's setenv is given it never
frees: 100 to 160 bytes a request, 20 MB after 200 000. From here on the id stands in os.environ alone, where whoever
reads it in Python finds it (Powertools, X-Ray's and OpenTelemetry's libraries).

Why this is safe: awslambdaric names the module in C++, its executor and what sets the id in attributes of its own
modules and its client, and goes on calling what stands there as before. A client that looks different from the one we
know, one that serves several requests at a time, and a function with RANKLET_RUNTIME_CLIENT=stock are left alone.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from typing import Any

CLIENT, SINGLE, EXECUTOR, ORIGINAL = (
    "awslambdaric.lambda_runtime_client",
    "LambdaRuntimeClient",
    "ThreadPoolExecutor",
    "runtime_client",
)
KNOWN = {
    "wait_next_invocation": frozenset({EXECUTOR, "submit", "result", "_get_next"}),
    "_get_next": frozenset({ORIGINAL, "next"}),
    "post_invocation_result": frozenset({ORIGINAL, "post_invocation_result"}),
}
"""Methods of the client → what they name."""

BOOTSTRAP, SETTER, TRACE = "awslambdaric.bootstrap", "update_xray_env_variable", "_X_AMZN_TRACE_ID"

ADDRESS, SEVERAL = "AWS_LAMBDA_RUNTIME_API", "AWS_LAMBDA_MAX_CONCURRENCY"
SWITCH, STOCK = "RANKLET_RUNTIME_CLIENT", "stock"


def install(environ: Mapping[str, str]) -> bool:
    """Let the running awslambdaric, if there is one, speak through our socket; says whether it does."""
    module: Any = sys.modules.get(CLIENT)
    client = getattr(module, SINGLE, None)
    address = environ.get(ADDRESS)
    if client is None or not address or SEVERAL in environ or environ.get(SWITCH) == STOCK or not _known(client):
        return False
    # Imported here: a build that opens a bundle has no Runtime API.
    from ranklet_runtime.wire import RuntimeApi

    original = getattr(module, ORIGINAL, None)
    if isinstance(original, RuntimeApi):
        return True
    agent = getattr(module, "_user_agent", None)
    if original is None or agent is None:
        return False
    setattr(module, ORIGINAL, RuntimeApi(address, agent(), original))
    # A property of the class stands above what the client has set in itself when it was made.
    here = Here()
    setattr(client, EXECUTOR, property(lambda _: here, lambda _, executor: None))
    _keep_trace_ids_in_python()
    return True


def before_each(call: Callable[[], object]) -> bool:
    """Have `call` made before each question, in the main thread; False where the runtime client is not ours.

    The answer to the last request has been posted by then: nobody waits for what is done here, though it is billed.
    """
    wire: Any = sys.modules.get("ranklet_runtime.wire")
    api = getattr(sys.modules.get(CLIENT), ORIGINAL, None)
    if wire is None or not isinstance(api, wire.RuntimeApi):
        return False
    api.before = call
    return True


def _keep_trace_ids_in_python() -> None:
    loop: Any = sys.modules.get(BOOTSTRAP)
    code = getattr(getattr(loop, SETTER, None), "__code__", None)
    known: Any = getattr(os.environ, "_data", None)
    if code is None or code.co_argcount != 1 or code.co_names != ("os", "environ") or type(known) is not dict:
        return
    name = os.fsencode(TRACE)

    def update(trace_id: str | None) -> None:
        if trace_id is None:
            known.pop(name, None)
        else:
            known[name] = os.fsencode(trace_id)

    setattr(loop, SETTER, update)


def _known(client: Any) -> bool:
    for name, names in KNOWN.items():
        code = getattr(getattr(client, name, None), "__code__", None)
        if code is None or not names.issubset(code.co_names):
            return False
    return True


class Here:
    """As much of an executor as the client asks for, and of a future: it does the work where it is told to."""

    def __init__(self) -> None:
        self._answer: Any = None

    def __call__(self, max_workers: int) -> Here:
        """In place of the class."""
        return self

    def __enter__(self) -> Here:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing is left to wait for."""

    def submit(self, work: Callable[[], Any]) -> Here:
        """Do it; what it raises is raised here, which is where the client expects it."""
        self._answer = work()
        return self

    def result(self) -> Any:
        """What came of it; kept no longer."""
        answer, self._answer = self._answer, None
        return answer
