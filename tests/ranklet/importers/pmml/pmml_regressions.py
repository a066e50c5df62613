"""RegressionModel and GeneralRegressionModel: every link, term and target."""

from __future__ import annotations

from collections.abc import Iterator

from pmml_writing import chances, file, tag, told

LINKS = ("none", "simplemax", "softmax", "logit", "exp", "probit", "cloglog", "loglog", "cauchit")


def table(intercept: float, x: float, z: float, **more: object) -> str:
    body = tag("NumericPredictor", name="x", coefficient=x) + tag("NumericPredictor", name="z", coefficient=z)
    return tag("RegressionTable", body if x or z else "", intercept=intercept, **more)


def regressions() -> Iterator[tuple[str, str]]:
    for link in (name for name in LINKS if name != "simplemax"):
        yield (
            f"reg_{link}",
            file("RegressionModel", "regression", table(0.25, 0.5, -0.3), more=f'normalizationMethod="{link}"'),
        )
    for link in (name for name in LINKS if name != "exp"):
        for name, last in (("one", (0, 0, 0)), ("both", (0.4, -0.3, 0.2))):
            if link == "simplemax" and name == "one":
                continue
            body = table(0.25, 0.5, -0.3, targetCategory="yes") + table(*last, targetCategory="no")
            yield f"reg_2_{link}_{name}", _classes("k2", body, link)
        body = table(0.25, 0.5, -0.3, targetCategory="a") + table(0.4, -0.3, 0.2, targetCategory="b")
        if link in ("none", "simplemax", "softmax", "logit"):
            yield f"reg_3_{link}", _classes("k3", body + table(0.3, 0.1, 0.1, targetCategory="c"), link)
        if link in ("simplemax", "softmax"):
            continue
        steps = table(-0.5, 0.5, -0.3, targetCategory="a") + table(0.6, 0.5, -0.3, targetCategory="b")
        yield f"reg_ordinal_{link}", _classes("o3", steps + table(0, 0, 0, targetCategory="c"), link)


def _classes(target: str, body: str, link: str) -> str:
    return file(
        "RegressionModel",
        "classification",
        body,
        target=target,
        output=chances(target),
        more=f'normalizationMethod="{link}"',
    )


def terms() -> Iterator[tuple[str, str]]:
    part = tag("PredictorTerm", '<FieldRef field="x"/><FieldRef field="z"/>', coefficient=0.7)
    cubed = tag("NumericPredictor", name="x", exponent=3, coefficient=0.2) + tag(
        "NumericPredictor", name="z", exponent=2, coefficient=-0.4
    )
    words = "".join(
        tag("CategoricalPredictor", name="c", value=one, coefficient=at) for at, one in enumerate(("red", "blue"), 1)
    )
    whole = "".join(tag("CategoricalPredictor", name="i", value=one, coefficient=one / 2) for one in (1, 2, 5))
    truth = tag("CategoricalPredictor", name="b", value="true", coefficient=1.5)
    number = tag("NumericPredictor", name="x", coefficient=2)
    for name, body, fields in (
        ("term", part, "x z"),
        ("exponents", cubed, "x z"),
        ("words", number + words, "x c"),
        ("whole", number + whole, "x i"),
        ("boolean", number + truth, "x b"),
        ("all", cubed + words + truth + part, "x z c b"),
        ("constant", "", "x"),
    ):
        yield (
            f"reg_terms_{name}",
            file("RegressionModel", "regression", tag("RegressionTable", body, intercept=1.5), fields=fields),
        )
    term = tag(
        "PredictorTerm", '<FieldRef field="x"/><FieldRef field="x"/><FieldRef field="z"/>', coefficient=0.7, name="xxz"
    )
    yield "reg_terms_thrice", file("RegressionModel", "regression", tag("RegressionTable", term, intercept=0))


def general(
    kind: str,
    cells: str,
    *,
    function: str = "regression",
    fields: str = "x z c",
    target: str = "y",
    more: str = "",
    output: str = "",
) -> str:
    parameters = "".join(
        tag("Parameter", name=f"p{at}", label=one) for at, one in enumerate(("1", "x", "z", "c", "xc"))
    )
    covariates = tag("Predictor", name="x") + tag("Predictor", name="z")
    matrix = "".join(
        tag("PPCell", value=value, predictorName=field, parameterName=parameter)
        for value, field, parameter in (
            ("1", "x", "p1"),
            ("2", "z", "p2"),
            ("red", "c", "p3"),
            ("1", "x", "p4"),
            ("blue", "c", "p4"),
        )
    )
    body = (
        tag("ParameterList", parameters)
        + tag("FactorList", tag("Predictor", name="c"))
        + tag("CovariateList", covariates)
        + tag("PPMatrix", matrix)
        + tag("ParamMatrix", cells)
    )
    return file(
        "GeneralRegressionModel",
        function,
        body,
        fields=fields,
        target=target,
        output=output,
        more=f'modelType="{kind}" {more}',
    )


def cells(betas: tuple[float, ...], **more: str) -> str:
    return "".join(tag("PCell", parameterName=f"p{at}", beta=beta, df=1, **more) for at, beta in enumerate(betas))


