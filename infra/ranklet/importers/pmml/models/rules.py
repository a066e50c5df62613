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
    if method == "weightedSum":
        return Result("classification", _sum(rules, domain, default, context))
    ordered = rules if method == "firstHit" else sorted(rules, key=lambda rule: -rule.weight)
    return Result("classification", _first(ordered, domain, default, context))


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
