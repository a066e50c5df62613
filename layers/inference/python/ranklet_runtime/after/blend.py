"""One score of several heads, by a formula that the build took apart: `ctr * cvr ** 0.5`.

Here it is a list of operations over a stack, as reverse Polish notation has it: nothing is parsed, and nothing is
evaluated that is not in the tables below. Ma et al., Entire Space Multi-Task Model, 2018: pCTCVR = pCTR × pCVR.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Self

import numpy as np

from ranklet_runtime.after.base import Numbers, Scope

TWO: Mapping[str, Callable[[Any, Any], Any]] = {
    "+": np.add,
    "-": np.subtract,
    "*": np.multiply,
    "/": np.divide,
    "**": np.power,
    "min": np.minimum,
    "max": np.maximum,
}
ONE: Mapping[str, Callable[[Any], Any]] = {"neg": np.negative, "exp": np.exp, "log": np.log, "sqrt": np.sqrt}
"""Operations by name; a formula has no others."""

NAME = "blend"


class Blend:
    """operations: ("head", its name), ("number", its value) or ("do", an operation's name) each."""

    def __init__(self, operations: Sequence[tuple[str, Any]]) -> None:
        self._operations = tuple(operations)
        self.reads = tuple(dict.fromkeys(value for kind, value in operations if kind == "head"))
        self.result = NAME

    @classmethod
    def open(cls, scope: Scope) -> Self:
        """Raises ValueError for operations that leave no one number."""
        operations = [
            (kind, float(value) if kind == "number" else value) for kind, value in scope.options["operations"]
        ]
        depth = 0
        for kind, value in operations:
            if kind not in ("head", "number", "do") or (kind == "do" and value not in TWO and value not in ONE):
                raise ValueError(f"{value!r} is no operation")
            if (missing := 2 if value in TWO else 1) > depth and kind == "do":
                raise ValueError(f"{value!r} lacks {missing - depth} of its numbers")
            depth += 1 if kind != "do" else -1 if value in TWO else 0
        if depth != 1:
            raise ValueError("the formula leaves no one number")
        return cls(operations)

    def run(self, heads: Mapping[str, Numbers]) -> dict[str, Numbers]:
        """The blended score."""
        stack: list[Any] = []
        for kind, value in self._operations:
            if kind != "do":
                stack.append(heads[value] if kind == "head" else value)
            elif value in ONE:
                stack.append(ONE[value](stack.pop()))
            else:
                right, left = stack.pop(), stack.pop()
                stack.append(TWO[value](left, right))
        return {NAME: np.atleast_1d(np.asarray(stack[0], np.float64))}
