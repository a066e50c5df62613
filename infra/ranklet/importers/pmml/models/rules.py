"""RuleSetModel: the first rule that fires, the one of most weight, or all of them by weight (dmg.org, Ruleset)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from ranklet.importers.pmml import predicates
from ranklet.importers.pmml.context import Context
from ranklet.importers.pmml.markup import Element, refuse
from ranklet.importers.pmml.results import Result
from ranklet.importers.pmml.values import Choice, Domain
from ranklet.importers.pmml.winners import winner


@dataclass(frozen=True)
class Rule:
    """fires: bool [n, 1]."""

    element: Element
    fires: str

    @property
    def score(self) -> str:
        """What it says."""
        return self.element.name("score")

    @property
    def weight(self) -> float:
        """Of its say."""
        return self.element.number("weight", 1.0)

    @property
    def confidence(self) -> float:
        """In its score."""
        return self.element.number("confidence", 1.0)


def build(model: Element, context: Context) -> Result:
    """As the protocol says."""
    model.choice("functionName", ("classification",))
    rule_set = model.need("RuleSet")
    method = rule_set.need("RuleSelectionMethod").choice("criterion", ("firstHit", "weightedMax", "weightedSum"))
    rules = list(_rules(rule_set, None, context))
    if not rules:
        refuse(rule_set, "has no rule")
    default = rule_set.get("defaultScore")
    domain = Domain.of([*(rule.score for rule in rules), *([default] if default is not None else [])])
    ordered = rules if method == "firstHit" else sorted(rules, key=lambda rule: -rule.weight)
    if method == "weightedMax" and ordered != sorted(rules, key=lambda rule: -rule.confidence):
        refuse(
            rule_set, "takes the rule of most weight (weightedMax), which JPMML ranks by confidence; here they differ"
        )
    if method == "weightedSum":
        value = _sum(rules, domain, default, context)
    else:
        value = _first(ordered, domain, default, context)
    scores = {"confidence": _confidences(rules, domain, rule_set, context, method=method)}
    return Result("classification", value, scores=scores, entity=_entity(ordered, value, method, context))


def _entity(ordered: Sequence[Rule], value: Choice, method: str, context: Context) -> Choice | None:
    """The id of the rule that spoke: of the sum's winner its heaviest one."""
    ids = Domain.of(rule.element.get("id") or "" for rule in ordered)
    if "" in ids.words:
        return None
    codes = context.tape.constant(np.array([[0]], np.int64))
    for rule in reversed(ordered):
        fires = rule.fires
        if method == "weightedSum":
            said = context.tape.op("Equal", value.tensor, [value.domain.words[rule.score]])
            fires = context.tape.op("And", fires, said)
        codes = context.tape.op("Where", fires, [ids.words[rule.element.name("id")]], codes)
    return context.choice(codes, ids)


def _confidences(
    rules: Sequence[Rule], domain: Domain, rule_set: Element, context: Context, *, method: str
) -> dict[str, str]:
    """Score → the confidence of its first rule that fires, or its heaviest, or the mean weight that it has in all that
    fire; 0 where none of its rules does. Where no rule fires the default one's, or nothing."""
    tape = context.tape
    fired = tape.added([tape.doubles(rule.fires) for rule in rules])
    default, sure = rule_set.get("defaultScore"), rule_set.get("defaultConfidence")
    found = {}
    for score in domain.words:
        own = [one for one in rules if one.score == score]
        if method == "weightedSum":
            weights = [context.where(rule.fires, rule.weight, 0.0) for rule in own]
            told = tape.op("Div", tape.added(weights), fired) if own else tape.op("Mul", fired, 0.0)
        else:
            told = tape.op("Mul", fired, 0.0)
            for rule in reversed(own if method == "firstHit" else sorted(own, key=lambda rule: -rule.weight)):
                told = context.where(rule.fires, rule.confidence, told)
        none = np.nan if default is None or (score == default and sure is None) else 0.0
        if score == default and sure is not None:
            none = rule_set.number("defaultConfidence")
        found[score] = context.where(tape.op("Greater", fired, 0.0), told, none)
    return found


def _rules(element: Element, around: str | None, context: Context) -> Iterator[Rule]:
    """Simple rules in order, those of a compound one where its own predicate holds as well."""
    for child in element.all("SimpleRule", "CompoundRule"):
        fires = predicates.build(predicates.of(child), context).yes
        fires = fires if around is None else context.tape.op("And", around, fires)
        if child.tag == "SimpleRule":
            yield Rule(child, fires)
        else:
            yield from _rules(child, fires, context)


def _first(rules: Sequence[Rule], domain: Domain, default: str | None, context: Context) -> Choice:
    codes = context.tape.constant(np.array([[0 if default is None else domain.words[default]]], np.int64))
    for rule in reversed(rules):
        codes = context.tape.op("Where", rule.fires, [domain.words[rule.score]], codes)
    return context.choice(codes, domain)


def _sum(rules: Sequence[Rule], domain: Domain, default: str | None, context: Context) -> Choice:
    """The score with the largest sum of weights; the default one where no rule fires."""
    tape = context.tape
    totals: dict[str, list[str]] = {}
    for rule in rules:
        totals.setdefault(rule.score, []).append(context.where(rule.fires, rule.weight, 0.0))
    sums = {score: tape.added(parts) for score, parts in totals.items()}
    best = winner(sums, context)
    some = rules[0].fires
    for rule in rules[1:]:
        some = tape.op("Or", some, rule.fires)
    table = np.array([0, *(domain.words[word] for word in best.domain.words)], np.int64)
    codes = tape.op("Gather", table, best.tensor, axis=0)
    none = 0 if default is None else domain.words[default]
    return context.choice(tape.op("Where", some, codes, [none]), domain)
