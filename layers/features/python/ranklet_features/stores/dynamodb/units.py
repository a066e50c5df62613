"""Read units of what was read, by DynamoDB's size rule; asking DynamoDB itself would make every answer longer.

An eventually consistent read takes half a unit for every started 4 KB of an item, names included, each item by itself;
a key that is absent takes as much as the smallest item:
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html
"""

from __future__ import annotations

from collections.abc import Sequence

from ranklet_features.packing import row_dtype
from ranklet_features.spec import Table
from ranklet_features.stores.dynamodb.replies import Answer

ITEM_BYTES, HALF = 4096, 0.5
NAMES = len("kv")
LONGEST_INT = 20
LONGEST_KEY = 2048


class Units:
    """Counts for one table; where no item can be larger than 4 KB, without looking at any."""

    def __init__(self, table: Table) -> None:
        longest = LONGEST_INT if table.key == "int" else LONGEST_KEY
        size = NAMES + longest + row_dtype(table.dtype, table.dim).itemsize
        self._small = table.page == 1 and size <= ITEM_BYTES

    def of(self, asked: Sequence[str], answer: Answer) -> float:
        """Read units of one answer; keys that were left unprocessed cost nothing."""
        items = len(asked) - len(answer.unprocessed)
        if self._small:
            return HALF * items
        sizes = (NAMES + len(key.encode()) + len(value) for key, value in answer.values.items())
        found = sum(-(-size // ITEM_BYTES) for size in sizes)
        return HALF * (found + max(0, items - len(answer.values)))