BETAS = (0.2, 0.3, 0.05, -0.4, 0.25)


def generals() -> Iterator[tuple[str, str]]:
    yield "glm_regression", general("regression", cells(BETAS))
    yield "glm_linear", general("generalLinear", cells(BETAS))
    yield "glm_linear_offset", general("generalLinear", cells(BETAS), more='offsetValue="2.5"')
    yield "glm_offset_field", general("generalLinear", cells(BETAS), fields="x z c w", more='offsetVariable="w"')
    for link, more in (
        ("identity", ""),
        ("log", ""),
        ("logc", ""),
        ("logit", ""),
        ("probit", ""),
        ("cloglog", ""),
        ("loglog", ""),
        ("power", 'linkParameter="2"'),
        ("oddspower", 'linkParameter="2"'),
        ("negbin", 'distParameter="0.5"'),
    ):
        yield (
            f"glm_{link}",
            general("generalizedLinear", cells((0.21, *BETAS[1:])), more=f'linkFunction="{link}" {more}'),
        )
    yield (
        "glm_power_third",
        general("generalizedLinear", cells((9, 0.3, 0.05, -0.4, 0.25)), more='linkFunction="power" linkParameter="3"'),
    )
    yield "glm_trials", general("generalizedLinear", cells(BETAS), more='linkFunction="logit" trialsValue="5"')
    yield (
        "glm_trials_field",
        general("generalizedLinear", cells(BETAS), fields="x z c i", more='linkFunction="logit" trialsVariable="i"'),
    )
    yield (
        "glm_log_offset",
        general("generalizedLinear", cells(BETAS), fields="x z c w", more='linkFunction="log" offsetVariable="w"'),
    )
    for link in ("logit", "probit", "cloglog"):
        yield (
            f"glm_2_{link}",
            general(
                "generalizedLinear",
                cells(BETAS, targetCategory="yes"),
                function="classification",
                target="k2",
                output=chances("k2"),
                more=f'linkFunction="{link}" targetReferenceCategory="no"',
            ),
        )
    three = cells(BETAS, targetCategory="a") + cells((0.51, -0.2, 0.1, 0.3, 0.1), targetCategory="b")
    for name, more in (("plain", ""), ("offset", 'offsetValue="0.5"')):
        yield (
            f"glm_multinomial_{name}",
            general(
                "multinomialLogistic",
                three,
                function="classification",
                target="k3",
                output=chances("k3"),
                more=f'targetReferenceCategory="c" {more}',
            ),
        )
    yield (
        "reg_ordinal_2",
        _classes("o2", table(0.25, 0.5, -0.3, targetCategory="no") + table(0, 0, 0, targetCategory="yes"), "logit"),
    )
    steps = tag("PCell", targetCategory="a", parameterName="p0", beta=-0.5) + tag(
        "PCell", targetCategory="b", parameterName="p0", beta=0.7
    )
    rest = "".join(tag("PCell", parameterName=f"p{at}", beta=beta) for at, beta in enumerate(BETAS) if at)
    for link in ("logit", "probit", "cloglog", "loglog", "cauchit"):
        yield (
            f"glm_ordinal_{link}",
            general(
                "ordinalMultinomial",
                steps + rest,
                function="classification",
                target="o3",
                output=chances("o3"),
                more=f'targetReferenceCategory="c" cumulativeLink="{link}"',
            ),
        )
    yield (
        "glm_ordinal_offset",
        general(
            "ordinalMultinomial",
            steps + rest,
            function="classification",
            target="o3",
            output=chances("o3"),
            more='targetReferenceCategory="c" cumulativeLink="logit" offsetValue="0.5"',
        ),
    )


def cox() -> Iterator[tuple[str, str]]:
    base = "".join(
        tag("BaselineCell", time=time, cumHazard=hazard)
        for time, hazard in ((0.5, 0.1), (1, 0.25), (1.5, 0.6), (2.5, 1.4))
    )
    cells_ = "".join(tag("PCell", parameterName=f"p{at}", beta=beta) for at, beta in ((0, 0.3), (1, -0.2)))
    body = (
        tag(
            "ParameterList",
            tag("Parameter", name="p0", label="x", referencePoint=0.5)
            + tag("Parameter", name="p1", label="z", referencePoint=1),
        )
        + tag("FactorList")
        + tag("CovariateList", tag("Predictor", name="x") + tag("Predictor", name="z"))
        + tag(
            "PPMatrix",
            tag("PPCell", value=1, predictorName="x", parameterName="p0")
            + tag("PPCell", value=1, predictorName="z", parameterName="p1"),
        )
        + tag("ParamMatrix", cells_)
        + tag("BaseCumHazardTables", base, maxTime=3)
    )
    for name, output in (("hazard", ""), ("survival", told("risk", "predictedValue", "double"))):
        yield (
            f"cox_{name}",
            file(
                "GeneralRegressionModel",
                "regression",
                body,
                fields="x z w",
                output=output,
                more='modelType="CoxRegression" endTimeVariable="w"',
            ),
        )


def files() -> Iterator[tuple[str, str]]:
    yield from regressions()
    yield from terms()
    yield from generals()
    yield from cox()
