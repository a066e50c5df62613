"""Lambda's own words: the payloads that it answers when a function could not.

The texts are those of the service, so that a client (or a test) that reads them finds what it would find in AWS.
"""

from __future__ import annotations

import signal

import orjson

from ranklet.local.function import REQUEST_LIMIT, RESPONSE_LIMIT

_GO_SIGNALS = {
    signal.SIGABRT: "aborted",
    signal.SIGFPE: "floating point exception",
    signal.SIGILL: "illegal instruction",
    signal.SIGINT: "interrupt",
    signal.SIGKILL: "killed",
    signal.SIGSEGV: "segmentation fault",
    signal.SIGTERM: "terminated",
}


def timed_out(request_id: str, timeout_s: float) -> bytes:
    """The function ran into its deadline."""
    return _error("Sandbox.Timedout", f"RequestId: {request_id} Error: Task timed out after {timeout_s:.2f} seconds")


def exited(request_id: str, returncode: int) -> bytes:
    """The process ended without an answer; `returncode` as subprocess counts it, negative for a signal."""
    return _error("Runtime.ExitError", f"RequestId: {request_id} Error: {exit_text(returncode)}")


def exit_text(returncode: int) -> str:
    """How Lambda's log names the end of a process."""
    if returncode == 0:
        return "Runtime exited without providing a reason"
    if returncode > 0:
        return f"Runtime exited with error: exit status {returncode}"
    try:
        name = _GO_SIGNALS[signal.Signals(-returncode)]
    except (ValueError, KeyError):
        name = str(-returncode)
    return f"Runtime exited with error: signal: {name}"


def response_too_large() -> bytes:
    """The answer is above 6 291 556 bytes."""
    return _error(
        "Function.ResponseSizeTooLarge",
        f"Response payload size exceeded maximum allowed payload size ({RESPONSE_LIMIT} bytes).",
    )


def throttled(*, reserved: bool) -> bytes:
    """Every environment that the function may have is busy."""
    kind = "Reserved" if reserved else ""
    reason = f"{kind}{'Function' if reserved else ''}ConcurrentInvocationLimitExceeded"
    return orjson.dumps({"Reason": reason, "Type": "User", "message": "Rate Exceeded."})


def request_too_large(size: int) -> bytes:
    """The event is above 6 MB."""
    text = f"{size} byte payload is too large for the RequestResponse invocation type (limit {REQUEST_LIMIT} bytes)"
    return orjson.dumps({"Type": "User", "message": text})


def invalid_json(detail: str) -> bytes:
    """The event is not JSON."""
    text = f"Could not parse request body into json: {detail}"
    return orjson.dumps({"Type": "User", "message": text})


def _error(kind: str, message: str) -> bytes:
    return orjson.dumps({"errorType": kind, "errorMessage": message})
