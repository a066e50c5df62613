"""The formula of a blend, taken apart into the operations that the function runs.

`ctr * cvr ** 0.5` → head ctr, head cvr, number 0.5, do **, do *. Python's own parser reads it, so that precedence is
the one everybody knows; of its tree sums, products, powers and a few functions are taken, and nothing is evaluated.
"""

from __future__ import annotations

import ast
import math
from typing import Any

from ranklet_runtime.after.blend import ONE, TWO

LONGEST, DEEPEST = 1000, 50
OPERATORS: dict[type[ast.AST], str] = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.Pow: "**"}
ARGUMENTS = {**{name: 1 for name in ONE if name != "neg"}, "min": 2, "max": 2}
"""Function → how many numbers it takes."""

Operation = tuple[str, Any]


def parse(text: str) -> list[Operation]:
    """The operations of a formula, in the order in which they run. Raises ValueError naming what is not allowed."""
    if len(text) > LONGEST:
        raise ValueError(f"the formula has {len(text)} characters; at most {LONGEST}")
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise ValueError(f"{text!r} is no formula") from error
    found: list[Operation] = []
    _walk(tree, found, 0)
    if not any(kind == "head" for kind, _ in found):
        raise ValueError(f"{text!r} names no head, so that all candidates would score the same")
    return found


def heads(operations: list[Operation]) -> list[str]:
    """The heads that a formula reads."""
    return list(dict.fromkeys(value for kind, value in operations if kind == "head"))


def _walk(node: ast.expr, found: list[Operation], depth: int) -> None:
    if depth > DEEPEST:
        raise ValueError(f"the formula is nested deeper than {DEEPEST}")
    if isinstance(node, ast.Name):
        found.append(("head", node.id))
    elif isinstance(node, ast.Constant):
        found.append(("number", _number(node)))
    elif isinstance(node, ast.BinOp) and type(node.op) in OPERATORS:
        _walk(node.left, found, depth + 1)
        _walk(node.right, found, depth + 1)
        found.append(("do", OPERATORS[type(node.op)]))
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.UAdd):
        _walk(node.operand, found, depth + 1)
        found += [("do", "neg")] if isinstance(node.op, ast.USub) else []
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        _call(node, node.func.id, found, depth)
    else:
        raise ValueError(f"{ast.unparse(node)[:60]!r} is not allowed; {_allowed()}")


def _call(node: ast.Call, name: str, found: list[Operation], depth: int) -> None:
    if name not in ARGUMENTS or node.keywords or any(isinstance(one, ast.Starred) for one in node.args):
        raise ValueError(f"{name}(…) is not allowed; {_allowed()}")
    if len(node.args) != ARGUMENTS[name]:
        raise ValueError(f"{name} takes {ARGUMENTS[name]} numbers, not {len(node.args)}")
    for one in node.args:
        _walk(one, found, depth + 1)
    found.append(("do", name))


def _number(node: ast.Constant) -> float:
    value = node.value
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value := float(value)):
        raise ValueError(f"{node.value!r} is no number that a formula may have")
    return value


def _allowed() -> str:
    return f"a formula has heads, numbers, {' '.join(name for name in TWO if len(name) < 3)} and {', '.join(ARGUMENTS)}"
