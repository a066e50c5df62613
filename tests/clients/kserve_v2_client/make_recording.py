"""Records what KServe's V2 client sends for the golden requests: `python tests/oracles.py kserve_v2_client --make`."""

from __future__ import annotations

import asyncio
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

import v2_wire  # noqa: E402
from kserve import InferenceRESTClient  # noqa: E402
from kserve.inference_client import RESTConfig  # noqa: E402
from kserve_v2_kit import check, request  # noqa: E402


def main() -> None:
    """Write wire.json."""
    calls: list[dict[str, Any]] = []
    with v2_wire.recorder(calls) as url:
        asyncio.run(_ask(url, calls))
    v2_wire.write(HERE / "wire.json", f"kserve {version('kserve')}", calls)


async def _ask(url: str, calls: list[dict[str, Any]]) -> None:
    async with InferenceRESTClient(RESTConfig(protocol="v2")) as client:
        for at, row in enumerate(v2_wire.ROWS):
            for binary in (False, True):
                check(await client.infer(f"{url}/{row.model}", request(row, binary=binary), model_name=row.model), row)
                calls[-1] |= {"row": at}
        assert await client.is_server_live(f"{url}/films")
        assert await client.is_server_ready(f"{url}/films")
        assert await client.is_model_ready(f"{url}/films", "films")


if __name__ == "__main__":
    main()
