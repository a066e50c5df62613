"""Vowpal Wabbit's feature index: the name that stood in its line, `before` + value, hashed with the namespace's seed.

As its default `--hash strings` has it (vw/common/hash.h): a name of digits alone is its number plus the seed, any
other is murmur3 of its bytes; of either, the last `bits` bits. With `--hash all` (`plain`) all names are murmur3'd.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np

from ranklet_features.columns import Column
from ranklet_features.errors import ShapeError
from ranklet_features.kinds.base import Array, Compiled, Scope, Tensor, Values
from ranklet_features.kinds.padding import Rectangle
from ranklet_features.lean import dataclass
from ranklet_features.murmur3 import murmur3_32

MAX_BITS = 32
CUTS = " \t\r\n:|"
"""What ends a name in a line of Vowpal Wabbit's."""


@dataclass(frozen=True)
class Options:
    """bits, seed: of the model, and of the namespace. before: what precedes the value in the name.

    absent: the integer that means "no such feature"; of strings, the empty one does. weights: of a list, an input with
    as many floats per row; makes `<name>_weights`.
    """

    bits: int
    seed: int = 0
    before: str = ""
    plain: bool = False
    absent: int | None = None
    weights: str | None = None


class Vw(Compiled):
    """int64 [n], of a list [n, L]; -1 where nothing stands. `_weights` float32 [n, L], 0 in empty places."""

    schema = Options

    def __init__(self, options: Options, scope: Scope) -> None:
        (self.of,) = scope.of
        declared = scope.inputs[self.of]
        shape: tuple[None, ...] = (None,) if declared.list else ()
        signature = {scope.feature: Tensor("int64", shape, declared.side)}
        if options.weights is not None:
            signature[f"{scope.feature}_weights"] = Tensor("float32", shape, declared.side)
        super().__init__(scope, signature)
        self.options, self.pads = options, (-1,)
        self.ids, self.last = 1 << options.bits, (1 << options.bits) - 1
        self.mask = np.array([self.last])

    @classmethod
    def compile(cls, options: Options, scope: Scope) -> Self:
        declared = scope.only_input(("int", "string"), ("scalar", "list"))
        if not 1 <= options.bits <= MAX_BITS or not 0 <= options.seed < 1 << 32:
            raise scope.error(f"bits is {options.bits}, seed {options.seed}; allowed: 1 to {MAX_BITS}, 0 to 2^32 - 1")
        if options.absent is not None and declared.type != "int":
            raise scope.error("absent is for int inputs; of strings, the empty one means that there is no such feature")
        if any(letter in CUTS for letter in options.before):
            raise scope.error(f"before is {options.before!r}; no name holds white space, a colon or a bar")
        if options.weights is not None:
            if not declared.list:
                raise scope.error("weights are for lists; give a single value's as an input of its own")
            if scope.input(options.weights, ("float",), ("list",)).side != declared.side:
                raise scope.error(f"weights {options.weights!r} must be of the same side as {scope.of[0]!r}")
        return cls(options, scope)

    def run(self, values: Values) -> dict[str, Array]:
        column = values.columns[self.of]
        found = self._ids(column)
        if column.lengths is None:
            return {self.name: found}
        rectangle = Rectangle(column.lengths, None, "first")
        tensors = {self.name: rectangle.spread(found, -1)}
        if self.options.weights is not None:
            weights = _matching(values.columns[self.options.weights], column)
            tensors[f"{self.name}_weights"] = rectangle.spread(weights.values, 0.0).astype(np.float32)
        return tensors

    def _ids(self, column: Column) -> Array:
        if isinstance(column.values, list):
            return self._of_strings(column, column.values)
        numbers, before = column.values, self.options.before
        if before or self.options.plain:
            names = [before + str(number) for number in numbers.tolist()]
            found = self._hashed(names)
            if before.isdigit() and before.isascii() and not self.options.plain:
                self._number(found, names)
        else:
            found = (numbers + self.options.seed) & self.mask
            if (below := numbers < 0).any():
                found[below] = self._hashed([str(number) for number in numbers[below].tolist()])
        if self.options.absent is not None:
            found[numbers == self.options.absent] = -1
        return np.asarray(found)

    def _of_strings(self, column: Column, texts: list[str]) -> Array:
        if any(letter in text for text in ("\0".join(texts),) for letter in CUTS):
            at = next(at for at, text in enumerate(texts) if any(letter in text for letter in CUTS))
            message = "white space, a colon or a bar ends a name of Vowpal Wabbit's; send what the trainer's line had"
            raise column.fault(at, message)
        try:
            found = self._hashed([self.options.before + text for text in texts])
        except UnicodeEncodeError as error:
            raise column.fault(0, "a string holds a lone surrogate and has no UTF-8 form") from error
        if not self.options.plain:
            self._number(found, [self.options.before + text for text in texts])
        found[[not text for text in texts]] = -1
        return np.asarray(found)

    def _number(self, found: Array, names: Sequence[str]) -> None:
        """Names of digits alone are numbers."""
        for at, name in enumerate(names):
            if name.isdigit() and name.isascii():
                found[at] = (int(name) + self.options.seed) & self.last

    def _hashed(self, names: Sequence[str]) -> Any:
        if not names:
            return np.empty(0, np.int64)
        return murmur3_32([name.encode() for name in names], self.options.seed).astype(np.int64) & self.mask


def _matching(weights: Column, column: Column) -> Column:
    """The weights, once it is sure that every row has as many as it has values."""
    assert weights.lengths is not None and column.lengths is not None
    if (differ := weights.lengths != column.lengths).any():
        row = int(np.argmax(differ))
        message = f"{weights.lengths[row]} weights for the {column.lengths[row]} values of {column.reader.name!r}"
        raise weights.reader.fault((row,), message, single=weights.single, kind=ShapeError)
    return weights
