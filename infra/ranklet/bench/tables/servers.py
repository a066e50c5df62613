"""The DynamoDB that is read: a process of its own, so that a client's CPU time is the client's alone.

It listens twice. `wire` is ranklet's local DynamoDB. `canned` answers a request that it has seen with the very bytes
that `wire` answered before: every client gets the same HTTP bytes over a real socket, without waiting for them to be
made.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ranklet.errors import BenchError

REGION = "us-east-1"
STOP_S = 10.0


@dataclass(frozen=True)
class Endpoints:
    """URLs."""

    wire: str
    canned: str

    @staticmethod
    def environ(url: str) -> dict[str, str]:
        """What Lambda's environment would say of an endpoint; the secrets are none."""
        return {
            "AWS_REGION": REGION,
            "AWS_ACCESS_KEY_ID": "bench",
            "AWS_SECRET_ACCESS_KEY": "bench",
            "AWS_ENDPOINT_URL_DYNAMODB": url,
        }


@contextmanager
def running(tables: Path) -> Iterator[Endpoints]:
    """Serve the staged tables of a folder. Raises BenchError when the process does not start."""
    command = [sys.executable, "-m", "ranklet.bench.tables.serving", str(tables)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            urls = process.stdout.readline().split()
            if len(urls) != 2:
                raise BenchError("the local DynamoDB did not start; its reason is on stderr")
            yield Endpoints(*urls)
        finally:
            # The end of its input is its sign to stop; it ends with this process, however that ends.
            process.stdin.close()
            try:
                process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()
