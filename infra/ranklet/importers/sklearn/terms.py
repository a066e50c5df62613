"""Vectorizers of text: callers send lists of terms, as the vectorizer's own analyzer makes them.

A term's weight is looked up: what is not a known term, or an empty place, weighs nothing. Only what needs to know how
often a term stands in a row (logarithms of counts, counts cut to 1) spreads them out.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ranklet.errors import ImportRefused
from ranklet.importers.sklearn.frames import Floats, Frame, Hot, Numbers, Raw, width
from ranklet.importers.sklearn.scalers import normalised

if TYPE_CHECKING:
    from ranklet.importers.sklearn.walk import Walk

VECTORIZERS = ("CountVectorizer", "TfidfVectorizer", "HashingVectorizer", "FeatureHasher")
ANALYSIS = (
    "analyzer", "lowercase", "ngram_range", "preprocessor", "stop_words", "strip_accents", "token_pattern", "tokenizer",
)  # fmt: skip
MAX_SPREAD = 1 << 13
"""Columns of counts."""


def transform(walk: Walk, estimator: Any, frame: Frame) -> Frame:
    """As the estimator's `transform` of texts."""
    name = type(estimator).__name__
    if name == "TfidfTransformer":
        return _weighed(walk, estimator, frame)
    if len(frame) != 1 or not isinstance(frame[0], Raw) or frame[0].fill is not None:
        raise ImportRefused("reads what other steps made; served is a column of texts as it is")
    counted = _hashed(walk, estimator, frame[0]) if name in ("HashingVectorizer", "FeatureHasher") else None
    found = counted or _known(walk, estimator, frame[0])
    _note(walk, estimator, frame[0])
    if name == "TfidfVectorizer":
        return _weighed(walk, estimator._tfidf, (found,))
    return (_scaled(walk, found, estimator.norm) if name == "HashingVectorizer" else found,)


def as_they_are(terms: Any) -> Any:
    """The analyzer of texts that are lists of terms."""
    return terms


def _known(walk: Walk, estimator: Any, column: Raw) -> Hot | Numbers:
    vocabulary = estimator.vocabulary_
    words = sorted(vocabulary, key=vocabulary.__getitem__)
    if [int(vocabulary[word]) for word in words] != list(range(len(words))) or not words:
        raise ImportRefused("has a vocabulary whose places are not 0, 1, 2, …; save the model again")
    if np.dtype(estimator.dtype).kind == "f" and np.dtype(estimator.dtype) != np.float64:
        raise ImportRefused("counts in 32 bits; leave dtype out")
    place = np.append(np.arange(len(words)), -1)
    found = Hot(walk.sources.terms(column.column, words), place, len(words), several=True)
    if not estimator.binary:
        return found
    counts = _spread(walk, found)
    return Numbers(walk.tape.op("Where", walk.tape.op("Greater", counts, 1.0), 1.0, counts), len(words))


def _hashed(walk: Walk, estimator: Any, column: Raw) -> Hot:
    count = int(estimator.n_features)
    if type(estimator).__name__ == "FeatureHasher" and estimator.input_type != "string":
        raise ImportRefused(
            f"hashes names of a {estimator.input_type}, which no model file tells; served is input_type='string', or "
            "DictVectorizer"
        )
    if getattr(estimator, "binary", False):
        raise ImportRefused("is binary, which is not served of hashes; leave binary out")
    if np.dtype(estimator.dtype) != np.float64:
        raise ImportRefused("counts in 32 bits; leave dtype out")
    if not 1 <= count <= 1 << 24:
        raise ImportRefused(f"has n_features={count}; served are up to {1 << 24}")
    place = np.append(np.repeat(np.arange(count), 2), -1)
    signs = np.append(np.tile([1.0, -1.0 if estimator.alternate_sign else 1.0], count), 0.0)
    return Hot(walk.sources.hashed(column.column, count), place, count, several=True, factors=signs)


