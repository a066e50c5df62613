"""NearestNeighborModel: the k nearest of stored rows, and what they say (dmg.org, K-Nearest Neighbors)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ranklet.importers.pmml import measures, ranks
from ranklet.importers.pmml.context import Context
from ranklet.importers.pmml.markup import Element, number, refuse
from ranklet.importers.pmml.results import Result
from ranklet.importers.pmml.values import Domain, Number
from ranklet.importers.pmml.winners import winner
from ranklet.importers.trees.records import Floats


def build(model: Element, context: Context) -> Result:
    """As the protocol says."""
    function = model.choice("functionName", ("regression", "classification"))
    count = model.whole("numberOfNeighbors")
    cells = _cells(model.need("TrainingInstances"))
    fields = model.need("KNNInputs").all("KNNInput")
    if not fields or not 1 <= count <= len(cells):
        refuse(model, f"takes {count} neighbours of {len(cells)} rows by {len(fields)} fields")
    points = np.array([[_number(row, one.name("field"), model) for one in fields] for row in cells])
    columns = [context.number(one.name("field"), one).tensor for one in fields]
    measure = model.need("ComparisonMeasure")
    away = measures.compare(measure, fields, context.tape.joined(columns), points, context)
    tape = context.tape
    near = tape.op("TopK", away, [count], axis=1, largest=int(measures.similar(measure)), sorted=1, outputs=2)
    places = f"{near}_1"
    gone = tape.op("IsNaN", tape.total(away))
    ranked = _ranks(model, cells, away, context)
    target = _target(model)
    if function == "regression":
        said = np.array([_number(row, target, model) for row in cells])
        mean = context.where(gone, np.nan, _mean(model, near, places, said, context))
        return Result("regression", Number(mean), ranks=ranked)
    words = [_word(row, target, model) for row in cells]
    return replace(_vote(model, near, places, words, gone, context), ranks=ranked)


def _ranks(model: Element, cells: Sequence[dict[str, str]], away: str, context: Context) -> ranks.Ranks:
    """The stored rows by their ids, or by their numbers from 1."""
    named = model.get("instanceIdVariable")
    ids = [str(at) if named is None else _word(row, named, model) for at, row in enumerate(cells, 1)]
    domain = Domain.of(ids)
    codes = np.array([domain.words[one] for one in ids], np.int64)
    largest = measures.similar(model.need("ComparisonMeasure"))
    return ranks.Ranks(away, domain, codes, context, largest=largest)


def _cells(instances: Element) -> list[dict[str, str]]:
    """Rows by field."""
    columns = {
        (one.get("column") or one.name("field")).rpartition(":")[2]: one.name("field")
        for one in instances.need("InstanceFields").all("InstanceField")
    }
    rows = instances.need("InlineTable").all("row")
    return [{columns[cell.tag]: cell.text for cell in row.children if cell.tag in columns} for row in rows]


def _target(model: Element) -> str:
    found = [
        one for one in model.need("MiningSchema").all("MiningField") if one.get("usageType") in ("target", "predicted")
    ]
    if len(found) != 1:
        refuse(model, f"has {len(found)} targets; one is served")
    return found[0].name("name")


def _number(row: dict[str, str], field: str, model: Element) -> float:
    return number(model, _word(row, field, model), f"{field} of a training instance")


def _word(row: dict[str, str], field: str, model: Element) -> str:
    if field not in row:
        refuse(model, f"has a training instance without {field!r}")
    return row[field]


def _mean(model: Element, near: str, places: str, said: Floats, context: Context) -> str:
    tape = context.tape
    method = model.choice("continuousScoringMethod", ("average", "median", "weightedAverage"), "average")
    values = tape.op("Gather", said, places, axis=0)
    if method == "average":
        return tape.op("ReduceMean", values, [1], keepdims=1)
    if method == "weightedAverage":
        weights = _weights(model, near, context)
        return tape.op("Div", tape.total(tape.op("Mul", values, weights)), tape.total(weights))
    count = model.whole("numberOfNeighbors")
    ordered = tape.op("TopK", values, [count], axis=1, largest=0, sorted=1, outputs=2)
    middle = tape.columns(ordered, sorted({(count - 1) // 2, count // 2}))
    return tape.op("ReduceMean", middle, [1], keepdims=1)


def _weights(model: Element, near: str, context: Context) -> str:
    """1 / (distance + threshold)."""
    return context.tape.op("Div", 1.0, context.tape.op("Add", near, model.number("threshold", 0.001)))


def _vote(model: Element, near: str, places: str, words: Sequence[str], gone: str, context: Context) -> Result:
    tape = context.tape
    method = model.choice("categoricalScoringMethod", ("majorityVote", "weightedMajorityVote"), "majorityVote")
    domain = Domain.of(words)
    codes = np.array([domain.words[word] for word in words], np.int64)
    said = tape.op("Gather", codes, places, axis=0)
    weights = _weights(model, near, context) if method == "weightedMajorityVote" else None
    votes = {}
    for word, code in domain.words.items():
        mine = tape.doubles(tape.op("Equal", said, [code]))
        total = tape.total(mine if weights is None else tape.op("Mul", mine, weights))
        votes[word] = context.where(gone, np.nan, total)
    whole = tape.added(list(votes.values()))
    shares = {word: tape.op("Div", total, whole) for word, total in votes.items()}
    return Result("classification", winner(votes, context), shares)
