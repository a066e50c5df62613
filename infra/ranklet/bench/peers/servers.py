"""A server of the ranker as this bench sees it, whoever made it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from ranklet.bench.peers.bodies import Asked
from ranklet.errors import BenchError

TOLD = 300
"""Of an answer that is none."""


class NotStarted(Exception):
    """A server ended, or had no answer in time: it is absent, for a reason that this says."""


class Refused(BenchError):
    """A server answers, but not with scores."""

    def __init__(self, name: str, status: int, body: bytes) -> None:
        super().__init__(f"{name} answers {status}: {body[:TOLD]!r}")
        self.starting = status in (400, 404, 502, 503)
        """What servers answer whose model is not there yet."""


class Server(Protocol):
    """A server that runs, asked one request after another. name: for people. pid: of its first process."""

    name: str
    pid: int

    def payload(self, asked: Asked) -> Any:
        """A request as it is sent, made before anything is timed."""

    def ask(self, payload: Any) -> tuple[float, bytes]:
        """Seconds until the answer, and its body. Raises BenchError for a refusal."""


@dataclass(frozen=True)
class Started:
    """A server, and the seconds from exec to its first right answer."""

    server: Server
    cold: float
