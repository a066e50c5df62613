"""What a push writes and costs, without calling anybody."""

from __future__ import annotations

from dataclasses import dataclass

from ranklet import prices
from ranklet.items import Numbered

WRITE_UNIT = 1024
CHUNK = 65_536


@dataclass(frozen=True)
class Estimate:
    """items and bytes as DynamoDB counts them; dollars by prices.toml."""

    physical: str
    rows: int
    items: int
    bytes: int
    write_units: int
    write_dollars: float
    import_dollars: float


def of(items: Numbered) -> Estimate:
    """Walk over the items: sizes follow from keys and values, so nothing is guessed."""
    size = units = source = 0
    for start in range(0, len(items), CHUNK):
        for key, value in items.pairs(start, min(start + CHUNK, len(items))):
            item = len(key.encode()) + len(value) + len("kv")
            size += item
            units += -(-item // WRITE_UNIT)
            source += len(key.encode()) + 4 * -(-len(value) // 3) + len('{"Item":{"k":{"S":""},"v":{"B":""}}}\n')
    known = prices.load().dynamodb
    return Estimate(
        items.table.physical,
        items.table.rows,
        len(items),
        size,
        units,
        units * known.write_unit,
        source / 1e9 * known.import_gb,
    )
