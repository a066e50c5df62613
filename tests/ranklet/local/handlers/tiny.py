"""Handlers that do one thing each, run by the stock runtime client in the tests of the local cloud."""

import ctypes
import json
import os
import subprocess
import sys
import time
from pathlib import Path

START = time.time()


def echo(event, context):
    return event


def proxy(event, context):
    """Answers an API Gateway event with the event itself."""
    return {"statusCode": 200, "headers": {"content-type": "application/json"}, "body": json.dumps(event)}


def answer(event, context):
    """Answers what the body of the event says, so that a test chooses the reply."""
    return json.loads(event["body"])


def pid(event, context):
    return os.getpid()


def sleep(event, context):
    time.sleep(event)
    return os.getpid()


def boom(event, context):
    raise ValueError("no such film")


def leave(event, context):
    sys.exit(event)


def crash(event, context):
    ctypes.string_at(0)


def big(event, context):
    return "x" * event


def raw(event, context):
    """Bytes reach the Runtime API as they are; these are no JSON."""
    return b"not json"


def unserialisable(event, context):
    return object()


def hog(event, context):
    held = []
    for _ in range(event):
        held.append(b"x" * 1_000_000)
        time.sleep(0.002)
    return len(held)


def talk(event, context):
    print("to stdout")
    print("to stderr", file=sys.stderr)
    print("x" * 300_000)
    sys.stdout.write("without an end")
    return "said"


def path(event, context):
    return {"path": sys.path, "modules": sorted(sys.modules), "cwd": str(Path.cwd()), "flags": str(sys.flags)}


def environ(event, context):
    return dict(os.environ)


def context(event, context):
    return {
        "request_id": context.aws_request_id,
        "arn": context.invoked_function_arn,
        "name": context.function_name,
        "version": context.function_version,
        "memory": context.memory_limit_in_mb,
        "left_ms": context.get_remaining_time_in_millis(),
        "group": context.log_group_name,
        "trace": os.environ.get("_X_AMZN_TRACE_ID"),
    }


def spawn(event, context):
    """Leaves a process of its own behind, in the same group."""
    return subprocess.Popen([sys.executable, "-c", "import time; time.sleep(120)"]).pid


def importing(event, context):
    import layered

    return layered.WHO
