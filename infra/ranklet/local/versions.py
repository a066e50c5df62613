"""The published versions of one function, each with environments of its own, and the one that its alias names.

As Lambda does it: a version never changes; moving the alias sends what comes next to another version and leaves alone
what runs. Environments of the version before end their events and then rest, until they are let go for idleness, so
that a rollback finds them warm; provisioned ones belong to the alias and are given up with it.
https://docs.aws.amazon.com/lambda/latest/dg/configuration-aliases.html
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from ranklet.errors import LocalError
from ranklet.local.pool import Pool
from ranklet.local.stats import Stats, together


class Versions:
    """All versions of a function; `first` is the one that its alias names until it is moved."""

    def __init__(self, first: Pool) -> None:
        self._pools = {first.function.version: first}
        self._live = first
        self._moving = asyncio.Lock()

    def __iter__(self) -> Iterator[Pool]:
        return iter(self._pools.values())

    @property
    def live(self) -> Pool:
        """The version that the alias names."""
        return self._live

    @property
    def next(self) -> str:
        """The number that the next version will have. Raises LocalError for a function that has no alias."""
        if self._live.function.alias is None:
            raise LocalError(f"{self._live.function.name} has no alias that could be moved to another version")
        return str(max(map(int, self._pools)) + 1)

    def at(self, qualifier: str | None) -> Pool:
        """The version by number; the live one by its alias, without a qualifier, and where there is but one.

        Raises LocalError for any other.
        """
        if qualifier is None or qualifier == self._live.function.alias or len(self._pools) == 1:
            return self._live
        found = self._newest if qualifier == "$LATEST" else self._pools.get(qualifier)
        if found is None:
            raise self._unknown(qualifier)
        return found

    async def publish(self, pool: Pool) -> None:
        """Add a version and start its provisioned environments; nothing is sent to it yet.

        Raises LocalError, and leaves all as it was, when one cannot be initialised.
        """
        try:
            await pool.start()
        except BaseException:
            await pool.close()
            raise
        self._pools[pool.function.version] = pool

    async def move(self, version: str) -> None:
        """Let the alias name another version; what comes after this returned is that version's.

        Raises LocalError for a version that is not there, or whose provisioned environments do not start; the alias
        then stays.
        """
        async with self._moving:
            if (pool := self._pools.get(version)) is None:
                raise self._unknown(version)
            await pool.provision()
            before, self._live = self._live, pool
            if before is not pool:
                before.release()

    def stats(self) -> Stats:
        """The figures of all versions together."""
        return together([pool.stats() for pool in self])

    def _unknown(self, version: str) -> LocalError:
        name = self._live.function.name
        return LocalError(f"{name} has no version {version!r}; there are {', '.join(self._pools)}")

    @property
    def _newest(self) -> Pool:
        return list(self._pools.values())[-1]
