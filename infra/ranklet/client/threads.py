"""The client for programs with threads; parts of a call that is split go out side by side.

No wait for the network outlasts the deadline, and a body that is still coming then is cut. Only a server that sends the
head of its answer bit by bit can go on longer: httpx tells nothing before the head is whole. asyncio cuts that too.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from contextlib import ExitStack
from copy import copy
from types import TracebackType
from typing import Any, Self, TypeVar, Unpack

import httpx

from ranklet.client import calls, finding, funnels, preparing
from ranklet.client.calls import Asked, Call
from ranklet.client.errors import ClientError
from ranklet.client.finding import Wanted
from ranklet.client.messages import Failed, Prepared, Ranked, Recommended, Reply, Retrieved, Send, Sleep, Steps
from ranklet.client.setup import ANSWER_BYTES, Options, Setup, failed, timeouts

T = TypeVar("T")


class _Stopped(ClientError):
    """Another part of the call has failed."""


class _Group:
    """The parts of a call: the first error ends them all."""

    def __init__(self) -> None:
        self.ended = threading.Event()
        self.error: BaseException | None = None

    def end(self, error: BaseException | None = None) -> None:
        """No part sends anything from here on."""
        self.error = self.error or error
        self.ended.set()


class Client:
    """Calls one model; for use by several threads at once. Close it, or use it as a context manager.

    url: of the API, its stage included. model: its name. options: see `Options`. http: a client of your own, for
    proxies and certificates; it stays open.

    A call that is split while a new version is deployed may be answered by both: `at(version=…)` pins one.
    """

    def __init__(self, url: str, model: str, *, http: httpx.Client | None = None, **options: Unpack[Options]) -> None:
        self._setup, self._owned = Setup.of(url, model, options), ExitStack()
        self._http = self._owned.enter_context(httpx.Client()) if http is None else http
        self._pool = ThreadPoolExecutor(self._setup.parallel, "ranklet-client")
        self._owned.callback(self._pool.shutdown, cancel_futures=True)

    def rank(
        self,
        *,
        user: Mapping[str, Any] | None = None,
        context: Mapping[str, Any] | None = None,
        items: Mapping[str, Any],
        top_k: int | None = None,
        token: str | Prepared | None = None,
        explore: bool | None = None,
        seed: int | None = None,
        deadline: float | None = None,
    ) -> Ranked:
        """Score N candidates for one user.

        user, context: a value each (a scalar, text, a list, an array). items: a column of N each: a list, an array
        [N] or [N, width], a Series. top_k: only the best, best first. token: what `prepare` gave, in the place of user
        and context. explore, seed: of a model that explores, if it lets callers say so. deadline: seconds, instead of
        the client's.
        Raises BadCall, Unsigned, Refused, Unavailable, DeadlineExceeded, BadAnswer.
        """
        asked = Asked.of(user, context, items, top_k=top_k, token=token, explore=explore, seed=seed)
        return self._run(calls.rank(Call.begin(self._setup, deadline), asked))

    def prepare(
        self,
        *,
        user: Mapping[str, Any] | None = None,
        context: Mapping[str, Any] | None = None,
        deadline: float | None = None,
    ) -> Prepared:
        """A token for a user, of a model with [token]: computed once, for several calls of `rank`.

        Ask for it while you still look for candidates. It is good for some seconds and for the version that made it:
        `rank` raises Refused with 401 for one that has expired, 409 for another version's; prepare again then.
        Raises as `rank`.
        """
        return self._run(preparing.prepare(Call.begin(self._setup, deadline), user, context))

    def retrieve(
        self,
        *,
        user: Mapping[str, Any] | None = None,
        context: Mapping[str, Any] | None = None,
        k: int | None = None,
        filter: Mapping[str, Any] | None = None,
        seen: Any = None,
        deadline: float | None = None,
    ) -> Retrieved:
        """The best `k` items of the whole catalogue for a user, of a model with `kind = "retrieve"`.

        filter: `{"allow": ids, "deny": ids, "where": {attribute: values}}`. seen: ids that are left out. deadline:
        seconds, instead of the client's. Raises as `rank`.
        """
        wanted = Wanted.users(user, context, k=k, filter=filter, seen=seen)
        return self._run(finding.find(Call.begin(self._setup, deadline), wanted))

    def similar(
        self,
        *,
        item: Any = None,
        items: Any = None,
        k: int | None = None,
        filter: Mapping[str, Any] | None = None,
        seen: Any = None,
        deadline: float | None = None,
    ) -> Retrieved:
        """The best `k` items like one `item`, or like several `items`, the most recent last; without these.

        filter, seen, deadline: as of `retrieve`. Raises as `rank`; Refused with 404 where none is in the catalogue.
        """
        wanted = Wanted.like(item, items, k=k, filter=filter, seen=seen)
        return self._run(finding.find(Call.begin(self._setup, deadline), wanted))

    def recommend(
        self,
        *,
        user: Mapping[str, Any] | None = None,
        context: Mapping[str, Any] | None = None,
        k: int | None = None,
        filter: Mapping[str, Any] | None = None,
        seen: Any = None,
        deadline: float | None = None,
    ) -> Recommended:
        """The best items for a user by a funnel, whose name the client was given as `model`.

        user, context: the features of all its stages. k, filter, seen: as of `retrieve`. Raises as `rank`.
        """
        wanted = Wanted.users(user, context, k=k, filter=filter, seen=seen)
        return self._run(funnels.recommend(Call.begin(self._setup, deadline), wanted))

    def health(self, *, deadline: float | None = None) -> dict[str, Any]:
        """`{"status": "ok", "model": …, "version": …}` of a model that is open. Raises as `rank`."""
        return self._run(calls.fetch(Call.begin(self._setup, deadline), self._setup.health_url))

    def metadata(self, *, deadline: float | None = None) -> dict[str, Any]:
        """The model's OpenAPI document: inputs, outputs, limits. Raises as `rank`."""
        return self._run(calls.fetch(Call.begin(self._setup, deadline), self._setup.document_url))

    def at(self, version: str | int) -> Self:
        """This client for one version of the model. It shares the connections, and is closed with this one."""
        return self._selecting("versions", str(version))

    def labelled(self, label: str) -> Self:
        """This client for what a label (an alias of the function) points to."""
        return self._selecting("labels", label)

    def close(self) -> None:
        """Give back the connections and threads. What `at` and `labelled` gave is closed by this one alone."""
        self._owned.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _selecting(self, kind: str, name: str) -> Self:
        other = copy(self)
        other._setup, other._owned = self._setup.selecting(kind, name), ExitStack()
        return other

    def _run(self, steps: Steps[T], group: _Group | None = None) -> T:
        group = group or _Group()
        outcome: Any = None
        try:
            while True:
                wish = steps.send(outcome)
                if group.ended.is_set():
                    raise _Stopped
                if isinstance(wish, Send):
                    outcome = self._send(wish)
                elif isinstance(wish, Sleep):
                    outcome = group.ended.wait(wish.seconds)
                else:
                    outcome = self._together(wish.steps)
        except StopIteration as end:
            result: T = end.value
            return result
        except BaseException as error:
            group.end(error)
            raise
        finally:
            steps.close()

    def _together(self, steps: Sequence[Steps[Any]]) -> list[Any]:
        group = _Group()
        futures: list[Future[Any]] = [self._pool.submit(self._run, one, group) for one in steps]
        try:
            wait(futures, return_when=FIRST_EXCEPTION)
            if group.error is not None:
                raise group.error
            return [one.result() for one in futures]
        finally:
            group.end()
            for one in futures:
                one.cancel()

    def _send(self, wish: Send) -> Reply | Failed:
        request, setup, ends = wish.request, self._setup, time.monotonic() + wish.timeout
        headers = {**setup.headers, **request.headers}
        try:
            with self._http.stream(
                request.method,
                request.url,
                headers=headers,
                content=request.body or None,
                auth=setup.auth or httpx.USE_CLIENT_DEFAULT,
                timeout=timeouts(wish.timeout),
                follow_redirects=False,
            ) as response:
                body = bytearray()
                for chunk in response.iter_bytes():
                    body += chunk
                    if len(body) > ANSWER_BYTES:
                        return Failed(f"more than {ANSWER_BYTES} bytes", "answer")
                    if time.monotonic() > ends:
                        return Failed("the answer was still coming", "late")
                return Reply(response.status_code, response.headers, bytes(body))
        except httpx.HTTPError as error:
            return failed(error, wish.timeout)
