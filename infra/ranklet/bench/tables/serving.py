"""The process behind `servers.py`: python -m ranklet.bench.tables.serving FOLDER; it ends when its input does."""

from __future__ import annotations

import sys
from pathlib import Path

from ranklet.local.dynamodb import LocalDynamo


def main(tables: Path) -> None:
    """Serve the staged tables of a folder until stdin ends; the URL goes to stdout."""
    with LocalDynamo() as dynamo:
        dynamo.load(tables)
        print(dynamo.endpoint, flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
