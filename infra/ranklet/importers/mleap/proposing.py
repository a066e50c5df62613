"""A compiled bundle as the folder of a model: inputs, features, one graph, and all that its models tell."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from ranklet.errors import ImportRefused
from ranklet.importers.mleap import bundle, nodes, stages
from ranklet.importers.mleap.context import Context
from ranklet.importers.mleap.sources import Sources
from ranklet.importers.mleap.values import Numbers, Words
from ranklet.importers.proposal import Proposal, ProposedInput, Wishes
from ranklet.importers.tape import Tape
from ranklet.model import StepSource, Telling

OUTPUT = "output"
ARTEFACT = "export/model.onnx"
SCORE = "score"
MOST_COLUMNS = 100
"""Of a vector that is told, a number each."""


def propose(path: Path, wishes: Wishes) -> Proposal:
    """See `ranklet.importers.mleap`."""
    options = wishes.only(OUTPUT)
    try:
        with bundle.opened(path) as files:
            read = nodes.read(files)
            context = Context(Sources(Tape(), stages.loose(read)))
            stages.compile(read, context)
            return _propose(read, context, options.get(OUTPUT))
    except ImportRefused as error:
        raise ImportRefused(f"{path.name}: {error}") from error


def _propose(read: list[nodes.Node], context: Context, wanted: str | None) -> Proposal:
    tape, sources = context.tape, context.sources
    told = dict(_told(read, context))
    told |= {name: tensor for name, tensor in _unnamed(context) if name not in told}
    ranked, why = _ranked(context, {name: tensor for name, (tensor, words) in told.items() if words is None}, wanted)
    sources.settle()
    tensors = {name: _masked(context, tensor, words is not None) for name, (tensor, words) in told.items()}
    score = _masked(context, ranked, False)
    used = {name for tensor in (*tensors.values(), score) for name in tape.reads(tensor)}
    files: dict[str, bytes] = {}
    features = dict(sources.features(used, files))
    if not features:
        raise ImportRefused("the bundle reads no field; there is nothing to serve")
    names = _tensors(tensors, {*features, *tape.constants, SCORE})
    outputs = {**{names[name]: tensor for name, tensor in tensors.items()}, SCORE: score}
    files[ARTEFACT] = tape.graph(sources.graph_inputs(used), outputs, "mleap")
    needed = {one for line in features.values() for one in _of(line)}
    return Proposal(
        inputs={name: ProposedInput(one.fields, one.draw) for name, one in sources.fields.items() if name in needed},
        features=features,
        steps=(StepSource(format="onnx", source=ARTEFACT),),
        score=SCORE,
        files=files,
        tell={name: Telling(tensor=names[name], labels=words) for name, (_, words) in told.items()},
        nulls=True,
        notes=(why, *_notes(context, told)),
    )


def _of(line: Mapping[str, object]) -> list[str]:
    of = line["of"]
    return [of] if isinstance(of, str) else list(of)  # type: ignore[call-overload]


def _told(read: list[nodes.Node], context: Context) -> Iterator[tuple[str, tuple[str, tuple[str, ...] | None]]]:
    """Name → tensor [n, 1] and its words: what models make, and what no stage reads."""
    models = {column for one in context.models for column in one.node.outputs.values()}
    for node in read:
        for column in node.outputs.values():
            value = context.columns.get(column)
            if value is None or (column in context.read and column not in models):
                continue
            if isinstance(value, Words):
                yield column, (value.codes, value.words)
            elif isinstance(value, Numbers) and value.scalar:
                yield column, (context.dense(value), None)
            elif isinstance(value, Numbers) and value.width <= MOST_COLUMNS:
                dense = context.dense(value)
                for at in range(value.width):
                    yield f"{column}_{at}", (context.tape.columns(dense, [at]), None)


def _unnamed(context: Context) -> Iterator[tuple[str, tuple[str, None]]]:
    """The probabilities of a model whose node names no column for them, as of Python's package."""
    for one in context.models[-1:]:
        if one.probability is not None and "probability" not in one.node.outputs and one.classes <= MOST_COLUMNS:
            for at in range(one.classes):
                yield f"probability_{at}", (context.tape.columns(one.probability, [at]), None)


def _masked(context: Context, tensor: str, codes: bool) -> str:
    """What is told of a row that Spark drops or refuses: nothing."""
    tape, found = context.tape, tensor
    for mask in context.dropped:
        found = tape.op("Where", mask, [0], found) if codes else tape.op("Where", mask, float("nan"), found)
        if codes:
            tape.kinds[found] = 7
    return found


def _ranked(context: Context, told: Mapping[str, str], wanted: str | None) -> tuple[str, str]:
    """The tensor that ranks, and a note of it. Raises ImportRefused where that must be asked."""
    if wanted is not None:
        if wanted not in told:
            raise ImportRefused(f"no output of numbers is called {wanted[:80]!r}; there are {', '.join(told)}")
        return told[wanted], f"the score is the output {wanted!r}"
    last = context.models[-1] if context.models else None
    if last is not None and last.ranks is not None:
        what = "margin" if last.node.op == "linear_svc" else "probability"
        return last.ranks, f"the score is the {what} of class 1, of node {last.node.name!r}"
    if last is not None and not last.classes:
        return last.prediction, f"the score is the prediction of node {last.node.name!r}"
    if last is None and len(told) == 1:
        ((name, tensor),) = told.items()
        return tensor, f"the score is the output {name!r}"
    raise ImportRefused(f"say which output ranks, with -o {OUTPUT}=NAME: {', '.join(told) or 'it has no numbers'}")


def _tensors(told: Mapping[str, str], taken: set[str]) -> dict[str, str]:
    """A tensor's name for each output: its own, where no feature is called so."""
    found: dict[str, str] = {}
    for name in told:
        free, number = name, 2
        while free in taken:
            free, number = f"{name}_{number}", number + 1
        taken.add(free)
        found[name] = free
    return found


def _notes(context: Context, told: Mapping[str, object]) -> Iterator[str]:
    yield "the file holds no rows with MLeap's answers: the golden rows are the package's own, compare some with yours"
    if context.dropped:
        yield "a row that Spark would drop or refuse within the pipeline has no score: it is told as null"
    for one in context.models:
        if one.classes > MOST_COLUMNS:
            yield f"the {one.classes} columns of node {one.node.name!r} are more than {MOST_COLUMNS}: they are not told"
