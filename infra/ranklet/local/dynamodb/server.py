"""LocalDynamo: the server as a handle, its event loop in a thread of its own."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter
from collections.abc import Callable, Coroutine
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import orjson

from ranklet.errors import LocalError
from ranklet.local.dynamodb.actions import VERSION, perform
from ranklet.local.dynamodb.auth import Verifier
from ranklet.local.dynamodb.faults import Dice, Faults
from ranklet.local.dynamodb.schema import Tables
from ranklet.local.dynamodb.tables import Table
from ranklet.local.dynamodb.wire import HEAD_BYTES, Wire
from ranklet.local.http1.head import Head
from ranklet_features.stores.aws.sigv4 import Credentials

T = TypeVar("T")
HOST = "127.0.0.1"
START_S = 10.0


class LocalDynamo:
    """A DynamoDB endpoint on 127.0.0.1.

    credentials: when given, requests must be signed with them for `region`; otherwise signatures are not looked at.
    calls: how often each action was asked for.
    """

    def __init__(
        self,
        *,
        faults: Faults | None = None,
        credentials: Credentials | None = None,
        region: str = "us-east-1",
        now: Callable[[], float] = time.time,
    ) -> None:
        self.tables = Tables()
        self.calls: Counter[str] = Counter()
        self._dice = Dice(faults or Faults())
        self._verifier = Verifier(credentials, region, now=now) if credentials else None
        self._now = now
        self._wire: Wire | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._listener: asyncio.Server | None = None
        self.endpoint = ""

    @property
    def faults(self) -> Faults:
        """What goes wrong on purpose; assigning starts its dice anew."""
        return self._dice.faults

    @faults.setter
    def faults(self, faults: Faults) -> None:
        self._dice = Dice(faults)

    def start(self, port: int = 0) -> str:
        """Listen (0: on any free port) and tell the endpoint's URL. Raises LocalError when the port is taken."""
        if self._thread is not None:
            raise LocalError("this local DynamoDB runs already")
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="local-dynamodb", daemon=True)
        self._thread.start()
        self._wire = Wire(self._perform, lambda: self._dice, self._now)
        try:
            self._listener = self._run(asyncio.start_server(self._wire.accept, HOST, port, limit=HEAD_BYTES))
        except OSError as error:
            self.close()
            raise LocalError(f"cannot listen on {HOST}:{port}: {error}") from error
        self.endpoint = f"http://{HOST}:{self._listener.sockets[0].getsockname()[1]}"
        return self.endpoint

    def load(self, folder: Path) -> list[str]:
        """Serve a built table (a folder with table.json), or all tables in a folder of such; their names.

        Raises LocalError when a folder does not hold a whole table.
        """
        one = (folder / "table.json").exists()
        folders = [folder] if one else sorted(path.parent for path in folder.glob("*/table.json"))
        loaded = [Table.from_files(path) for path in folders]
        self.tables.update({table.name: table for table in loaded})
        return [table.name for table in loaded]

    def close(self) -> None:
        """Stop listening, cut every connection and end the thread. Closing twice does nothing."""
        if self._thread is None or self._loop is None or self._wire is None:
            return
        self._run(self._wire.close(self._listener))
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(START_S)
        self._loop.close()
        self._thread = self._loop = self._listener = self._wire = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine in the server's loop and wait for it."""
        if self._loop is None:
            raise LocalError("this local DynamoDB does not run; call start()")
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(START_S)

    def _perform(self, head: Head, body: bytes) -> bytes:
        """The answer to one request, as JSON. Raises Refused."""
        headers = {name.lower(): value for name, value in head.headers}
        if self._verifier is not None:
            self._verifier.check(head.method, head.target, head.headers, body)
        target = headers.get("x-amz-target", "")
        self.calls[target.removeprefix(VERSION)] += 1
        return orjson.dumps(perform(self.tables, target, body, self._dice))
