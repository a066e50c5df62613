"""What a push writes and costs, without calling anybody."""

from __future__ import annotations

from dataclasses import dataclass

from ranklet.items import Numbered

WRITE_DOLLARS = 0.625e-6
"""Per write unit, on demand, us-east-1, July 2026."""

IMPORT_DOLLARS = 0.15
"""Per GB (10⁹ bytes of uncompressed source), us-east-1, July 2026."""

WRITE_UNIT = 1024
CHUNK = 65_536


@dataclass(frozen=True)
class Estimate:
    """items and bytes as DynamoDB counts them; dollars of us-east-1."""

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
    return Estimate(
        items.table.physical,
        items.table.rows,
        len(items),
        size,
        units,
        units * WRITE_DOLLARS,
        source / 1e9 * IMPORT_DOLLARS,
    )
