"""NeuralNetwork, SupportVectorMachineModel and NaiveBayesModel: every activation, kernel and kind of input."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pmml_writing import chances, derived, file, tag, told

ACTIVATIONS = (
    "identity",
    "logistic",
    "tanh",
    "threshold",
    "exponential",
    "reciprocal",
    "square",
    "Gauss",
    "sine",
    "cosine",
    "Elliott",
    "arctan",
    "rectifier",
    "radialBasis",
)


def neuron(name: str, bias: float, weights: Sequence[float], before: str, **more: object) -> str:
    body = "".join(tag("Con", from_=f"{before}{at}", weight=weight) for at, weight in enumerate(weights))
    return tag("Neuron", body, id=name, bias=bias, **more)


def network(
    activation: str,
    *,
    outputs: Sequence[str] = (),
    last: str = "identity",
    normalization: str = "none",
    inputs: str = "",
    back: str = "",
) -> str:
    """Two inputs, three neurons, and one or more at the end. back: what makes the target of the last neuron."""
    given = inputs or "".join(
        tag("NeuralInput", derived(f"n_{name}", f'<FieldRef field="{name}"/>'), id=f"i{at}")
        for at, name in enumerate("xz")
    )
    width: dict[str, object] = {"width": 1.5} if activation == "radialBasis" else {}
    hidden = [
        neuron(f"h{at}", bias, weights, "i", **width)
        for at, (bias, weights) in enumerate(((0.3, (0.5, -0.4)), (-0.2, (0.25, 0.75)), (0.9, (-0.6, 0.3))))
    ]
    ends = [
        neuron(f"o{at}", 0.1 * at, weights, "h")
        for at, weights in enumerate([(0.5, -1, 0.7), (0.2, 0.4, -0.3), (1, -0.1, 0.6)][: len(outputs) or 1])
    ]
    told = "".join(
        tag("NeuralOutput", derived(f"t{at}", f'<NormDiscrete field="k3" value="{name}"/>'), outputNeuron=f"o{at}")
        for at, name in enumerate(outputs)
    ) or tag("NeuralOutput", derived("t", back or '<FieldRef field="y"/>'), outputNeuron="o0")
    return (
        tag("NeuralInputs", given, numberOfInputs=2)
        + tag("NeuralLayer", "".join(hidden), activationFunction=activation)
        + tag("NeuralLayer", "".join(ends), activationFunction=last, normalizationMethod=normalization)
        + tag("NeuralOutputs", told, numberOfOutputs=len(outputs) or 1)
    )


def networks() -> Iterator[tuple[str, str]]:
    for name in ACTIVATIONS:
        more = f'activationFunction="{name}"' + (' threshold="0.25"' if name == "threshold" else "")
        yield f"nn_{name}", file("NeuralNetwork", "regression", network(name), more=more)
    for normalization, last in (("softmax", "identity"), ("simplemax", "exponential"), ("none", "logistic")):
        body = network("tanh", outputs=("a", "b", "c"), last=last, normalization=normalization)
        yield (
            f"nn_3_{normalization}",
            file(
                "NeuralNetwork",
                "classification",
                body,
                target="k3",
                output=chances("k3"),
                more='activationFunction="tanh"',
            ),
        )
    back = '<NormContinuous field="y"><LinearNorm orig="10" norm="0"/><LinearNorm orig="50" norm="1"/></NormContinuous>'
    yield (
        "nn_back",
        file("NeuralNetwork", "regression", network("logistic", back=back), more='activationFunction="logistic"'),
    )
    line = '<NormContinuous field="x"><LinearNorm orig="-1" norm="0"/><LinearNorm orig="3" norm="1"/></NormContinuous>'
    inputs = tag("NeuralInput", derived("n0", line), id="i0") + tag(
        "NeuralInput", derived("n1", '<NormDiscrete field="c" value="red"/>'), id="i1"
    )
    yield (
        "nn_inputs",
        file(
            "NeuralNetwork",
            "regression",
            network("tanh", inputs=inputs),
            fields="x c",
            more='activationFunction="tanh"',
        ),
    )


KERNELS = {
    "linear": "<LinearKernelType/>",
    "poly": '<PolynomialKernelType gamma="0.5" coef0="1" degree="3"/>',
    "rbf": '<RadialBasisKernelType gamma="0.4"/>',
    "sigmoid": '<SigmoidKernelType gamma="0.3" coef0="0.2"/>',
}
VECTORS = ((0.5, -1.0), (-0.75, 0.25), (1.5, 2.0), (-1.0, -1.5))


def dictionary() -> str:
    fields = "".join(tag("FieldRef", field=name) for name in "xz")
    instances = "".join(
        tag(
            "VectorInstance",
            f'<REAL-SparseArray n="2"><Indices>1 2</Indices><REAL-Entries>{one} {other}</REAL-Entries></REAL-SparseArray>',  # noqa: E501
            id=f"v{at}",
        )
        for at, (one, other) in enumerate(VECTORS)
    )
    return tag("VectorDictionary", tag("VectorFields", fields, numberOfFields=2) + instances, numberOfVectors=4)


def machine(weights: Sequence[float], constant: float, **more: object) -> str:
    vectors = "".join(tag("SupportVector", vectorId=f"v{at}") for at in range(len(weights)))
    coefficients = "".join(tag("Coefficient", value=weight) for weight in weights)
    body = tag("SupportVectors", vectors) + tag("Coefficients", coefficients, absoluteValue=constant)
    return tag("SupportVectorMachine", body, **more)


WEIGHTS = ((0.8, -0.5, 0.3, 0.2), (-0.4, 0.9, 0.1, -0.6), (0.25, -0.35, -0.7, 0.5))


def machines() -> Iterator[tuple[str, str]]:
    for name, kernel in KERNELS.items():
        yield (
            f"svm_{name}",
            file("SupportVectorMachineModel", "regression", kernel + dictionary() + machine(WEIGHTS[0], 0.4)),
        )
        one = "".join(
            machine(weights, 0.1 * at, targetCategory=pair[0], alternateTargetCategory=pair[1])
            for at, (weights, pair) in enumerate(zip(WEIGHTS, ("ab", "ac", "bc"), strict=True))
        )
        shares = chances("k3") + told("share", "probability", "double")
        yield (
            f"svm_{name}_shares",
            _classes(kernel + dictionary() + one, 'classificationMethod="OneAgainstOne"', output=shares),
        )
        yield f"svm_{name}_one", _classes(kernel + dictionary() + one, 'classificationMethod="OneAgainstOne"')
        rest = "".join(machine(weights, 0.1 * at, targetCategory="abc"[at]) for at, weights in enumerate(WEIGHTS))
        yield f"svm_{name}_all", _classes(kernel + dictionary() + rest, 'classificationMethod="OneAgainstAll"')
    two = machine(WEIGHTS[0], 0.1, targetCategory="no", alternateTargetCategory="yes")
    for threshold in ("0", "0.5"):
        yield (
            f"svm_two_{threshold[-1]}",
            file(
                "SupportVectorMachineModel",
                "classification",
                KERNELS["rbf"] + dictionary() + two,
                target="k2",
                more=f'threshold="{threshold}" classificationMethod="OneAgainstOne"',
            ),
        )


def _classes(body: str, more: str, *, output: str = "") -> str:
    return file("SupportVectorMachineModel", "classification", body, target="k3", more=more, output=output)


def counts(*numbers: float) -> str:
    return tag(
        "TargetValueCounts",
        "".join(tag("TargetValueCount", value=name, count=one) for name, one in zip("abc", numbers, strict=True)),
    )


def pairs(field: str, **words: Sequence[float]) -> str:
    return tag(
        "BayesInput",
        "".join(tag("PairCounts", counts(*one), value=word) for word, one in words.items()),
        fieldName=field,
    )


def bayes() -> Iterator[tuple[str, str]]:
    output = tag("BayesOutput", counts(30, 20, 50), fieldName="k3")
    words = pairs("c", red=(10, 5, 20), blue=(15, 15, 0), green=(5, 0, 30))
    more = pairs("d", low=(20, 10, 25), high=(10, 10, 25))
    gauss = tag(
        "BayesInput",
        tag(
            "TargetValueStats",
            "".join(
                tag("TargetValueStat", tag("GaussianDistribution", mean=mean, variance=variance), value=name)
                for name, mean, variance in (("a", 0, 1), ("b", 1, 0.5), ("c", -0.5, 2))
            ),
        ),
        fieldName="x",
    )
    cut = (
        '<Discretize field="z"><DiscretizeBin binValue="low"><Interval closure="openOpen" rightMargin="0"/></DiscretizeBin>'  # noqa: E501
        '<DiscretizeBin binValue="high"><Interval closure="closedOpen" leftMargin="0"/></DiscretizeBin></Discretize>'
    )
    binned = pairs("z", low=(20, 10, 25), high=(10, 10, 25)).replace(
        '<BayesInput fieldName="z">', '<BayesInput fieldName="z">' + derived("cut", cut, "string")
    )
    for name, inputs, fields in (
        ("words", words + more, "c d"),
        ("gauss", gauss, "x"),
        ("mixed", words + gauss, "c x"),
        ("binned", words + binned, "c z"),
        ("all", words + more + gauss + binned, "c d x z"),
    ):
        for threshold in ("0.001", "0.1"):
            yield (
                f"bayes_{name}_{threshold[2:]}",
                file(
                    "NaiveBayesModel",
                    "classification",
                    tag("BayesInputs", inputs) + output,
                    fields=fields,
                    target="k3",
                    more=f'threshold="{threshold}"',
                    output=chances("k3"),
                ),
            )


def files() -> Iterator[tuple[str, str]]:
    yield from networks()
    yield from machines()
    yield from bayes()
