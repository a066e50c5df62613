"""A hand-written file for each rule of TextIndex; each tells what many terms are worth in texts of all scripts."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any
from xml.sax.saxutils import quoteattr

COUNT = 200
WORDS = [
    "fox", "Fox", "FOX", "foxes", "fix", "f0x", "fo", "brown", "the", "The", "quick", "café", "CAFÉ", "cafe\u0301",
    "naïve", "straße", "STRASSE", "ſtop", "Stop", "\u212aelvin", "kelvin", "İstanbul", "ıstanbul", "istanbul", "x-ray",
    "42", "007", "“fox”", "(dog)", "dog", "dogs", "a", "b", "\U0001f642", "½", "²x", "Ⅷ", "und_er", "$5", "a.b",
    "1,000", "don't", "лиса", "ЛИСА", "狐狸", "ﬁx", "ab", "abab", "aaa",
]  # fmt: skip
BETWEEN = [" "] * 12 + [
    "  ",
    ", ",
    ". ",
    "-",
    "\t",
    "\n",
    "... ",
    "/",
    ";",
    " - ",
    "\u00a0",
    "\u2003",
    "\r\n",
    "_",
    "! ",
]
TERMS = [
    "fox", "Fox", "brown fox", "the quick", "café", "cafe\u0301", "straße", "stop", "kelvin", "istanbul", "x-ray",
    "ray", "dog.", "fox, dog", "a", "\U0001f642", "2x", "лиса", "狐狸", "", "don't", "1,000", "und_er", "the brown fox",
    "ab", "animal",
]  # fmt: skip

WEIGHTS = [round(0.37 * at - 1, 2) for at in range(len(TERMS))]


def _rows() -> dict[str, list[Any]]:
    chance = random.Random(5)

    def text() -> str | None:
        if chance.random() < 0.06:
            return None
        words = [chance.choice(WORDS) for _ in range(chance.randint(0, 14))]
        if chance.random() < 0.4:
            words += ["brown", "fox"]
        joined = "".join(word + chance.choice(BETWEEN) for word in words)
        return joined if chance.random() < 0.3 else joined.strip()

    return {
        "s": [text() for _ in range(COUNT)],
        "t": [chance.choice([None, "fox", "the fox", "café", "DOG", "", "a b", "42"]) for _ in range(COUNT)],
        "i": [chance.choice([None, 42, 7, 0, -1, 1000]) for _ in range(COUNT)],
        "x": [chance.choice([None, 0.0, 1.0, -1.5]) for _ in range(COUNT)],
    }


ROWS = _rows()
"""What all of them are asked."""

FILE = """<PMML xmlns="http://www.dmg.org/PMML-4_4" version="4.4"><Header/><DataDictionary>
<DataField name="s" optype="categorical" dataType="string"/><DataField name="t" optype="categorical" dataType="string"/>
<DataField name="i" optype="continuous" dataType="integer"/><DataField name="x" optype="continuous" dataType="double"/>
<DataField name="y" optype="continuous" dataType="double"/></DataDictionary>
<TransformationDictionary>{functions}{derived}</TransformationDictionary>
<RegressionModel functionName="regression"><MiningSchema><MiningField name="s"/><MiningField name="t"/>
<MiningField name="i"/><MiningField name="x"/><MiningField name="y" usageType="target"/></MiningSchema>
<Output>{outputs}</Output>
<RegressionTable intercept="1"><NumericPredictor name="x" coefficient="2"/></RegressionTable>
</RegressionModel></PMML>"""


def attributes(**given: Any) -> str:
    return "".join(f" {name.replace('x_', 'x-')}={quoteattr(str(value))}" for name, value in given.items())


def constant(term: Any, kind: str = "string") -> str:
    return f'<Constant dataType="{kind}">{term}</Constant>'


def index(term: str, tables: str = "", field: str = "s", **options: Any) -> str:
    return f"<TextIndex{attributes(textField=field, **options)}>{tables}{term}</TextIndex>"


def file(derived: list[str], kind: str = "double", functions: str = "") -> str:
    """derived: an expression for each output."""
    fields = "".join(
        f'<DerivedField name="v{at}_" optype="continuous" dataType="{kind}">{one}</DerivedField>'
        for at, one in enumerate(derived)
    )
    outputs = "".join(
        f'<OutputField name="v{at}" optype="continuous" dataType="{kind}" feature="transformedValue">'
        f'<FieldRef field="v{at}_"/></OutputField>'
        for at in range(len(derived))
    )
    return FILE.format(functions=functions, derived=fields, outputs=outputs)


def table(*rows: tuple[Any, ...], names: tuple[str, ...] = ("string", "stem", "regex"), **options: Any) -> str:
    cells = "".join(
        "<row>" + "".join(f"<{name}>{cell}</{name}>" for name, cell in zip(names, row, strict=False)) + "</row>"
        for row in rows
    )
    return f"<TextIndexNormalization{attributes(**options)}><InlineTable>{cells}</InlineTable></TextIndexNormalization>"


def each(tables: str = "", **options: Any) -> str:
    """All terms, of one index."""
    return file([index(constant(term), tables, **options) for term in TERMS])


PATTERNS = {
    "w": r"\w+",
    "sklearn": r"(?u)\b\w\w+\b",
    "letters": r"[A-Za-z']+",
    "no_digits": r"\b[^\W\d]+\b",
    "black": r"\S+",
    "point": ".",
    "either": r"\d{2,3}|[a-z]+",
    "lazy": r"[a-z]{2,4}?",
    "group": r"(?:ab)+|fo(x|es)?",
    "scripts": r"[а-яё狐-狸]+",
    "capital": r"(?i)[a-f]+",
    "capital_u": r"(?iu)[a-su]+",
    "ends": r"^\w+|\w+$",
    "quoted": r"\$\d|\(\w+\)",
}
SEPARATORS = {
    "not_w": r"\W+",
    "signs": r"[,;.\s]+",
    "around": r"\s*[,;/]\s*",
    "dash": "-",
    "blank": " ",
    "nothing": "",
    "range": r"[^a-zA-Z0-9é]",
    "bound": r"\b",
}
ANIMALS = (("foxe?s?", "animal", "true"), ("dog", "animal"), ("brown", "a  b"), ("([a-z])\\1", "$1", "true"))


def files() -> Iterator[tuple[str, str]]:
    """Name → file."""
    for weight in ("termFrequency", "binary", "logarithmic"):
        yield f"text_{weight}", each(localTermWeights=weight)
        yield f"text_{weight}_case", each(localTermWeights=weight, isCaseSensitive="true")
        for hits in ("allHits", "bestHits"):
            near = {"localTermWeights": weight, "countHits": hits}
            yield f"text_{weight}_{hits}_near1", each(maxLevenshteinDistance=1, **near)
    for hits in ("allHits", "bestHits"):
        for case in ("true", "false"):
            for far in (2, 3):
                yield (
                    f"text_{hits}_{case}_near{far}",
                    each(maxLevenshteinDistance=far, countHits=hits, isCaseSensitive=case),
                )
        yield f"text_{hits}", each(countHits=hits)
    for name, pattern in PATTERNS.items():
        yield f"text_words_{name}", each(x_wordRE=pattern)
        yield f"text_words_{name}_case", each(x_wordRE=pattern, isCaseSensitive="true", localTermWeights="logarithmic")
    for name, pattern in SEPARATORS.items():
        yield f"text_between_{name}", each(wordSeparatorCharacterRE=pattern)
    yield from _tables()
    yield from _expressions()


def _tables() -> Iterator[tuple[str, str]]:
    plain = (("fox", "animal"), ("dog", "animal"), ("(DOG)", "dog"), ("café", "cafe\u0301"), ("42", ""))
    yield "text_table", each(table(*plain))
    yield "text_table_case", each(table(*plain), isCaseSensitive="true")
    yield "text_table_own_case", each(table(*plain, isCaseSensitive="true"))
    yield "text_table_own_any_case", each(table(*plain, isCaseSensitive="false"), isCaseSensitive="true")
    yield "text_table_near", each(table(*plain, maxLevenshteinDistance=1), maxLevenshteinDistance=1)
    yield "text_table_words", each(table(*plain, x_wordRE=r"\w"), x_wordRE=r"\w+")
    yield "text_table_separator", each(table(*plain, wordSeparatorCharacterRE=";", tokenize="true"))
    regex = (("foxe?s?", "animal", "true"), ("\\bthe\\s+", "", "true"), ("[kst]", "k", "TRUE"), ("a", "b", "false"))
    yield "text_regex", each(table(*regex))
    yield "text_regex_case", each(table(*regex, isCaseSensitive="true"))
    groups = (
        ("(\\w)(\\w+)", "$2$1", "true"),
        ("(x)?ray", "[$1]\\$1", "true"),
        ("42|(7)", "<$1>".replace("<", "&lt;"), "true"),
    )
    yield "text_groups", each(table(*groups))
    yield "text_named", each(table(*plain, names=("in", "out"), inField="in", outField="out"))
    yield (
        "text_named_regex",
        each(table(*regex, names=("a", "b", "c"), inField="a", outField="b", regexField="c", recursive="false")),
    )
    yield "text_recursive", each(table(("aa", "a"), ("abab", "ab"), ("foxes", "fox"), ("  ", " "), recursive="true"))
    yield "text_recursive_regex", each(table(("(\\w)-(\\w)", "$1$2", "true"), ("\\d", "", "true"), recursive="true"))
    yield "text_tables", each(table(("dog", "fox")) + table(("fox", "animal")) + table(("a n", "an"), recursive="1"))
    yield "text_blank_cells", each(table(("the ", ""), (" fox", "fox"), ("quick", " ")))


def _patterned(pattern: str) -> str:
    """matches, and terms of what replace makes of a text."""
    written = f"<Constant>{pattern}</Constant>"
    put = "<Constant>[$0] </Constant>"
    made = f'<Apply function="replace"><FieldRef field="s"/>{written}{put}</Apply>'
    found = f'<Apply function="matches"><FieldRef field="s"/>{written}</Apply>'
    text = f'<DerivedField name="up" optype="categorical" dataType="string">{made}</DerivedField>'
    yes = f'<Apply function="if">{found}<Constant>1</Constant><Constant>0</Constant></Apply>'
    return file([yes, *(index(constant(term), field="up") for term in TERMS)], functions=text)


def _expressions() -> Iterator[tuple[str, str]]:
    yield (
        "text_term_of_a_field",
        file([index('<FieldRef field="t"/>'), index('<FieldRef field="t"/>', maxLevenshteinDistance=1)]),
    )
    yield "text_of_a_number", file([index(constant(term), field="i") for term in ("42", "7", "-1", "1", "1000")])
    yield "text_of_numbers_term", file([index(constant(42, "integer")), index(constant(7, "integer"))])
    yield "text_integer", file([index(constant(term)) for term in TERMS], "integer")
    yield "text_float", file([index(constant(term), localTermWeights="logarithmic") for term in TERMS], "float")
    function = (
        '<DefineFunction name="tf" optype="continuous" dataType="{kind}"><ParameterField name="document"/>'
        '<ParameterField name="term"/><ParameterField name="weight"/>{body}</DefineFunction>'
    )
    counted = index('<FieldRef field="term"/>', field="document")
    times = f'<Apply function="*">{counted}<FieldRef field="weight"/></Apply>'
    called = [
        f'<Apply function="tf"><FieldRef field="s"/>{constant(term)}{constant(weight, "double")}</Apply>'
        for term, weight in zip(TERMS, WEIGHTS, strict=True)
    ]
    yield "text_function", file(called, functions=function.format(kind="integer", body=counted))
    yield "text_weighted", file(called, functions=function.format(kind="double", body=times))
    root = (
        f'<Apply function="if"><Apply function="greaterThan">{counted}<Constant>0</Constant></Apply>'
        f'<Apply function="+"><Apply function="ln">{counted}</Apply><Constant>1</Constant></Apply>'
        "<Constant>0</Constant></Apply>"
    )
    sublinear = f'<Apply function="*">{root}<FieldRef field="weight"/></Apply>'
    yield "text_sublinear", file(called, functions=function.format(kind="double", body=sublinear))
    missing = f'<Apply function="+" mapMissingTo="-7">{counted}<Constant>1</Constant></Apply>'
    yield "text_missing", file(called, functions=function.format(kind="double", body=missing))
    halved = f'<Apply function="/">{counted}<Constant dataType="integer">2</Constant></Apply>'
    yield "text_whole_halves", file(called, functions=function.format(kind="double", body=halved))
    one, other = index(constant("fox")), index(constant("the"))
    yield "text_two_terms", file([
        f'<Apply function="{name}">{one}{other}</Apply>' for name in ("+", "-", "max", "*")
    ] + [f'<Apply function="*">{one}<FieldRef field="x"/></Apply>'])  # fmt: skip
    for name, pattern in {**PATTERNS, "bounds": r"\b\w"}.items():
        yield f"text_function_{name}", _patterned(pattern)
    size = '<Apply function="stringLength"><FieldRef field="s"/></Apply>'
    part = '<Apply function="substring"><FieldRef field="s"/><Constant>2</Constant><Constant>7</Constant></Apply>'
    text = f'<DerivedField name="up" optype="categorical" dataType="string">{part}</DerivedField>'
    cut = [index(constant(term), field="up") for term in TERMS]
    yield "text_length", file([size, *cut], functions=text)
    upper = '<Apply function="uppercase"><FieldRef field="s"/></Apply>'
    text = f'<DerivedField name="up" optype="categorical" dataType="string">{upper}</DerivedField>'
    yield (
        "text_derived",
        file(
            [index(constant(term), field="up", isCaseSensitive="true") for term in ("FOX", "fox", "CAFÉ")],
            functions=text,
        ),
    )
