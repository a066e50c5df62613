"""A compiled file as the folder of a model: inputs, features, one graph, and all that it tells."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ranklet.errors import ImportRefused
from ranklet.importers.pmml import compiling, markup, ranking, verifying
from ranklet.importers.pmml.compiling import Compiled
from ranklet.importers.pmml.markup import Element
from ranklet.importers.pmml.values import NUMERIC, Choice, Number
from ranklet.importers.proposal import Proposal, ProposedInput, Wishes
from ranklet.model import StepSource, Telling

ARTEFACT = "export/model.onnx"


def propose(path: Path, wishes: Wishes) -> Proposal:
    """See `ranklet.importers.pmml`."""
    options = wishes.only(ranking.OUTPUT)
    try:
        with markup.deep():
            root = markup.read(path)
            wanted = options.get(ranking.OUTPUT)
            return _propose(root, compiling.compile(root, lambda made: ranking.of(made, wanted)[0]), wanted)
    except ImportRefused as error:
        raise ImportRefused(f"{path.name}: {error}") from error


def _propose(root: Element, made: Compiled, wanted: str | None) -> Proposal:
    sources, tape = made.sources, made.sources.tape
    ranked, why = ranking.of(made, wanted)
    score = {} if ranked is None else {SCORE: ranked.tensor}
    used = compiling.used(made, ranked)
    files: dict[str, bytes] = {}
    features = dict(sources.features(used, files))
    names = _tensors(made, taken=set(features))
    outputs = {**{names[name]: value.tensor for name, value in made.told.items()}, **score}
    files[ARTEFACT] = tape.graph(sources.graph_inputs(used), outputs, "pmml")
    read = {name for fields in features.values() for name in fields["of"]}
    return Proposal(
        inputs={
            name: ProposedInput(field.fields, field.drawn.values)
            for name, field in sources.fields.items()
            if name in read
        },
        features=features,
        steps=(StepSource(format="onnx", source=ARTEFACT),),
        score=SCORE,
        files=files,
        tell={name: Telling(tensor=names[name], labels=_labels(value)) for name, value in made.told.items()},
        nulls=True,
        ranks=ranked is not None,
        verified=verifying.read(
            made.model, {name: one for name, one in sources.fields.items() if name in read}, made.told
        ),
        notes=(why, *_notes(root)),
    )


SCORE = "score"


def _tensors(made: Compiled, *, taken: set[str]) -> dict[str, str]:
    """A tensor's name for each output: its own, where no feature is called so."""
    found: dict[str, str] = {}
    for name in made.told:
        free, number = name, 2
        while free in taken or free == SCORE or free in made.sources.tape.constants:
            free, number = f"{name}_{number}", number + 1
        taken.add(free)
        found[name] = free
    return found


def _labels(value: Number | Choice) -> tuple[str | int | float | bool, ...] | None:
    """What the codes stand for, in the type of the output."""
    if isinstance(value, Number):
        return None
    if value.kind == "boolean":
        return (False, True)
    words = tuple(value.domain.words)
    return tuple(map(_number, words)) if value.kind in NUMERIC else words


def _number(word: str) -> int | float:
    found = float(word)
    return int(found) if found.is_integer() else found


def _notes(root: Element) -> Iterator[str]:
    if (header := root.one("Header")) is not None and (application := header.one("Application")) is not None:
        yield f"written by {application.get('name', '?')} {application.get('version') or ''}".strip()
    yield "the golden rows prove the package against JPMML's answers only where the file has verification rows"
