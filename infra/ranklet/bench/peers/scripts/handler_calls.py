"""A Lambda handler called in a loop, without the runtime client: what is left is the function's own.

    python handler_calls.py '{"path": […], "handler": "module.function", "events": {"100": "….json"}}'

One JSON document a line. In: {"event": "100", "calls": 10}. Out: {"cpu": seconds of a call, the least of them,
"answer": the last one's}.
"""

import importlib
import json
import os
import sys
import time


class Context:
    """What handlers ask of Lambda's."""

    aws_request_id, function_name, function_version = "bench", "bench", "$LATEST"
    invoked_function_arn = "arn:aws:lambda:us-east-1:123456789012:function:bench"
    memory_limit_in_mb = 1769

    def get_remaining_time_in_millis(self) -> int:
        return 30_000


def main() -> None:
    out = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # what a function logs is nobody's here
    given = json.loads(sys.argv[1])
    sys.path[:0] = given["path"]
    module, _, name = given["handler"].rpartition(".")
    handler, context = getattr(importlib.import_module(module), name), Context()
    events = {}
    for number, path in given["events"].items():
        with open(path, encoding="utf-8") as file:  # noqa: PTH123 - what is imported here is imported for the handler
            events[number] = json.load(file)
    print(json.dumps({"ready": True}), file=out)
    for line in sys.stdin:
        asked = json.loads(line)
        event, taken = events[asked["event"]], []
        for _ in range(asked["calls"]):
            start = time.process_time_ns()
            answer = handler(event, context)
            taken.append(time.process_time_ns() - start)
        print(json.dumps({"cpu": min(taken) / 1e9, "answer": answer}), file=out)


if __name__ == "__main__":
    main()
