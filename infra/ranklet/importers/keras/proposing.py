"""A folder for a Keras model: features of its preprocessing layers, the graph of the rest, Keras as the oracle."""

from __future__ import annotations

import io
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from ranklet.errors import ImportRefused
from ranklet.importers import additive, proving, tensors, tfgraphs
from ranklet.importers.keras import archive, conversion, weights
from ranklet.importers.keras.layers import Made
from ranklet.importers.keras.oracle import Keras, nothing
from ranklet.importers.keras.walk import Raw, Walk, functional
from ranklet.importers.onnx import proposing
from ranklet.importers.proposal import Draw, Proposal, ProposedInput, Wishes
from ranklet.importers.tensors import Drafted

INLINE = 20
"""Words of a vocabulary that stand in model.toml itself; longer ones get a file."""

RELATIVE = 1e-5
"""Sums of 32-bit floats in another order."""


def propose(path: Path, wishes: Wishes) -> Proposal:
    """options.output: of several outputs, the one that ranks. options.column: of its numbers, the one that does.

    Raises ImportRefused naming the layer that is not served, or the row that the converted model scores otherwise.
    """
    options = wishes.only(proposing.OUTPUT, tfgraphs.COLUMN)
    archive.check(path)
    keras = _keras()
    with tfgraphs.silence():
        model = functional(keras, _load(keras, path))
        walk = Walk(keras)
        names = _outputs(keras, model)
        wanted, column = _wanted(model, names, options)
        content = conversion.to_onnx(keras, walk.model(model), names, column=column)
    exported = tfgraphs.checked(content, path.stem)
    drafted = [_limited(one, walk.limits.get(one.tensor)) for one in tensors.draft(exported)]
    made = proposing.of_graph(exported, wanted=wanted, drafted=drafted)
    proposal = _with_features(made, walk)
    oracle = Keras(keras, model, names.index(proposal.score), _fills(made, walk), None if column is None else column[1])
    proposal = replace(proposal, oracle=oracle, notes=(*_notes(made, walk), *_padded(made, walk)))
    proving.hold(proposal, relative=RELATIVE)
    return additive.weights(proposal)


def _keras() -> Any:
    tfgraphs.prepare()
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    try:
        with tfgraphs.silence():
            import keras  # an extra, and seconds to import
            import tensorflow
            import tf2onnx
    except ImportError as error:
        raise ImportRefused(
            f"a Keras model needs Keras, TensorFlow and tf2onnx ({error}): pip install 'ranklet[keras]'"
        ) from error
    del tensorflow, tf2onnx
    if keras.config.backend() != "tensorflow":
        raise ImportRefused(f"Keras runs on {keras.config.backend()}; import with KERAS_BACKEND=tensorflow")
    return keras


def _load(keras: Any, path: Path) -> Any:
    try:
        weights.check(keras, path)
        model = keras.saving.load_model(path, compile=False, safe_mode=True)
    except ImportRefused:
        raise
    except Exception as error:
        # Keras raises whatever its layers do on a damaged file
        told = str(error).replace(str(path), path.name)[:400]
        raise ImportRefused(f"{path.name}: Keras does not load it: {told}") from error
    if not isinstance(model, keras.Model) or not model.inputs:
        raise ImportRefused(f"{path.name} is a {type(model).__name__} without inputs; call it once before saving it")
    return model


def _outputs(keras: Any, model: Any) -> list[str]:
    """Names of the outputs, in order: the keys of a dict, else the layers' names."""
    struct = getattr(model, "_outputs_struct", None)
    if isinstance(struct, dict):
        return [str(name) for name in keras.tree.flatten({name: name for name in struct})]
    names = list(getattr(model, "output_names", None) or [f"output_{at}" for at in range(len(model.outputs))])
    return [name if names.count(name) == 1 else f"{name}_{at}" for at, name in enumerate(names)]


def _limited(one: Drafted, limit: int | None) -> Drafted:
    """Ids of which a layer knows so many; it fails on others."""
    if limit is None or not one.ids:
        return one
    size = min(limit, one.feature["size"])
    notes = tuple(note for note in one.notes if "how many ids" not in note)
    return replace(one, spec=replace(one.spec, limit=size), feature={**one.feature, "size": size}, notes=notes)


def _wanted(model: Any, names: list[str], options: Mapping[str, str]) -> tuple[str | None, tuple[int, int] | None]:
    """The output that is asked for, and its place and column where one is."""
    wanted = options.get(proposing.OUTPUT)
    if tfgraphs.COLUMN not in options:
        return wanted, None
    if wanted is None and len(names) > 1:
        raise ImportRefused(f"-o {tfgraphs.COLUMN}= is of one output; -o {proposing.OUTPUT}=NAME says which: {names}")
    if wanted is not None and wanted not in names:
        raise ImportRefused(f"there is no output {wanted!r}; there are {names}")
    at = 0 if wanted is None else names.index(wanted)
    column = tfgraphs.column_of(options, names[at], tuple(model.outputs[at].shape))
    return names[at], None if column is None else (at, column)


