"""One thread that asks for events, kept; awslambdaric makes an executor and a thread for every one of them.

From Python 3.12 on it asks in a thread, so that the main one can process signals meanwhile. To make and end that thread
for each request costs 0.3 ms of CPU time, as much as all that is ours takes for 100 candidates. The client takes
its executor from an attribute: from here it gets one whose thread stays.

Why this is safe: as before there is one question at a time, the main thread waits for its answer in a lock that signals
interrupt, and what the question raises is raised there. The thread does not keep the process from ending. The class is
that of the client with one request at a time; it, or one that looks different from the one we know, is else left alone.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from _queue import SimpleQueue

CLIENT, SINGLE, EXECUTOR = "awslambdaric.lambda_runtime_client", "LambdaRuntimeClient", "ThreadPoolExecutor"
KNOWN = frozenset({EXECUTOR, "submit", "result", "_get_next"})
"""What the client's way to ask for an event names."""


def install() -> bool:
    """Let the running awslambdaric, if there is one, keep its thread; says whether it does."""
    client = getattr(sys.modules.get(CLIENT), SINGLE, None)
    code = getattr(getattr(client, "wait_next_invocation", None), "__code__", None)
    if client is None or code is None or not KNOWN.issubset(code.co_names):
        return False
    if EXECUTOR in vars(client):
        return True
    kept = Kept()
    # A property of the class stands above what the client has set in itself when it was made.
    setattr(client, EXECUTOR, property(lambda _: kept, lambda _, executor: None))
    return True


def before_each(call: Callable[[], object]) -> bool:
    """Have `call` made before each question, in the main thread; False where there is no thread of ours to ask.

    The answer to the last request has been posted by then: nobody waits for what is done here, though it is billed.
    """
    client = getattr(sys.modules.get(CLIENT), SINGLE, None)
    place = None if client is None else vars(client).get(EXECUTOR)
    kept = place.fget(None) if isinstance(place, property) and place.fget is not None else None
    if not isinstance(kept, Kept):
        return False
    kept.before = call
    return True


class Question:
    """Something to do in the thread, and what came of it; as much of a future as the client asks for."""

    __slots__ = ("_answer", "_error", "_open", "_work")

    def __init__(self, work: Callable[[], Any]) -> None:
        self._work = work
        self._answer: Any = None
        self._error: BaseException | None = None
        self._open = threading.Lock()
        self._open.acquire()

    def run(self) -> None:
        """In the thread."""
        try:
            self._answer = self._work()
        except BaseException as error:
            self._error = error
        self._open.release()

    def result(self) -> Any:
        """Wait, and return or raise what came of it."""
        with self._open:
            if self._error is not None:
                raise self._error
            return self._answer


class Kept:
    """As much of an executor as the client asks for, in a `with` for every event."""

    def __init__(self) -> None:
        from _queue import SimpleQueue  # which the client's own executor has imported

        self._questions: SimpleQueue[Question] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self.before: Callable[[], object] | None = None

    def __call__(self, max_workers: int) -> Kept:
        """In place of the class; the thread starts here, which is after a snapshot was restored."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="next-event", daemon=True)
            self._thread.start()
        if self.before is not None:
            self.before()
        return self

    def __enter__(self) -> Kept:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing to wait for: `result` does."""

    def submit(self, work: Callable[[], Any]) -> Question:
        """Have it done."""
        question = Question(work)
        self._questions.put(question)
        return question

    def _run(self) -> None:
        while True:
            self._questions.get().run()
