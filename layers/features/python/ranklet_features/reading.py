"""Raw values → the columns of a request: blocks first, then what they leave. The first fault is the first input's."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ranklet_features.blocks import Columns, Names, Sides, blocks_of
from ranklet_features.columns import Column, Reader
from ranklet_features.errors import InputError, ShapeError


class Reading:
    """Reads some inputs; holds nothing of a request.

    together: inputs that features read side by side. single: they come once.
    """

    def __init__(self, readers: Sequence[Reader], together: Iterable[Names], *, single: bool) -> None:
        self.blocks = blocks_of(readers, together, single=single)
        known = {name for block in self.blocks for name in block.names}
        self._readers, self._alone = readers, [reader for reader in readers if reader.name not in known]

    def once(self, sides: Sides, columns: Columns) -> None:
        """Add the columns of one row. Raises InputError."""
        whole = [block.read(sides, columns) for block in self.blocks]
        for reader in self._readers if -1 in whole else self._alone:
            if columns.find(reader.name) is None:
                raw = sides[reader.side].get(reader.name)
                columns[reader.name] = reader.absent(1, single=True) if raw is None else reader.one(raw)

    def many(self, sides: Sides, columns: Columns) -> int:
        """Add the columns that have a value per row; the first one sent says how many rows there are.

        Raises InputError, and ShapeError where columns differ in length.
        """
        whole = {block.read(sides, columns) for block in self.blocks}
        if not self._alone and len(whole) == 1 and -1 not in whole:
            return whole.pop()
        first: Column | None = None
        for reader in self._readers:
            column = columns.find(reader.name)
            if column is None and (raw := sides[reader.side].get(reader.name)) is not None:
                column = columns[reader.name] = reader.many(raw)
            if column is not None:
                first = first or column
                if column.rows != first.rows:
                    raise _ragged(column, first)
        n = first.rows if first is not None else 0 if self._readers else 1
        for reader in self._readers:
            if columns.find(reader.name) is None:
                columns[reader.name] = reader.absent(n, single=False)
        if first is None and self._readers:
            message = "no column was sent that tells how many rows there are; send at least one"
            raise self._readers[0].fault((), message)
        return n


def _ragged(column: Column, first: Column) -> InputError:
    message = f"{column.rows} values, but column {first.reader.name!r} has {first.rows}"
    return column.reader.fault((), message, kind=ShapeError)
