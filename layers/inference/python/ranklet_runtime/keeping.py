"""Keeps what a user step gave, for the very same inputs, for some seconds and a bounded number of users.

Off unless a model asks for it: a client that ranks page after page, or several lists at once, sends the same user and
context again. The key is every byte that the step reads, so that nothing can be answered for another user, another
context, or another second where time is a feature.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping

from ranklet_runtime.engines.base import Array, Engine
from ranklet_runtime.manifest import Step

Key = tuple[tuple[tuple[int, ...], bytes], ...]


class Kept:
    """An engine whose last answers are kept. counts: `UserCacheHits` and `UserCacheMisses` since it was last read."""

    def __init__(self, step: Step, engine: Engine, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._engine, self._clock = engine, clock
        self._names = tuple(dict.fromkeys(step.inputs.values()))
        self._seconds, self._entries = step.keep_seconds, step.keep_entries
        self._known: dict[Key, tuple[float, dict[str, Array]]] = {}
        self.counts: Counter[str] = Counter()

    def knows(self, tensors: Mapping[str, Array]) -> bool:
        """Whether `run` would not ask the engine."""
        known = self._known.get(self._key(tensors))
        return known is not None and self._clock() - known[0] < self._seconds

    def _key(self, tensors: Mapping[str, Array]) -> Key:
        return tuple((tensors[name].shape, tensors[name].tobytes()) for name in self._names)

    def run(self, tensors: Mapping[str, Array]) -> dict[str, Array]:
        """As the engine's own, which is not asked where the answer is known and young enough."""
        if any(len(tensors[name]) != 1 for name in self._names):
            return self._engine.run(tensors)  # rows of several users
        key = self._key(tensors)
        now = self._clock()
        known = self._known.get(key)
        if known is not None and now - known[0] < self._seconds:
            self.counts["UserCacheHits"] += 1
            return dict(known[1])
        self.counts["UserCacheMisses"] += 1
        # Copied, since an engine may use its memory again.
        found = {name: value.copy() for name, value in self._engine.run(tensors).items()}
        self._known.pop(key, None)  # so that it becomes the youngest
        if len(self._known) >= self._entries:
            del self._known[next(iter(self._known))]
        self._known[key] = (now, found)
        return dict(found)
