"""Which tensors the compiled graphs read, and the features that make them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ranklet.graph.records import Array, Piece, Port, Source
from ranklet.splitting.sides import columns_of, parts
from ranklet.splitting.subject import Subject
from ranklet_features.spec import Feature


def tensor(subject: Subject, end: str, source: Source) -> str:
    """The tensor that feeds an input of a compiled graph: a feature's own, or that of some of its columns."""
    whole = subject.tensor(source.name)
    return whole if source.columns is None else f"{whole}.{end.rsplit('.', 1)[1]}"


def features(subject: Subject, ends: Iterable[tuple[str, Source]]) -> dict[str, Feature]:
    """The features of these inputs, and what they are crossed of, in the order of model.toml."""
    whole: set[str] = set()
    cut: dict[str, Feature] = {}
    for end, source in ends:
        name = subject.owners[subject.tensor(source.name)].name
        if source.columns is None:
            whole.update(parts(subject.spec, name))
        else:
            cut[tensor(subject, end, source)] = columns_of(subject.spec, name, source.columns)
    return {name: feature for name, feature in subject.spec.features.items() if name in whole} | cut


def sources(pieces: Iterable[Piece | None], rows: Mapping[str, object]) -> dict[str, Source]:
    """The pieces' inputs that features feed; `rows` are those that tables do."""
    return {
        end: source
        for piece in pieces
        if piece is not None
        for end, source in piece.sources.items()
        if end not in rows and source.name not in rows
    }


def fitted(port: Port, value: Array) -> Array:
    """A tensor in a port's rank and dtype, as the onnx engine fits it."""
    if value.ndim == len(port.shape) - 1 and port.shape[-1] in (1, None):
        value = value[..., None]
    elif value.ndim == len(port.shape) + 1 and value.shape[-1] == 1:
        value = value[..., 0]
    return value.astype(port.dtype, copy=False)
