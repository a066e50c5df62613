"""A peer's server in its own process, asked over one connection that is kept."""

from __future__ import annotations

import contextlib
import http.client
import os
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from ranklet.bench.peers import processes
from ranklet.bench.peers.bodies import JSON, Asked
from ranklet.bench.peers.servers import NotStarted, Refused, Started
from ranklet.bench.peers.table import Peer
from ranklet.errors import BenchError

HOST = "127.0.0.1"
START_S, ANSWER_S = 120.0, 60.0
RETRY_S = 0.005
TOLD = 2000
"""Of what a server wrote that did not start."""

ALONE: Mapping[str, str] = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
KEPT = ("JAVA_HOME", "LANG", "LD_LIBRARY_PATH")


class Http:
    """A server's process, and the connection to it."""

    def __init__(self, name: str, path: str, *, process: subprocess.Popen[bytes], port: int) -> None:
        self.name, self.pid = name, process.pid
        self._path, self._process = path, process
        self._connection = http.client.HTTPConnection(HOST, port, timeout=ANSWER_S)

    def payload(self, asked: Asked) -> tuple[str, bytes]:
        """Path and body; what is asked may have a path of its own."""
        return asked.path or self._path, asked.body

    def ask(self, payload: tuple[str, bytes]) -> tuple[float, bytes]:
        """Seconds from the first byte sent to the last one read, and the body. Raises BenchError."""
        path, body = payload
        begun = time.perf_counter()
        try:
            self._connection.request("POST", path, body, dict(JSON))
            answer = self._connection.getresponse()
            content = answer.read()
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()
            raise BenchError(f"{self.name} does not answer: {error}") from error
        took = time.perf_counter() - begun
        if answer.status != 200:
            raise Refused(self.name, answer.status, content)
        return took, content

    def first(self, asked: Asked) -> None:
        """Ask until there is an answer. Raises NotStarted where there is none in time, BenchError for a wrong one."""
        deadline = time.monotonic() + START_S
        payload = self.payload(asked)
        while True:
            try:
                _, answer = self.ask(payload)
                break
            except BenchError as error:
                ended = self._process.poll() is not None or (isinstance(error, Refused) and not error.starting)
                if ended or time.monotonic() > deadline:
                    raise NotStarted(str(error)) from error
                time.sleep(RETRY_S)
        asked.check(self.name, answer)

    def close(self) -> None:
        """End the process, and whatever it started."""
        self._connection.close()
        processes.end(self._process)


@contextmanager
def started(name: str, peer: Peer, *, python: Path, folder: Path, asked: Asked) -> Iterator[Started]:
    """A peer's server on a port that was proved closed, up to its first answer; it ends with the block.

    folder: where its script and the graph are. What it writes is kept in a file there, and told where it fails.
    """
    ports = closed_ports(3)
    filled = dict(zip(("port", "second", "third"), map(str, ports), strict=True)) | {"folder": str(folder)}
    command = [str(python), *(part.format(**filled) for part in peer.serve)]
    environ = environment(folder, python) | {key: value.format(**filled) for key, value in peer.environ.items()}
    said = folder / "output.txt"
    with said.open("wb") as output:
        begun = time.perf_counter()
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    server = Http(name, peer.path, process=process, port=ports[0])
    try:
        try:
            server.first(asked)
        except NotStarted as error:
            raise NotStarted(f"{error}\n{said.read_text(encoding='utf-8', errors='replace')[-TOLD:]}") from error
        yield Started(server, time.perf_counter() - begun)
    finally:
        server.close()


def environment(folder: Path, python: Path) -> dict[str, str]:
    """A peer's variables: its own interpreter's programs first, its scripts on the path, nothing else of ours."""
    kept = {name: os.environ[name] for name in KEPT if name in os.environ}
    path = os.pathsep.join((str(python.parent), os.environ.get("PATH", os.defpath)))
    return {**kept, **ALONE, "PATH": path, "HOME": str(folder), "PYTHONPATH": str(folder)}


def closed_ports(count: int) -> list[int]:
    """Ports of this machine at which nobody listens. Raises BenchError where somebody does after all."""
    with contextlib.ExitStack() as taken:
        sockets = [taken.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind((HOST, 0))
        ports: list[int] = [one.getsockname()[1] for one in sockets]
    for port in ports:
        with socket.socket() as one:
            if one.connect_ex((HOST, port)) == 0:
                raise BenchError(f"somebody listens at port {port}; run the bench again")
    return ports
