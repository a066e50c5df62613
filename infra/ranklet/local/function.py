"""A function as the local Lambda runs it, and the answer to one invocation: the records every module here shares."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

ACCOUNT: Final = "123456789012"
REQUEST_LIMIT: Final = 6 * 1024 * 1024
"""Bytes of one synchronous event."""
RESPONSE_LIMIT: Final = 6 * 1024 * 1024 + 100
"""Bytes of one answer, 6 291 556: Lambda's own odd figure."""

InitType = Literal["on-demand", "provisioned-concurrency", "snap-start"]


@dataclass(frozen=True)
class Layer:
    """One layer: its name (`inference`) and the folder that Lambda would lay over /opt."""

    name: str
    folder: Path


@dataclass(frozen=True)
class Function:
    """What Lambda knows of a function.

    code: the folder of the code asset. layers: in template order, later ones hide earlier ones. memory_mb, timeout_s:
    enforced per environment. alias: the qualifier that routes call, None for the unpublished function.
    provisioned: environments started before the first request. reserved: the most environments, None for no limit.
    description: as the template has it. snapstart: whether environments start as those of SnapStart do.
    """

    name: str
    handler: str
    code: Path
    layers: tuple[Layer, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    memory_mb: int = 128
    timeout_s: float = 3.0
    runtime: str = "python3.13"
    version: str = "$LATEST"
    alias: str | None = None
    provisioned: int = 0
    reserved: int | None = None
    description: str = ""
    snapstart: bool = False

    def arn(self, region: str) -> str:
        """The ARN by which the function is invoked, with the alias where there is one."""
        qualifier = f":{self.alias}" if self.alias else ""
        return f"arn:aws:lambda:{region}:{ACCOUNT}:function:{self.name}{qualifier}"


@dataclass(frozen=True)
class Invoked:
    """What Lambda's Invoke answers.

    status: 200, 202 (event accepted), 204 (dry run), 413 or 429. error: X-Amz-Function-Error. duration_ms: from
    the event's delivery to the answer. init_ms: exec to the first poll, only where this invocation had to start its
    environment. log: the lines the invocation wrote, its last 4 KB.
    """

    status: int
    payload: bytes
    request_id: str
    error: str | None = None
    version: str = "$LATEST"
    duration_ms: float = 0.0
    init_ms: float | None = None
    log: bytes = b""
