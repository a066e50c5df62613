"""A hand-written file for each built-in function and expression, in each form that its arguments can have.

median and atan2 are not among them: JPMML does not have them.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from typing import Any
from xml.sax.saxutils import escape

COUNT = 200

FILE = """<PMML xmlns="http://www.dmg.org/PMML-4_4" version="4.4"><Header/><DataDictionary>
<DataField name="x" optype="continuous" dataType="double"/><DataField name="y" optype="continuous" dataType="double"/>
<DataField name="i" optype="continuous" dataType="integer"/>
<DataField name="j" optype="continuous" dataType="integer"/>
<DataField name="s" optype="categorical" dataType="string"/>
<DataField name="t" optype="categorical" dataType="string"/>
<DataField name="b" optype="categorical" dataType="boolean"/>
<DataField name="d" optype="categorical" dataType="string"/>
<DataField name="m" optype="categorical" dataType="string"/>
<DataField name="h" optype="categorical" dataType="string"/>
<DataField name="target" optype="continuous" dataType="double"/></DataDictionary>
<TransformationDictionary>{derived}</TransformationDictionary>
<RegressionModel functionName="regression"><MiningSchema><MiningField name="x"/><MiningField name="y"/>
<MiningField name="i"/><MiningField name="j"/><MiningField name="s"/><MiningField name="t"/><MiningField name="b"/>
<MiningField name="d"/>
<MiningField name="m"/><MiningField name="h"/><MiningField name="target" usageType="target"/></MiningSchema><Output>
<OutputField name="v" optype="{optype}" dataType="{kind}" feature="transformedValue">
<FieldRef field="v_"/></OutputField>
</Output><RegressionTable intercept="1"><NumericPredictor name="x" coefficient="2"/></RegressionTable>
</RegressionModel></PMML>"""


def _rows() -> dict[str, list[Any]]:
    chance = random.Random(3)
    values = {
        "x": [None, 0.0, 1.0, -1.0, 0.5, 2.5, 3.5, -2.5, 1e-3],
        "y": [None, 0.0, 1.0, -1.0, 2.0],
        "i": [None, 0, 1, 2, -1, 7, -7],
        "j": [None, 1, 2, -2, 3, 0],
        "s": [None, "ab", "abb b", " ab ", "c d", "Äx", "", "AB"],
        "t": [None, "ab", "c d", "q"],
        "b": [None, "true", "false"],
        "d": [None, "2020-02-29", "1969-12-31"],
        "m": [None, "2020-02-29T12:30:05", "1969-12-31T23:59:59", "2000-01-01T00:00:00"],
        "h": [None, "12:30:05", "00:00:00", "23:59:59"],
    }
    return {
        name: [
            round(chance.gauss(0, 2), 4) if name in "xy" and chance.random() < 0.2 else chance.choice(some)
            for _ in range(COUNT)
        ]
        for name, some in values.items()
    }


ROWS = _rows()
"""What all of them are asked."""


def field(name: str) -> str:
    return f'<FieldRef field="{name}"/>'


def constant(value: Any, kind: str | None = None) -> str:
    written = "" if kind is None else f' dataType="{kind}"'
    return f"<Constant{written}>{value}</Constant>"


def apply(function: str, *parts: str, **options: str) -> str:
    written = "".join(f' {name}="{value}"' for name, value in options.items())
    return f'<Apply function="{escape(function)}"{written}>{"".join(parts)}</Apply>'


X, Y, WHOLE, J, S, T, B = map(field, "xyijstb")
ABOVE, BELOW = apply("greaterThan", X, constant(0.5)), apply("lessThan", Y, constant(1.0))
COMPARISONS = ("equal", "notEqual", "lessThan", "lessOrEqual", "greaterThan", "greaterOrEqual")
UNARY = [
    "log10",
    "ln",
    "sqrt",
    "abs",
    "exp",
    "floor",
    "ceil",
    "round",
    "rint",
    "expm1",
    "ln1p",
    "sin",
    "cos",
    "tan",
    "asin",
    "acos",
    "atan",
    "sinh",
    "cosh",
    "tanh",
    "stdNormalCDF",
    "stdNormalPDF",
    "erf",
]
NAMES = {"+": "plus", "-": "minus", "*": "times", "/": "over"}
LINE = '<LinearNorm orig="-1" norm="0"/><LinearNorm orig="1" norm="1"/>'
BINS = (
    '<Discretize field="x" {}><DiscretizeBin binValue="low"><Interval closure="openClosed" rightMargin="0"/>'
    '</DiscretizeBin><DiscretizeBin binValue="mid"><Interval closure="openOpen" leftMargin="0" rightMargin="2"/>'
    "</DiscretizeBin></Discretize>"
)
TABLE = (
    '<MapValues outputColumn="o" dataType="double" {}><FieldColumnPair field="s" column="a"/>'
    '<FieldColumnPair field="i" column="c"/><InlineTable><row><a>ab</a><c>1</c><o>10</o></row>'
    "<row><a>c d</a><c>2</c><o>20</o></row></InlineTable></MapValues>"
)


def expressions() -> Iterator[tuple[str, str, str]]:
    """Name, expression and the data type of its field."""
    for sign, name in NAMES.items():
        yield f"{name}_xy", apply(sign, X, Y), "double"
        yield f"{name}_ij", apply(sign, WHOLE, J), "double"
        yield f"{name}_ij_whole", apply(sign, WHOLE, J), "integer"
        yield f"{name}_ix", apply(sign, WHOLE, X), "double"
        yield f"{name}_constant", apply(sign, WHOLE, constant(2)), "double"
    for name in ("min", "max", "sum", "avg", "product"):
        yield f"{name}_xyi", apply(name, X, Y, WHOLE), "double"
        yield f"{name}_ij", apply(name, WHOLE, J), "double"
    for name in UNARY:
        yield f"{name}_x", apply(name, X), "double"
        yield f"{name}_i", apply(name, WHOLE), "double"
    for name in ("pow", "modulo"):
        yield f"{name}_xy", apply(name, X, Y), "double"
        yield f"{name}_ij", apply(name, WHOLE, J), "double"
    for name in ("threshold", "hypot"):
        yield f"{name}_xy", apply(name, X, Y), "double"
    for name in ("normalCDF", "normalPDF"):
        yield name, apply(name, X, constant(1.0), constant(2.0)), "double"
    yield from _logic()
    yield from _texts()
    yield from _others()


def _logic() -> Iterator[tuple[str, str, str]]:
    for name in COMPARISONS:
        yield f"{name}_xy", apply(name, X, Y), "boolean"
        yield f"{name}_constant", apply(name, WHOLE, constant(1)), "boolean"
        yield f"{name}_xi", apply(name, X, WHOLE), "boolean"
    for name in COMPARISONS[:2]:
        yield f"{name}_st", apply(name, S, T), "boolean"
        yield f"{name}_word", apply(name, S, constant("ab")), "boolean"
        yield f"{name}_boolean", apply(name, B, constant("true", "boolean")), "boolean"
    for name in ("isMissing", "isNotMissing", "isValid", "isNotValid"):
        yield f"{name}_x", apply(name, X), "boolean"
        yield f"{name}_s", apply(name, S), "boolean"
    for name in ("isIn", "isNotIn"):
        yield f"{name}_i", apply(name, WHOLE, constant(1), constant(2), constant(-1)), "boolean"
        yield f"{name}_s", apply(name, S, constant("ab"), constant("c d")), "boolean"
        yield f"{name}_xy", apply(name, X, Y, constant(1.0)), "boolean"
    for name in ("and", "or"):
        yield f"{name}_2", apply(name, ABOVE, BELOW), "boolean"
        yield f"{name}_3", apply(name, ABOVE, BELOW, B), "boolean"
    yield "not_compared", apply("not", ABOVE), "boolean"
    yield "not_field", apply("not", B), "boolean"
    yield "if_else", apply("if", ABOVE, X, Y), "double"
    yield "if_alone", apply("if", ABOVE, X), "double"
    yield "if_words", apply("if", B, S, constant("no")), "string"
    yield "if_missing", apply("if", apply("isMissing", X), constant(-1.0), X), "double"
    yield "if_map_missing", apply("if", ABOVE, X, Y, mapMissingTo="-3"), "double"


def _texts() -> Iterator[tuple[str, str, str]]:
    for name in ("uppercase", "lowercase", "trimBlanks"):
        yield name, apply(name, S), "string"
    yield "stringLength", apply("stringLength", S), "double"
    yield "substring", apply("substring", S, constant(1), constant(2)), "string"
    yield "concat_words", apply("concat", S, constant("-"), T), "string"
    yield "concat_integer", apply("concat", S, WHOLE), "string"
    yield "replace_run", apply("replace", S, constant("b+"), constant("Z")), "string"
    yield "replace_groups", apply("replace", S, constant("(a)(b)"), constant("$2$1")), "string"
    yield "matches_start", apply("matches", S, constant("a.*")), "boolean"
    yield "matches_whole", apply("matches", S, constant("^c.d$")), "boolean"


def _others() -> Iterator[tuple[str, str, str]]:
    yield "map_missing_to", apply("+", X, Y, mapMissingTo="-5"), "double"
    yield "default_value", apply("ln", X, defaultValue="-7"), "double"
    yield "default_value_missing", apply("+", X, Y, defaultValue="-7"), "double"
    yield "days_since", apply("dateDaysSinceYear", field("dd"), constant(1970)), "double"
    for year in (1960, 2000):
        yield f"seconds_since_{year}", apply("dateSecondsSinceYear", field("mm"), constant(year)), "double"
    yield "seconds_of_day_time", apply("dateSecondsSinceMidnight", field("hh")), "double"
    yield "seconds_of_day_moment", apply("dateSecondsSinceMidnight", field("mm")), "double"
    yield "days_since_moment", apply("dateDaysSinceYear", field("mm"), constant(1960)), "double"
    yield (
        "norm_continuous",
        f'<NormContinuous field="x">{LINE}<LinearNorm orig="3" norm="5"/></NormContinuous>',
        "double",
    )
    for how in ("asExtremeValues", "asMissingValues"):
        line = f'<NormContinuous field="x" outliers="{how}" mapMissingTo="9">{LINE}</NormContinuous>'
        yield f"norm_{how}", line, "double"
    yield "norm_discrete", '<NormDiscrete field="s" value="ab"/>', "double"
    yield "norm_discrete_missing", '<NormDiscrete field="s" value="ab" mapMissingTo="0.5"/>', "double"
    yield "discretize", BINS.format(""), "string"
    yield "discretize_default", BINS.format('defaultValue="hi" mapMissingTo="none"'), "string"
    yield "map_values", TABLE.format(""), "double"
    yield "map_values_default", TABLE.format('defaultValue="-1" mapMissingTo="-2"'), "double"
    yield "field_ref_missing", '<FieldRef field="x" mapMissingTo="3"/>', "double"
    for name, part, kind in (
        ("double", X, "double"),
        ("whole", X, "integer"),
        ("integer_text", WHOLE, "string"),
        ("number_text", X, "string"),
        ("float", X, "float"),
        ("boolean_text", B, "string"),
    ):
        yield f"cast_{name}", part, kind


DATES = {
    name: f'<DerivedField name="{name}" optype="continuous" dataType="{kind}">{field(name[0])}</DerivedField>'
    for name, kind in (("dd", "date"), ("mm", "dateTime"), ("hh", "time"))
}


def files() -> Iterator[tuple[str, str]]:
    """Name → file."""
    for name, expression, kind in expressions():
        optype = "continuous" if kind in ("double", "integer", "float") else "categorical"
        if kind == "string":
            derived = f'<DerivedField name="w_" optype="categorical" dataType="string">{expression}</DerivedField>'
            derived, optype, kind = derived + _numbered(), "continuous", "double"
        else:
            derived = f'<DerivedField name="v_" optype="{optype}" dataType="{kind}">{expression}</DerivedField>'
        derived = "".join(one for name, one in DATES.items() if f'"{name}"' in expression) + derived
        yield f"f_{name}", FILE.format(derived=derived, optype=optype, kind=kind)


def _numbered() -> str:
    """Texts as numbers: which of all that the functions can make of the rows."""
    base = sorted({word for name in "st" for word in ROWS[name] if word is not None})
    whole = [str(one) for one in (0, 1, 2, -1, 7, -7)]
    made = {
        *base,
        *whole,
        "no",
        "low",
        "mid",
        "hi",
        "none",
        "true",
        "false",
        *(word.upper() for word in base),
        *(word.lower() for word in base),
        *(word.strip() for word in base),
        *(word[:2] for word in base),
        *(f"{one}-{other}" for one in base for other in base),
        *(f"-{word}" for word in base),
        *(f"{word}-" for word in base),
        *(word + one for word in base for one in whole),
        *(re.sub("b+", "Z", word) for word in base),
        *(word.replace("ab", "ba") for word in base),
        *(str(one) for one in ROWS["x"]),
    }
    rows = "".join(f"<row><a>{escape(word)}</a><o>{at}</o></row>" for at, word in enumerate(sorted(made - {""})))
    return (
        '<DerivedField name="v_" optype="continuous" dataType="double"><MapValues outputColumn="o" dataType="double" '
        f'defaultValue="-1"><FieldColumnPair field="w_" column="a"/><InlineTable>{rows}</InlineTable></MapValues>'
        "</DerivedField>"
    )
