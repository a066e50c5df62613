"""Scorecard and RuleSetModel: reasons for a score, and which rules speak."""

from __future__ import annotations

from collections.abc import Iterator

from pmml_writing import compound, file, inside, tag, told
from pmml_writing import test as simple


def attribute(score: float | None, predicate: str, *, reason: str | None = None, more: str = "") -> str:
    kept = {} if reason is None else {"reasonCode": reason}
    said = {} if score is None else {"partialScore": score}
    return tag("Attribute", predicate + more, **said, **kept)


def card(
    *,
    algorithm: str = "pointsBelow",
    own: bool = False,
    initial: float = 0,
    baseline: bool = True,
    told_: int = 3,
    extra: str = "",
    reasons: bool = True,
    tied: bool = False,
) -> str:
    """own: reasons of attributes rather than of characteristics alone."""

    def reason(name: str) -> str | None:
        return name if own else None

    parts = (
        (
            "x",
            10,
            "R1",
            attribute(5, simple("x", "isMissing"), reason=reason("R1m"))
            + attribute(12, simple("x", "lessThan", 0), reason=reason("R1a"))
            + attribute(
                20, compound("and", simple("x", "greaterOrEqual", 0), simple("x", "lessThan", 1)), reason=reason("R1b")
            )
            + attribute(3, "<True/>", reason=reason("R1c")),
        ),
        (
            "c",
            10 if tied else 15,
            "R2",
            attribute(2, simple("c", "isMissing"), reason=reason("R2m"))
            + attribute(12 if tied else 18, inside("c", "red"), reason=reason("R2a"))
            + attribute(5 if tied else 7, "<True/>", reason=reason("R2b")),
        ),
        (
            "z",
            20,
            "R3",
            attribute(9, simple("z", "isMissing"))
            + attribute(25, simple("z", "lessThan", 0.5))
            + attribute(11, "<True/>"),
        ),
    )
    body = "".join(
        tag(
            "Characteristic",
            inner,
            name=f"part_{name}",
            **({"reasonCode": code} if reasons else {}),
            **({"baselineScore": base} if baseline else {}),
        )
        for name, base, code, inner in parts
    )
    output = told("total", "predictedValue", "double") + "".join(
        told(f"reason_{rank}", "reasonCode", rank=rank) for rank in range(1, told_ + 1)
    )
    more = f'initialScore="{initial}" useReasonCodes="{str(reasons).lower()}"' + (
        f' reasonCodeAlgorithm="{algorithm}"' if reasons else ""
    )
    return file(
        "Scorecard",
        "regression",
        tag("Characteristics", body + extra),
        fields="x z c",
        output=output if reasons else told("total", "predictedValue", "double"),
        more=more + ("" if baseline else ' baselineScore="12"'),
    )


def cards() -> Iterator[tuple[str, str]]:
    for algorithm in ("pointsBelow", "pointsAbove"):
        for own in (False, True):
            yield f"card_{algorithm}_{'own' if own else 'all'}", card(algorithm=algorithm, own=own, initial=7)
        yield f"card_{algorithm}_baseline", card(algorithm=algorithm, baseline=False)
        yield f"card_{algorithm}_tied", card(algorithm=algorithm, tied=True)
    yield "card_plain", card(reasons=False)
    made = attribute(
        None,
        simple("x", "greaterThan", 0),
        more=tag("ComplexPartialScore", '<Apply function="*"><FieldRef field="x"/><Constant>3</Constant></Apply>'),
    )
    extra = tag("Characteristic", made + attribute(1, "<True/>"), name="made", reasonCode="R4", baselineScore=4)
    yield "card_complex", card(extra=extra, told_=4)
    shared = tag(
        "Characteristic",
        attribute(6, simple("z", "greaterThan", 0)) + attribute(1, "<True/>"),
        name="again",
        reasonCode="R1",
        baselineScore=4,
    )
    yield "card_shared_code", card(extra=shared)
    holes = tag(
        "Characteristic", attribute(6, simple("z", "greaterThan", 0)), name="holes", reasonCode="R4", baselineScore=4
    )
    yield "card_no_attribute", card(extra=holes, told_=4)


def rule(name: str, score: str, predicate: str, weight: float, confidence: float) -> str:
    return tag("SimpleRule", predicate, id=name, score=score, weight=weight, confidence=confidence)


def rules(*, nested: bool) -> str:
    first = rule("r1", "a", simple("x", "greaterThan", 0.5), 0.6, 0.9) + rule(
        "r2", "b", simple("z", "lessThan", 0), 0.7, 0.97
    )
    if nested:
        first = tag("CompoundRule", simple("c", "notEqual", "blue") + first)
    return (
        first
        + rule("r3", "c", compound("and", simple("x", "lessThan", 1), inside("c", "red")), 0.55, 0.7)
        + rule("r4", "a", simple("z", "greaterThan", 1), 0.65, 0.95)
    )


def rulesets() -> Iterator[tuple[str, str]]:
    for criterion in ("firstHit", "weightedMax", "weightedSum"):
        for nested in (False, True):
            for default in ("", 'defaultScore="b" defaultConfidence="0.1"'):
                body = f"<RuleSet {default}>{tag('RuleSelectionMethod', criterion=criterion)}{rules(nested=nested)}</RuleSet>"  # noqa: E501
                name = f"rules_{criterion}_{'nested' if nested else 'flat'}_{'default' if default else 'none'}"
                yield (
                    name,
                    file(
                        "RuleSetModel",
                        "classification",
                        body,
                        fields="x z c",
                        target="k3",
                        output=told("rule", "entityId"),
                    ),
                )
    sure = "".join(told(f"sure_{one}", "confidence", "double", value=one) for one in "abc")
    won = sure + told("sure", "confidence", "double")
    for criterion in ("firstHit", "weightedMax", "weightedSum"):
        for default in ("", 'defaultScore="b" defaultConfidence="0.1"'):
            body = (
                f"<RuleSet {default}>{tag('RuleSelectionMethod', criterion=criterion)}{rules(nested=False)}</RuleSet>"
            )
            name = f"rules_sure_{criterion}_{'default' if default else 'none'}"
            yield name, file("RuleSetModel", "classification", body, fields="x z c", target="k3", output=won)
    body = f"<RuleSet>{tag('RuleSelectionMethod', criterion='firstHit')}{rules(nested=False)}</RuleSet>"
    yield "rules_confidence", file("RuleSetModel", "classification", body, fields="x z c", target="k3", output=sure)


def files() -> Iterator[tuple[str, str]]:
    yield from cards()
    yield from rulesets()
