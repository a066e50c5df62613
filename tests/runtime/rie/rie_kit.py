"""AWS's Runtime Interface Emulator, the Runtime API as AWS itself writes it, which the SAM CLI's wheel carries."""

from __future__ import annotations

import contextlib
import http.client
import importlib.util
import json
import os
import platform
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

RUNS_HERE = sys.platform == "linux" and platform.machine() == "x86_64"
PATH = "/2015-03-31/functions/function/invocations"


class Emulator:
    """One that runs a function. logged: where it and the function write."""

    def __init__(self, port: int, logged: Path) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self._logged = logged

    def invoke(self, event: Any, **headers: str) -> bytes:
        """What the function answers; events that are not bytes are sent as JSON, all over one connection."""
        body = event if isinstance(event, bytes) else json.dumps(event).encode()
        self._connection.request("POST", PATH, body, {name.replace("_", "-"): value for name, value in headers.items()})
        with self._connection.getresponse() as answer:
            return answer.read()

    def ask(self, event: Any, **headers: str) -> Any:
        """The same, read as JSON."""
        return json.loads(self.invoke(event, **headers))

    def close(self) -> None:
        """Nothing more is asked."""
        self._connection.close()

    @property
    def log(self) -> str:
        """All that was written."""
        return self._logged.read_text(encoding="utf-8", errors="replace")


@contextlib.contextmanager
def emulator(folder: Path, *command: str, **environ: str) -> Iterator[Emulator]:
    """Run `command` in a new folder as the function's runtime, as Lambda would run Python's."""
    folder.mkdir()
    api, port = _ports(2)
    addresses = [
        "--runtime-api-address",
        f"127.0.0.1:{api}",
        "--runtime-interface-emulator-address",
        f"127.0.0.1:{port}",
    ]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [_binary(), "--log-level", "info", *addresses, *command],
            cwd=folder,
            env={**os.environ, "AWS_EXECUTION_ENV": f"AWS_Lambda_python3.{sys.version_info[1]}", **environ},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    found = Emulator(port, folder / "log")
    try:
        _listening(port, process)
        yield found
    finally:
        found.close()
        process.terminate()  # the function with it
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(20)


def _binary() -> Path:
    spec = importlib.util.find_spec("samcli")
    assert spec is not None and spec.submodule_search_locations, "run it as tests/oracles.py rie"
    return Path(next(iter(spec.submodule_search_locations))) / "local" / "rapid" / "aws-lambda-rie-x86_64"


def _ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        found = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [one.getsockname()[1] for one in found]


def _listening(port: int, process: subprocess.Popen[bytes]) -> None:
    for _ in range(200):
        assert process.poll() is None, "the emulator has ended"
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
            return
        time.sleep(0.05)
    raise AssertionError("the emulator does not listen")
