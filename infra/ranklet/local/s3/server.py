"""LocalS3: the server as a handle, its event loop in a thread of its own."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter
from collections.abc import Callable, Coroutine
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self, TypeVar

from ranklet.errors import LocalError
from ranklet.local.dynamodb.auth import Verifier
from ranklet.local.dynamodb.errors import Refused
from ranklet.local.http1.message import Request, Response
from ranklet.local.http1.server import HOST, Server
from ranklet.local.s3.objects import Object, answer, refusal, staged
from ranklet_features.stores.aws.sigv4 import Credentials

T = TypeVar("T")
BUCKET: Final = "ranklet-snapshots"
"""The bucket's name here; in an account, CloudFormation makes one up."""

START_S = 10.0

CODES = {
    "IncompleteSignatureException": "AuthorizationHeaderMalformed",
    "InvalidSignatureException": "SignatureDoesNotMatch",
    "MissingAuthenticationTokenException": "AccessDenied",
    "UnrecognizedClientException": "InvalidAccessKeyId",
}
"""What S3 calls the refusals of other services; it answers them with 403."""


class LocalS3:
    """An S3 endpoint on 127.0.0.1 with one bucket.

    credentials: when given, requests must be signed with them for `region`; otherwise signatures are not looked at.
    objects: key → file. latency_s: what every answer waits. calls: how often each method was asked for.
    """

    def __init__(
        self,
        *,
        credentials: Credentials | None = None,
        region: str = "us-east-1",
        bucket: str = BUCKET,
        latency_s: float = 0.0,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.bucket, self.latency_s = bucket, latency_s
        self.objects: dict[str, Object] = {}
        self.calls: Counter[str] = Counter()
        self._verifier = Verifier(credentials, region, service="s3", now=now) if credentials else None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._server: Server | None = None
        self.endpoint = ""

    def start(self, port: int = 0) -> str:
        """Listen (0: on any free port) and tell the endpoint's URL. Raises LocalError when the port is taken."""
        if self._thread is not None:
            raise LocalError("this local S3 runs already")
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="local-s3", daemon=True)
        self._thread.start()
        self._server = Server(self._answer)
        try:
            self.endpoint = f"http://{HOST}:{self._run(self._server.start(port))}"
        except OSError as error:
            self.close()
            raise LocalError(f"cannot listen on {HOST}:{port}: {error}") from error
        return self.endpoint

    def load(self, folder: Path) -> list[str]:
        """Serve the files of a staged table; the keys of its objects."""
        found = staged(folder)
        self.objects.update(found)
        return list(found)

    def close(self) -> None:
        """Stop listening, cut every connection and end the thread. Closing twice does nothing."""
        if self._thread is None or self._loop is None or self._server is None:
            return
        self._run(self._server.close(grace_s=0.0))
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(START_S)
        self._loop.close()
        self._thread = self._loop = self._server = None

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
            raise LocalError("this local S3 does not run; call start()")
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(START_S)

    async def _answer(self, request: Request) -> Response:
        self.calls[request.method] += 1
        if self.latency_s:
            await asyncio.sleep(self.latency_s)
        try:
            if self._verifier is not None:
                self._verifier.check(request.method, request.target, request.headers, request.body)
        except Refused as error:
            return refusal(403, CODES.get(error.code, error.code), str(error))
        return answer(request, self.bucket, self.objects)
