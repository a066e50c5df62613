"""Where functions read their tables here: a DynamoDB and, for those that are fetched when a function starts, an S3."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Collection
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Protocol

import orjson

from ranklet.errors import LocalError
from ranklet.snapshots import ARTEFACTS, BUCKET_VARIABLE


class Dynamo(Protocol):
    """A DynamoDB on this machine; `ranklet.local.dynamodb.LocalDynamo` is one."""

    def start(self) -> str:
        """Listen; the endpoint's URL."""

    def load(self, folder: Path) -> Any:
        """Serve the table of a folder with table.json, vectors and keys."""

    def close(self) -> None:
        """Stop."""


@dataclass
class Stores:
    """tables: the folder of built tables (`<physical>/table.json`), or None. dynamo: one that is not yet started."""

    tables: Path | None
    dynamo: Dynamo | None
    say: Callable[[str], None]
    _served: set[str] = field(default_factory=set, init=False)
    _load: dict[bool, Callable[[Path], Any]] = field(default_factory=dict, init=False)

    async def add(self, tables: Path | None) -> None:
        """Serve those built tables of a folder that are not served yet.

        Raises LocalError where nothing was started that could serve them, as no function would find it.
        """
        folders = [folder for folder in _built(tables) if folder.name not in self._served]
        fetched = await asyncio.to_thread(_fetched, folders)
        for folder in folders:
            load = self._load.get(folder in fetched)
            if load is None:
                raise LocalError(f"{folder.name}: the cloud was started without such tables; start it with them")
            await asyncio.to_thread(load, folder)
            self._served.add(folder.name)

    async def start(self, stack: AsyncExitStack) -> dict[str, str]:
        """Start what the tables need, until the stack is left; the variables by which a function finds it."""
        folders = _built(self.tables)
        self._served = {folder.name for folder in folders}
        fetched = await asyncio.to_thread(_fetched, folders)
        variables = {}
        if fetched:
            variables = await self._start_s3(stack, fetched)
        if len(fetched) < len(folders) or self.dynamo is not None:
            variables |= await self._start_dynamo(stack, [folder for folder in folders if folder not in fetched])
        return variables

    async def _start_dynamo(self, stack: AsyncExitStack, folders: Collection[Path]) -> dict[str, str]:
        dynamo = self.dynamo or _local_dynamo()
        endpoint = await asyncio.to_thread(dynamo.start)
        stack.push_async_callback(asyncio.to_thread, dynamo.close)
        self._load[False] = dynamo.load
        for folder in folders:
            await asyncio.to_thread(dynamo.load, folder)
        self.say(f"DynamoDB {endpoint} with {len(folders)} tables")
        return {"AWS_ENDPOINT_URL_DYNAMODB": endpoint}

    async def _start_s3(self, stack: AsyncExitStack, folders: Collection[Path]) -> dict[str, str]:
        # Imported when used: most clouds have no such tables.
        from ranklet.local.s3 import LocalS3

        s3 = LocalS3()
        endpoint = await asyncio.to_thread(s3.start)
        stack.push_async_callback(asyncio.to_thread, s3.close)
        self._load[True] = s3.load
        for folder in folders:
            s3.load(folder)
        self.say(f"S3 {endpoint} with the snapshots of {len(folders)} tables")
        # One folder for all environments of this cloud, as each would fetch the same files.
        place = stack.enter_context(TemporaryDirectory(prefix="ranklet-snapshots-", ignore_cleanup_errors=True))
        return {"AWS_ENDPOINT_URL_S3": endpoint, BUCKET_VARIABLE: s3.bucket, "RANKLET_SNAPSHOT_FOLDER": place}


def _built(tables: Path | None) -> list[Path]:
    names = ("table.json", ARTEFACTS)
    return sorted(path.parent for name in names for path in tables.glob(f"*/{name}")) if tables else []


def _fetched(folders: Collection[Path]) -> list[Path]:
    """What functions fetch from S3 of all that is staged. A folder that cannot be read is left to who loads it."""
    found = []
    for folder in folders:
        if (folder / ARTEFACTS).exists():
            found.append(folder)
            continue
        with contextlib.suppress(ValueError, OSError):
            if orjson.loads((folder / "table.json").read_bytes()).get("snapshot"):
                found.append(folder)
    return found


def _local_dynamo() -> Dynamo:
    # Imported when used: most clouds of the tests have no tables.
    from ranklet.local.dynamodb import LocalDynamo

    dynamo: Dynamo = LocalDynamo()
    return dynamo