def _weighed(walk: Walk, estimator: Any, frame: Frame) -> Frame:
    """TfidfTransformer: counts, or 1 + log of them, by their idf, then rows of length one."""
    columns, tape = width(frame), walk.tape
    idf = np.asarray(estimator.idf_, np.float64) if estimator.use_idf else None
    if idf is not None and idf.shape != (columns,):
        raise ImportRefused(f"has weights of {idf.shape} for {columns} columns; save the model again")
    piece = frame[0]
    if len(frame) == 1 and isinstance(piece, Hot) and piece.scale is None and not estimator.sublinear_tf:
        return (_scaled(walk, piece if idf is None else _times(piece, idf), estimator.norm),)
    counts = _spread(walk, piece) if len(frame) == 1 and isinstance(piece, Hot) else walk.dense(frame)
    if estimator.sublinear_tf:
        some = tape.op("Greater", counts, 0.0)
        logs = tape.op("Add", tape.op("Log", tape.op("Where", some, counts, 1.0)), 1.0)
        counts = tape.op("Where", some, logs, counts)
    counts = counts if idf is None else tape.op("Mul", counts, idf[None])
    return (Numbers(counts if estimator.norm is None else normalised(walk, counts, estimator.norm), columns),)


def _times(piece: Hot, weights: Floats) -> Hot:
    factors = np.where(piece.place >= 0, weights[piece.place], 0.0)
    return replace(piece, factors=factors if piece.factors is None else piece.factors * factors)


def _scaled(walk: Walk, piece: Hot | Numbers, norm: str | None) -> Hot | Numbers:
    """Rows of length one: a term counts with all others of its column."""
    if norm is None:
        return piece
    if isinstance(piece, Numbers) or norm != "l2" or not piece.several:
        counts = piece.tensor if isinstance(piece, Numbers) else _spread(walk, piece)
        return Numbers(normalised(walk, counts, norm), piece.width)
    tape = walk.tape
    place = tape.op("Gather", piece.place, piece.ids, axis=0)
    factors = (piece.place >= 0).astype(np.float64) if piece.factors is None else piece.factors
    each = tape.op("Gather", factors, piece.ids, axis=0)
    same = tape.op("Equal", tape.op("Unsqueeze", place, [2]), tape.op("Unsqueeze", place, [1]))
    pairs = tape.op("Mul", tape.op("Unsqueeze", each, [2]), tape.op("Unsqueeze", each, [1]))
    squares = tape.op("ReduceSum", tape.op("Mul", tape.doubles(same), pairs), [1, 2], keepdims=0)
    length = tape.op("Unsqueeze", tape.op("Sqrt", squares), [1])
    none = tape.op("LessOrEqual", squares, 0.0)
    none = tape.op("Unsqueeze", none, [1])
    return replace(piece, scale=tape.op("Div", 1.0, tape.op("Where", none, 1.0, length)))


def _spread(walk: Walk, piece: Hot) -> str:
    if piece.width > MAX_SPREAD:
        raise ImportRefused(
            f"spreads {piece.width} columns a row; served are {MAX_SPREAD}: limit max_features, or leave binary and "
            "sublinear_tf out and take norm='l2' or None"
        )
    return walk.spread(piece)


def _note(walk: Walk, estimator: Any, column: Raw) -> None:
    name = walk.sources.names[column.column]
    if type(estimator).__name__ == "FeatureHasher":
        return
    how = repr([(each, estimator.get_params(deep=False)[each]) for each in ANALYSIS])
    if walk.sources.analysed.setdefault(column.column, how) != how:
        raise ImportRefused(
            f"splits the text of {name!r} otherwise than another step, and callers send one list of terms; give it a "
            "column of its own"
        )
    estimator.analyzer = as_they_are  # of the oracle, which is asked with lists of terms too
    walk.sources.notes.append(
        f"{name} is a list of terms, as {type(estimator).__name__}.build_analyzer() makes them of a text: split, put "
        "in lower case where the vectorizer does, before the request"
    )