def _fills(made: Proposal, walk: Walk) -> dict[str, Any]:
    """Raw list → the value that fills it up where it is short: the mask of a layer that reads it."""
    found: dict[str, Any] = {}
    for one in walk.made.values():
        if one.line["kind"] == "bag":
            (raw,) = one.of
            plain = raw in made.features or one.mask is None
            found[raw] = found.get(raw) or (nothing(one.type) if plain else one.mask)
    return found


def _with_features(made: Proposal, walk: Walk) -> Proposal:
    """The graph's own inputs, and those that features make with the raw ones behind them; in the model's order."""
    inputs, features, files = dict[str, ProposedInput](), dict[str, Mapping[str, Any]](), dict(made.files)
    fills = _fills(made, walk)
    for name, line in made.features.items():
        if name not in walk.made:
            inputs[name], features[name] = made.inputs[name], line
    for name, one in walk.made.items():
        features[name] = _line(name, one, files, fills)
        for raw in one.of:
            if raw not in walk.made or raw == name:
                inputs[raw] = _input(inputs.get(raw), one, walk.raw[id(walk.ends[raw])])
    ordered = {name: inputs[name] for name in walk.ends if name in inputs}
    return replace(made, inputs=ordered, features=features, files=files)


def _line(name: str, one: Made, files: dict[str, bytes], fills: Mapping[str, Any]) -> dict[str, Any]:
    line = dict(one.line)
    kind = line.pop("kind")
    if kind == "bag":
        (raw,) = one.of
        given = {} if one.vocabulary is None else {"vocabulary": tuple(one.vocabulary)}
        line["pad"] = tfgraphs.id_of(line | given, raw, fills[raw])
    words = one.vocabulary
    if words is not None and len(words) <= INLINE:
        line = {"vocabulary": list(words), **line}
    elif words is not None:
        text = one.type == "string"
        file = f"vocabularies/{name}.{'json' if text else 'npy'}"
        files[file] = orjson.dumps(list(words)) if text else _npy(words)
        line = {"vocabulary": file, **line}
    return {"kind": kind, "of": one.of[0] if len(one.of) == 1 else list(one.of), **line}


def _npy(words: Sequence[int]) -> bytes:
    out = io.BytesIO()
    np.save(out, np.array(words, np.int64))
    return out.getvalue()


def _input(known: ProposedInput | None, one: Made, raw: Raw) -> ProposedInput:
    """The line of a raw input that a layer reads; of one that several read, with what is worth trying for all."""
    kind = {"string": "string", "float": "float"}.get(_family(raw.dtype), "int")
    fields: dict[str, Any] = {"type": kind}
    if not raw.scalar:
        fields |= {"list": True, "default": []}
    elif one.mask is not None and (known is None or known.fields.get("default") == one.mask):
        fields["default"] = one.mask
    worth = list(one.worth) or (["a", "b", "Zürich", ""] if kind == "string" else [0, 1, -5, 12345])
    draws: list[Draw] = [partial(_drawn, worth, raw)]
    if known is not None:
        draws.append(known.draw)
    return ProposedInput(fields, partial(_any, draws))


def _family(dtype: str) -> str:
    return "float" if dtype.startswith(("float", "bfloat")) else dtype


def _drawn(worth: Sequence[Any], raw: Raw, random: np.random.Generator, count: int) -> list[Any]:
    if raw.scalar:
        return [worth[at] for at in random.integers(0, len(worth), count)]
    longest = raw.shape[0] or 6
    lengths = random.integers(0, longest + 1, count)
    return [[worth[at] for at in random.integers(0, len(worth), length)] for length in lengths]


def _any(draws: Sequence[Draw], random: np.random.Generator, count: int) -> list[Any]:
    """Each value by one of the draws: what one layer refuses to know, another may."""
    each = [draw(random, count) for draw in draws]
    return [each[which][row] for row, which in enumerate(random.integers(0, len(each), count))]


def _notes(made: Proposal, walk: Walk) -> list[str]:
    return [note for note in made.notes if note.split(":")[0] not in walk.made]


def _padded(made: Proposal, walk: Walk) -> list[str]:
    return [
        f"{name}: shorter lists are filled up with {value!r} at the end, and longer ones cut to their first values"
        for name, value in _fills(made, walk).items()
    ]
