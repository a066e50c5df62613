"""Items that came, changed or went after the build, looked for now and then: a small file that nobody waits for.

It lies in the bucket of snapshots, under the name of the very index that it goes with, or where RANKLET_FRESH says on
this machine (a mounted file system). A file that cannot be read, or is not one for this index, leaves the items as they
were; how often that happens is counted.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping

from ranklet_features.errors import StoreError, StoreUnavailable
from ranklet_features.index import fresh
from ranklet_features.index.fresh import Fresh
from ranklet_features.index.spec import IndexSpec

VARIABLE = "RANKLET_FRESH"
BUCKET = "RANKLET_SNAPSHOTS"
MOST_BYTES = 4 << 20
"""Of the file: some ten thousand vectors. What is more belongs into the next build."""

PATIENCE_S = 0.25
"""A request that looks for the file waits no longer."""

ABSENT = (403, 404)
"""What S3 answers where there is none; 403 to who may not list."""

FAILURES = "FreshItemsFailures"


class Arrivals:
    """The fresh items of one index. clock: seconds. failures: how often nothing could be read, since it was asked."""

    def __init__(
        self,
        spec: IndexSpec,
        key: str,
        every: int,
        environ: Mapping[str, str],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._spec, self._key, self._every, self._environ, self._clock = spec, key, every, environ, clock
        self._next, self._mark = clock(), ""
        self.failures = 0

    def look(self, deadline: float | None) -> Fresh | None:
        """The items, where it is time to look and they are others than before; else None."""
        now = self._clock()
        if now < self._next:
            return None
        self._next = now + self._every
        until = now + PATIENCE_S if deadline is None else min(deadline, now + PATIENCE_S)
        try:
            found = self._content(until)
            return None if found is None else fresh.read(found, self._spec)
        except (OSError, StoreError, StoreUnavailable):
            self.failures += 1
            return None

    def _content(self, until: float) -> bytes | None:
        """The file's bytes where they are new."""
        if path := self._environ.get(VARIABLE):
            try:
                told = os.stat(path)  # noqa: PTH116 - a third of pathlib's time
            except FileNotFoundError:
                return self._new("absent", fresh.write((), fresh.nothing(self._spec).vectors, (), ()))
            with open(path, "rb") as file:  # noqa: PTH123
                return self._new(f"{told.st_mtime_ns} {told.st_size} {told.st_ino}", file.read(MOST_BYTES))
        return self._fetched(until) if BUCKET in self._environ else None

    def _fetched(self, until: float) -> bytes | None:
        # Imported here: sockets, TLS and signatures are nothing that others should pay for.
        from ranklet_features.stores.aws.connection import Broken
        from ranklet_features.stores.snapshots.bucket import Bucket, Span

        bucket = Bucket.open(self._environ)
        try:
            (reply,) = bucket.get(self._key, [Span(0, MOST_BYTES)], deadline=lambda: until)
        except Broken as error:
            raise StoreUnavailable(str(error)) from error
        finally:
            bucket.close()
        if isinstance(reply, Broken):
            raise StoreUnavailable(str(reply)) from reply
        if reply.status in ABSENT:
            return self._new("absent", fresh.write((), fresh.nothing(self._spec).vectors, (), ()))
        if reply.status not in (200, 206):
            raise StoreUnavailable(f"S3 answers {reply.status}")
        return self._new(reply.headers.get("etag", ""), reply.body)

    def _new(self, mark: str, content: bytes) -> bytes | None:
        if mark and mark == self._mark:
            return None
        self._mark = mark
        return content
