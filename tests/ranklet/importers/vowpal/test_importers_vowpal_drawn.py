"""Vowpal Wabbit itself on drawn lines and options: namespaces that share a letter, names of digits, any interaction.

Its text has six digits, so that scores agree to 1e-5 of the terms that they are sums of.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ranklet.errors import ImportRefused
from ranklet.importers import checking, vowpal
from ranklet.importers.lines import template
from ranklet.importers.lines.oracle import OfLines
from ranklet.importers.proposal import Wishes
from ranklet.importers.vowpal import oracle, spaces
from ranklet.importers.vowpal.reading import read

SPACES = ("user", "u2", "movie", "genre", "g2:0.5", "7", "")
WORDS = ("a", "b", "12", "007", "Drama", "Żółw", "x=y", "3.5")
Row = dict[str, Any]


@pytest.mark.oracle
@pytest.mark.parametrize("seed", range(80))
def test_scores_are_its_own(seed: int, tmp_path: Path) -> None:
    vw = pytest.importorskip("vowpalwabbit")
    chance = random.Random(seed)
    line, raws = drawn_line(chance)
    text, binary = tmp_path / "model.txt", tmp_path / "model.vw"
    options = drawn_options(chance, line)
    learner = vw.Workspace(f"{options} --readable_model {text} -f {binary} --quiet", enable_logging=False)
    for row in drawn_rows(chance, raws, 60):
        learner.learn(f"{chance.choice([1, -1] if 'logistic' in options else [1, 2, 3])} {written(line, row)}")
    learner.finish()
    rows = drawn_rows(chance, raws, 40)
    reader = vw.Workspace(f"-t -i {binary} --quiet", enable_logging=False)
    wanted = np.array([reader.predict(written(line, row)) for row in rows])
    reader.finish()
    try:
        proposal = vowpal.propose(text, Wishes(options={"line": line}))
    except ImportRefused as error:
        assert "no feature of a namespace that the model reads" in str(error)  # --ignore and --keep may leave none
        return
    columns = {name: [row[name] for row in rows] for name in proposal.inputs}
    found = checking.scores(proposal, columns)
    assert (np.abs(found - wanted) <= 1e-5 * terms(text, line, columns) + 1e-6).all()


def drawn_line(chance: random.Random) -> tuple[str, Mapping[str, str]]:
    """A line, and what each raw input is."""
    raws: dict[str, str] = {}
    words: list[str] = []
    for space in chance.sample(SPACES, chance.randint(1, 4)):
        words.append(f"|{space}")
        for _ in range(chance.randint(1, 3)):
            name, before = f"r{len(raws)}", chance.choice(["", "a=", "f^", "9"])
            kind = chance.choice(["number", "int", "word", "words", "weighed word", "weighed words"])
            raws[name] = kind.removeprefix("weighed ")
            if kind == "number":
                words.append(f"n{name}:{{{name}}}")
                continue
            many = "*" if kind.endswith("words") else ""
            words.append(f"{before}{{{name}{many}{':int' if kind == 'int' else ''}}}")
            if kind.startswith("weighed"):
                raws[f"{name}w"] = f"of {name}" if many else "number"
                words[-1] += f":{{{name}w{many}}}"
    return " ".join(words), raws


def drawn_options(chance: random.Random, line: str) -> str:
    """Arguments of a training."""
    letters = sorted({word[1] for word in line.split() if word.startswith("|") and len(word) > 1})
    some: list[str] = [f"-b {chance.choice([8, 12, 18])}", chance.choice(["", "--ftrl", "--coin", "--pistol", "--sgd"])]
    for option in ("--noconstant", "--hash all", f"--hash_seed {chance.randint(1, 99)}", "--predict_only_model"):
        some += [option] if chance.random() < 0.3 else []
    some += ["--loss_function logistic", chance.choice(["", "--link logistic"])] if chance.random() < 0.4 else []
    if letters:
        some += [chance.choice(["-q ::", "--interactions :::", "", "", "", ""])]
        for _ in range(chance.randint(0, 3)):
            some.append("--interactions " + "".join(chance.choices(letters, k=chance.choice([2, 2, 3, 4]))))
        for option in ("--ignore", "--keep", "--ignore_linear"):
            some += [f"{option} {chance.choice(letters)}"] if chance.random() < 0.15 else []
    return " ".join(some)


def drawn_rows(chance: random.Random, raws: Mapping[str, str], count: int) -> list[Row]:
    """Raw values."""
    draw: Mapping[str, Callable[[], Any]] = {
        "number": lambda: round(chance.gauss(0, 1), 3),
        "int": lambda: chance.choice([0, 5, 77, 123_456, -4]),
        "word": lambda: chance.choice(WORDS),
        "words": lambda: chance.choices(WORDS, k=chance.randint(0, 3)),
    }
    rows = []
    for _ in range(count):
        row = {name: draw[kind]() for name, kind in raws.items() if kind in draw}
        for name, kind in raws.items():
            if kind.startswith("of "):
                row[name] = [draw["number"]() for _ in row[kind.removeprefix("of ")]]
        rows.append(row)
    return rows


def written(line: str, row: Row) -> str:
    """What a writer of lines makes of a row: not by the code under test."""
    found = []
    for word in line.split():
        name, _, value = word.partition(":{")
        if word.startswith("|"):
            found.append(word)
        elif "{" not in name:
            found.append(f"{name}:{row[value[:-1]]!r}")
        else:
            before, _, raw = name.partition("{")
            raw = raw.rstrip("}").removesuffix(":int")
            values = row[raw.rstrip("*")] if raw.endswith("*") else [row[raw]]
            numbers = [1.0] * len(values)
            if value:
                weights = row[value.rstrip("}*")]
                numbers = weights if isinstance(weights, list) else [weights]
            found += [f"{before}{one}:{x!r}" for one, x in zip(values, numbers, strict=True)]
    return " ".join(found)


def terms(path: Path, line: str, columns: Mapping[str, Sequence[Any]]) -> Any:
    """Σ |w x| of each row, and at least 1."""
    model = read(path)
    header = replace(model.header, low=-np.inf, high=np.inf, link="identity")
    sums = replace(model, header=header, weight=np.abs(model.weight))
    tokens = spaces.read_tokens(header, template.parse(line, spaces=True))
    formula = oracle.Formula(sums, tokens)
    lines = OfLines("", tokens, spaces.draft(model, template.parse(line, spaces=True)).raws, formula)
    found = [lines.line(columns, row) for row in range(len(next(iter(columns.values()))))]
    return 1 + np.array(formula([[one._replace(x=abs(one.x)) for one in row] for row in found]))
