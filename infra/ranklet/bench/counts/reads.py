"""Read units of 500 rows, as the wire server reports them to the whole read path.

read-units-500           of 500 different keys, an item each
read-units-500-repeated  of the same 500 where each key stands twice: 250 different ones
read-units-500-cached    of a second request for them, behind the function's cache
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from ranklet.bench import base
from ranklet.bench.base import Row
from ranklet.bench.tables import data, reads, servers, units

N = 500
ROWS = 2_000


def measure() -> Iterator[Row]:
    """The rows. Raises BenchError where a row that was read is wrong."""
    sheet = data.sheet(rows=ROWS, placement="dynamodb")
    keys = np.arange(N) * (ROWS // N)
    twice = np.repeat(keys[: N // 2], 2)
    with TemporaryDirectory(prefix="ranklet-bench-") as folder:
        data.stage(sheet, Path(folder) / "tables")
        with servers.running(Path(folder) / "tables") as url:
            for name, asked, cached in (("", keys, 0), ("-repeated", twice, 0), ("-cached", keys, ROWS)):
                with reads.store(units.with_cache(sheet, cached).table, url) as store:
                    # The first read fetches the table's description as well.
                    store.rows(keys if cached else keys[-1:] + 1)
                    with units.metered() as spent:
                        answer = store.rows(asked)
                base.equal(f"rows{name}", answer.values, sheet.exact(asked))
                yield Row(f"read-units-{N}{name}", N, float(sum(spent)), "read units", None)
