"""The DynamoDB that is read: ranklet's wire server in a process of its own, so that no client pays for it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ranklet.errors import BenchError

REGION = "us-east-1"
STOP_S = 10.0


@contextmanager
def running(tables: Path) -> Iterator[str]:
    """Serve the staged tables of a folder; the endpoint's URL. Raises BenchError when the process does not start."""
    command = [sys.executable, "-m", "ranklet.bench.tables.serving", str(tables)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            if not (url := process.stdout.readline().strip()):
                raise BenchError("the local DynamoDB did not start; its reason is on stderr")
            yield url
        finally:
            # The end of its input is its sign to stop; it ends with this process, however that ends.
            process.stdin.close()
            try:
                process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()


def environ(url: str) -> dict[str, str]:
    """What Lambda's environment would say of an endpoint; the secrets are none."""
    return {
        "AWS_REGION": REGION,
        "AWS_ACCESS_KEY_ID": "bench",
        "AWS_SECRET_ACCESS_KEY": "bench",
        "AWS_ENDPOINT_URL_DYNAMODB": url,
    }
