"""Which text of a program file is let through: PyTorch evaluates, compiles or looks up nearly all of it.

`torch.export.load` hands sizes to sympy, which evaluates them as Python; guards are executed; operators are looked up
from `torch` down, modules among them; names become source code. So each is held to a grammar that has no such words.
"""

from __future__ import annotations

import ast
import re

from ranklet.errors import ImportRefused

_OPERATOR = re.compile(
    r"torch\.ops\.aten\.\w+\.\w+"
    r"|torch\.ops\.higher_order\.wrap_with_(set_grad_enabled|autocast)"
    r"|torch\.sym_(max|min|not|float|int|ite|sum)"
    r"|_operator\.(getitem|add|sub|mul|floordiv|truediv|mod|neg|pos|eq|ne|lt|le|gt|ge|and_|or_|not_)"
    r"|math\.(ceil|floor|trunc|sqrt)",
    re.ASCII,
)
_FILES = {"from_file", "save", "load"}
"""Of aten: what reads or writes files."""

_FUNCTIONS = frozenset({"Symbol", "Integer", "Float", "Rational", "Add", "Mul", "Pow", "Max", "Min", "Mod", "PythonMod",
    "FloorDiv", "CleanDiv", "CeilDiv", "CeilToInt", "FloorToInt", "TruncToInt", "ToFloat", "IntTrueDiv", "FloatTrueDiv",
    "ModularIndexing", "Where", "Eq", "Equality", "Ne", "Unequality", "Ge", "Gt", "Le", "Lt", "GreaterThan",
    "StrictGreaterThan", "LessThan", "StrictLessThan", "And", "Or", "Not", "true", "false", "int_oo"})  # fmt: skip
"""Of sympy and of PyTorch's additions to it: what sizes are computed with."""

_NODES = (
    ast.Expression,
    ast.Call,
    ast.Name,
    ast.Load,
    ast.keyword,
    ast.Constant,
    ast.BinOp,
    ast.UnaryOp,
    ast.operator,
    ast.unaryop,
    ast.Compare,
    ast.cmpop,
)
_SYMBOL = re.compile(r"[a-z]{1,8}_?\d{1,9}", re.ASCII)
_PLAIN = re.compile(r"[\w.:/ +\-@<>]*")
_LABEL = re.compile(r"[^\"'\\\x00-\x1f\x7f{}\[\]`]{1,200}")
_VALUE = re.compile(r"[\w ,.>\-]*", re.ASCII)
LONGEST = 4_000
"""Characters of an expression."""


def operator(target: str, place: str) -> None:
    """Raises ImportRefused for what is not PyTorch's own arithmetic."""
    if not _OPERATOR.fullmatch(target) or target.split(".")[-2] in _FILES:
        raise ImportRefused(
            f"node {place} is {target[:80]!r}, which is not one of PyTorch's own operators (torch.ops.aten); write it "
            "in ordinary tensor operations, or compute it in feature assembly"
        )


def expression(text: str, place: str) -> None:
    """Raises ImportRefused for a size that is more than symbols, numbers and arithmetic."""
    try:
        tree = ast.parse(text, mode="eval") if len(text) <= LONGEST else None
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        tree = None
    if tree is None or not all(_harmless(node) for node in ast.walk(tree)):
        raise ImportRefused(f"{place} has the size {text[:80]!r}, which is no arithmetic of sizes; export it again")


def _harmless(node: ast.AST) -> bool:
    if isinstance(node, ast.Call):
        return isinstance(node.func, ast.Name) and (not _is_power(node) or _small(node.args))
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow | ast.LShift | ast.RShift):
        return isinstance(node.op, ast.Pow) and _small([node.left, node.right])
    if isinstance(node, ast.Name):
        return node.id in _FUNCTIONS or bool(_SYMBOL.fullmatch(node.id))
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return bool(_SYMBOL.fullmatch(node.value)) or _is_number(node.value)
    if isinstance(node, ast.Constant) and isinstance(node.value, int):
        return abs(node.value) < 2**63
    return isinstance(node, _NODES)


def _is_power(node: ast.AST) -> bool:
    if isinstance(node, ast.Call):
        return isinstance(node.func, ast.Name) and node.func.id == "Pow"
    return isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow)


def _small(arguments: list[ast.expr]) -> bool:
    """Whether a power is one that no memory is lost to: of no other power, to a small number."""
    if len(arguments) != 2 or any(_is_power(node) for node in ast.walk(arguments[0])):
        return False
    one = arguments[1]
    if isinstance(one, ast.Call) and len(one.args) == 1 and isinstance(one.func, ast.Name) and one.func.id == "Integer":
        (one,) = one.args
    if isinstance(one, ast.UnaryOp) and isinstance(one.op, ast.USub):
        one = one.operand
    return isinstance(one, ast.Constant) and type(one.value) is int and abs(one.value) <= 4


def _is_number(text: str) -> bool:
    return bool(re.fullmatch(r"-?\d{1,20}(\.\d{1,30})?(e[+-]?\d{1,3})?", text, re.ASCII))


def name(text: str, place: str) -> None:
    """Raises ImportRefused for what could not be a variable: names of nodes become source code."""
    if text and not (text.isidentifier() and text.isascii() and len(text) <= 500):
        raise ImportRefused(f"{place} is named {text[:80]!r}, which is no name that PyTorch writes; export it again")


def plain(text: str, place: str) -> None:
    """Raises ImportRefused for what is more than words: paths of parameters, dtypes, devices."""
    if not _PLAIN.fullmatch(text) or len(text) > 1_000:
        raise ImportRefused(
            f"{place} holds the text {text[:80]!r}; rename the module or parameter, and export it again"
        )


def label(text: str, place: str) -> None:
    """Raises ImportRefused for a dict's key that could not stand in source code between quotes."""
    if not _LABEL.fullmatch(text):
        raise ImportRefused(f"{place} has the key {text[:80]!r}; name inputs and outputs without quotes and brackets")


def value(text: str, target: str) -> None:
    """Raises ImportRefused for an operator's text argument that could be more than a mode or an equation."""
    if "._assert" not in target and (not _VALUE.fullmatch(text) or len(text) > 200):
        raise ImportRefused(f"an operator {target} has the text {text[:80]!r}; export it again")
