"""One object → one file, which has its name only when its SHA-256 is the right one.

Ranges of 4 MB are asked for, some at a time, written in their order to `<file>.part` and digested on the way. What
breaks is asked for again from the byte that it broke at, after a pause of random length, twice as long each time that
nothing has come. A partial file that an earlier process left is gone on with: its bytes are digested first, and if the
whole is not right in the end, the download begins once more from nothing.
"""

from __future__ import annotations

import hashlib
import os
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ranklet_features.errors import StoreError, StoreUnavailable
from ranklet_features.stores.aws.connection import Broken
from ranklet_features.stores.snapshots.bucket import Bucket, Span
from ranklet_features.stores.snapshots.replies import CredentialsExpired, Failed, Part, Skewed, read

PART_BYTES = 4 << 20
"""Of one range: held in memory, twice for a moment; 1 GB takes 256 requests, a hundredth of a cent."""

PART_S = 20.0
"""A range that takes longer is given up and asked for again."""

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.05, 2.0


@dataclass
class Download:
    """One object on its way to one file. clock, sleep and uniform are seams for tests.

    digest: the SHA-256 that its bytes must have, hexadecimal. deadline: on `clock`, in seconds. progress: told how many
    bytes are there, and of how many.
    """

    bucket: Bucket
    key: str
    path: Path
    digest: str
    deadline: float
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    uniform: Callable[[float, float], float] = random.uniform
    progress: Callable[[int, int], None] = lambda done, total: None
    _total: int | None = field(default=None, init=False)

    def run(self) -> None:
        """Bring the file to `path`.

        Raises StoreError for other bytes than those of the digest and where /tmp has no room, TableMismatch for an
        object that is not there, StoreUnavailable where S3 refuses or the deadline has come.
        """
        part = self.path.with_name(self.path.name + ".part")
        resumed = part.exists() and part.stat().st_size > 0
        found = self._fetch(part)
        if found != self.digest and resumed:
            part.unlink()
            found = self._fetch(part)
        if found != self.digest:
            part.unlink()
            raise StoreError(
                f"{self._url} has SHA-256 {found}, the manifest pins {self.digest}; it was removed. Run `ranklet "
                "build` and `ranklet tables push` again"
            )
        part.replace(self.path)

    @property
    def _url(self) -> str:
        return f"s3://{self.bucket.name}/{self.key}"

    def _fetch(self, part: Path) -> str:
        """Append to the partial file until it is whole; the SHA-256 of all its bytes."""
        self._total = None
        with part.open("a+b") as file:
            sha256 = _digested(file)
            pauses = 0
            mended: set[type[Failed]] = set()
            reasons: Counter[str] = Counter()
            while self._total is None or file.tell() < self._total:
                before = file.tell()
                try:
                    self._append(file, sha256)
                except (Broken, Failed) as failure:
                    if self._mend(failure, mended):
                        continue
                    reasons[str(failure)] += 1
                    pauses = 0 if file.tell() > before else pauses + 1
                    self._pause(pauses, reasons)
            if file.tell() > self._total:  # more than the object has: not ours
                return "that of no object, for the partial file is too long"
            return str(sha256.hexdigest())

    def _append(self, file: Any, sha256: Any) -> None:
        """Ask for what is missing and append what comes, up to the first failure."""
        for span, outcome in self._replies(file.tell()):
            if isinstance(outcome, Broken):
                raise outcome
            part: Part = read(outcome, span, self._url)
            if self._total is None:
                self._total = part.total
                _require_room(part.total - file.tell(), self.path.parent, self._url)
            elif part.total != self._total:
                raise StoreError(f"{self._url} changed from {self._total} to {part.total} bytes while it was fetched")
            try:
                file.write(part.body)
                file.flush()
            except OSError as error:
                raise StoreError(f"{self._url} cannot be written to {self.path.parent}: {error}") from error
            sha256.update(part.body)
            self.progress(file.tell(), self._total)

    def _replies(self, start: int) -> Iterator[tuple[Span, Any]]:
        """Spans from `start` on with what came for them; the first alone until the object's size is known."""
        if self._total is None:
            spans = [Span(start, start + PART_BYTES)]
        else:
            ends = range(start, self._total, PART_BYTES)
            spans = [Span(at, min(at + PART_BYTES, self._total)) for at in ends]
        replies = self.bucket.get(self.key, spans, deadline=lambda: min(self.deadline, self.clock() + PART_S))
        return zip(spans, replies, strict=True)

    def _mend(self, failure: Exception, mended: set[type[Failed]]) -> bool:
        """Correct the clock or the credentials, once; whether asking again may follow at once."""
        if not isinstance(failure, Skewed | CredentialsExpired):
            return False
        if type(failure) in mended:
            raise StoreUnavailable(f"{self._url}: AWS refused the signature: {failure}") from failure
        mended.add(type(failure))
        if isinstance(failure, Skewed):
            self.bucket.resync(failure.server_time)
        elif not self.bucket.credentials.renew():
            raise StoreUnavailable(f"{self._url}: AWS refused the signature: {failure}") from failure
        return True

    def _pause(self, pauses: int, reasons: Counter[str]) -> None:
        left = self.deadline - self.clock()
        if left <= 0:
            said = ", ".join(f"{n} × {reason}" for reason, n in reasons.most_common(3))
            raise StoreUnavailable(f"{self._url} was not fetched in time; failures: {said}")
        self.sleep(self.uniform(0, min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2 ** min(pauses, 10), left)))


def _digested(file: Any) -> Any:
    """The running digest of what the file holds; it is left at its end."""
    sha256 = hashlib.sha256()
    file.seek(0)
    while block := file.read(1 << 20):
        sha256.update(block)
    return sha256


def _require_room(needed: int, folder: Path, url: str) -> None:
    disk = os.statvfs(folder)
    free = disk.f_bavail * disk.f_frsize
    if needed > free:
        raise StoreError(
            f"{url} takes {needed / 1e6:.0f} MB, {folder} has {free / 1e6:.0f} MB free; raise [function] tmp in "
            "model.toml"
        )
