"""Records what `mlserver infer` sends for the golden requests: `python tests/oracles.py mlserver_client --make`."""

from __future__ import annotations

import sys
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

import v2_wire  # noqa: E402
from mlserver_kit import BINARY, check, infer  # noqa: E402


def main() -> None:
    """Write wire.json."""
    calls: list[dict[str, Any]] = []
    with v2_wire.recorder(calls) as url, tempfile.TemporaryDirectory() as scratch:
        for at, row in enumerate(v2_wire.ROWS):
            for options in ((), BINARY):
                (answer,) = infer(f"{url.removeprefix('http://')}/{row.model}", [row], Path(scratch), *options)
                check(answer, row)
                calls[-1] |= {"row": at}
    client = f"mlserver {version('mlserver')}, tritonclient {version('tritonclient')}"
    v2_wire.write(HERE / "wire.json", client, calls)


if __name__ == "__main__":
    main()
