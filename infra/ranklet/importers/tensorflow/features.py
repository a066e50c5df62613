"""Features that a walk asks for, each with the tensor of the new graph that it feeds; and what is worth trying.

A feature is asked for by what it does: asked twice, it is there once.
"""

from __future__ import annotations

import io
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import orjson

from ranklet.errors import ImportRefused
from ranklet.importers import tfgraphs
from ranklet.importers.tensorflow.values import Dense, Mask, Raw
from ranklet.importers.tfgraphs import next_above, next_below

INLINE = 20
"""Words of a vocabulary that stand in model.toml itself; longer ones get a file."""

Width = tuple[int | None, ...]
"""Of a tensor, beside the rows."""

LARGEST = (1 << 31) - 1
"""`size` of integers that are ids as they are; the id of those outside still fits in 32 bits."""


class Features:
    """lines: of model.toml. fed: feature → placeholder. files: vocabularies. worth: raw input → values to try.

    used: raw inputs. parsed: those of a tf.Example. paired: lists that must be equally long. made: a further tensor of
    a feature → the feature.
    """

    def __init__(self, tf: Any) -> None:
        self.tf = tf
        self.lines: dict[str, dict[str, Any]] = {}
        self.fed: dict[str, Any] = {}
        self.files: dict[str, bytes] = {}
        self.worth: dict[str, list[Any]] = {}
        self.used: dict[str, Raw] = {}
        self.parsed: dict[str, Any] = {}
        self.paired: set[str] = set()
        self.made: dict[str, str] = {}
        self._batch: Any = None
        self._known: dict[Any, str] = {}

    def batch(self) -> Any:
        """int32 []: how many rows. It is tied to an input at the end, see `conversion`."""
        if self._batch is None:
            self._batch = self.tf.compat.v1.placeholder("int32", [], name="batch_size")
        return self._batch

    def numbers(self, raw: Raw) -> Any:
        """The raw numbers as the graph has them."""
        if raw.dtype.startswith("int"):
            tensor, name = self.ids(raw, {"size": LARGEST}, "", worth=[0, 1, 2, 3])
            self.strict(name)
            return self.tf.cast(tensor, raw.dtype)
        if raw.dtype != "float32":
            raise ImportRefused(f"input {raw.name!r} is {raw.dtype}, features give 32 bits: let it be float32")
        name = self._feature(raw, {"kind": "dense"}, "", "float32", (raw.width,))
        return self.tf.cast(self.tf.reshape(self.fed[name], [-1, *raw.shape]), raw.dtype)

    def padded(self, raw: Raw) -> Dense:
        """A rectangle of ids that callers pad: shorter lists get zeros."""
        ids, name = self.ids(raw, {"size": LARGEST, "pad": 0}, "", worth=[0, 1, 2, 3])
        return Dense(self.tf.cast(ids, raw.dtype), name)

    def floats(self, raw: Raw) -> Any:
        """Raw integers that are numbers, as floats."""
        if raw.shape == (None,):
            raise ImportRefused(f"{raw.name!r} is a list of any length and used as numbers; give it a fixed length")
        if raw.listed:
            return self.tf.cast(self.numbers(raw), "float32")
        self.worth.setdefault(raw.name, []).extend([0, 1, 7, -3, 1000, 2**24])
        name = self._feature(raw, {"kind": "dense"}, "", "float32", (raw.width,))
        return self.tf.reshape(self.fed[name], [-1, *raw.shape])

    def ids(self, raw: Raw, line: Mapping[str, Any], suffix: str, *, worth: Sequence[Any] = ()) -> tuple[Any, str]:
        """int64 ids of raw values in the raw tensor's shape, and the feature's name."""
        self.worth.setdefault(raw.name, []).extend(worth)
        if raw.listed:
            length = (
                {} if raw.shape == (None,) else {"length": raw.width, "pad": tfgraphs.id_of(line, raw.name, fill(raw))}
            )
            name = self._feature(raw, {"kind": "bag", **line, **length}, suffix, "int64", (length.get("length"),))
            tensor = self.fed[name]
            return (tensor if raw.shape == (None,) else self.tf.reshape(tensor, [-1, *raw.shape])), name
        name = self._feature(raw, {"kind": "category", **line}, suffix, "int64", ())
        return self.tf.reshape(self.fed[name], [-1, *raw.shape]), name

    def vocabulary(self, raw: Raw, keys: Sequence[Any], suffix: str, *, strict: bool = False) -> tuple[Any, str]:
        """Positions among the keys; their number for any other value, which strict refuses with the request."""
        if strict:
            return self.ids(raw, {"vocabulary": tuple(keys), "oov": "error"}, suffix, worth=keys[:100])
        strangers: list[Any] = ["", "no such word", "ünknown"] if raw.dtype == "string" else [-1, 0, 2**40 + 1]
        return self.ids(raw, {"vocabulary": tuple(keys)}, suffix, worth=[*keys[:100], *strangers])

    def places(self, raw: Raw) -> Any:
        """A tensor of ids over the raw list, -1 in empty places."""
        for name, line in self.lines.items():
            if line["of"] == raw.name and line["kind"] == "bag":
                return self.fed[name]
        if raw.dtype == "string":
            return self.vocabulary(raw, [""], "places")[0]
        return self.ids(raw, {"size": LARGEST}, "", worth=[0, 1, 2, 3])[0]

    def bits(self, mask: Mask) -> Any:
        """bool [n, L]: which places hold a value."""
        if mask.bits is not None:
            return mask.bits
        assert mask.raw is not None
        if mask.raw.shape == (None,):
            return self.tf.greater_equal(self.places(mask.raw), 0)
        ids, _ = self.ids(mask.raw, {"vocabulary": (mask.fill,)}, "missing", worth=[mask.fill])
        return self.tf.reshape(self.tf.not_equal(ids, 0), [-1, mask.raw.width])

    def combined(self, of: Sequence[str], line: Mapping[str, Any], width: Width) -> tuple[Any, str]:
        """A feature of several others, or of raw inputs."""
        key = ("combined", tuple(of), repr(line))
        if key not in self._known:
            name = self._name("_x_".join(of))
            self._known[key] = name
            self.lines[name] = {"kind": line["kind"], "of": list(of), **{k: v for k, v in line.items() if k != "kind"}}
            self.fed[name] = self.tf.compat.v1.placeholder("int64", [None, *width], name=f"feature_{len(self.fed)}")
        return self.fed[self._known[key]], self._known[key]

    def limit(self, tied: Any, rows: int | None) -> None:
        """Integers that are ids of a table's rows as they are: others are refused with the request."""
        line = self.lines.get(tied) if isinstance(tied, str) else None
        if line is None or rows is None or line.get("size", 0) < rows:
            return
        line |= {"size": rows, "oov": "error"}
        raw = line["of"]
        self.worth[raw] = [*(value for value in self.worth[raw] if 0 <= value < rows), rows - 1]

    def weights(self, raw: Raw, of: Raw) -> Any:
        """float32 [n, L]: numbers that go with the values of a list, 0 in empty places."""
        self.places(of)
        name = next(key for key, line in self.lines.items() if line["of"] == of.name and line["kind"] == "bag")
        if self.lines[name].setdefault("weights", raw.name) != raw.name:
            raise ImportRefused(
                f"{of.name!r} has two lists of weights, {self.lines[name]['weights']!r} and {raw.name!r}"
            )
        made = f"{name}_weights"
        if made not in self.fed:
            self.used.setdefault(raw.name, raw)
            self.paired |= {raw.name, of.name}
            self.made[made] = name
            self.fed[made] = self.tf.compat.v1.placeholder("float32", [None, None], name=f"feature_{len(self.fed)}")
        return self.fed[made]

    def strict(self, tied: Any) -> None:
        """Integers that are computed with: negative ones and those beyond the largest are refused with the request."""
        line = self.lines.get(tied) if isinstance(tied, str) else None
        if line is not None and "size" in line:
            line["oov"] = "error"

    def bucket(self, raw: Raw, edges: Sequence[float]) -> str:
        """The bucket of one float a row."""
        near = [step(edge) for edge in edges for step in (next_below, next_above)]
        self.worth.setdefault(raw.name, []).extend([*map(float, edges), *near])
        line = {"kind": "bucket", "boundaries": list(map(float, edges)), "dtype": "float32"}
        return self._feature(raw, line, "bucket", "int64", ())

    def _feature(self, raw: Raw, line: Mapping[str, Any], suffix: str, dtype: str, width: Width) -> str:
        key = (raw.name, repr(sorted(line.items(), key=repr)))
        if key in self._known:
            return self._known[key]
        name = self._name(f"{raw.name}_{suffix}" if suffix else raw.name)
        self._known[key] = name
        self.used.setdefault(raw.name, raw)
        self.lines[name] = {"kind": line["kind"], "of": raw.name, **self._words(name, line)}
        self.fed[name] = self.tf.compat.v1.placeholder(dtype, [None, *width], name=f"feature_{len(self.fed)}")
        return name

    def _words(self, name: str, line: Mapping[str, Any]) -> dict[str, Any]:
        rest = {key: value for key, value in line.items() if key != "kind"}
        words = rest.get("vocabulary")
        if words is None or len(words) <= INLINE:
            return rest if words is None else {**rest, "vocabulary": list(words)}
        text = isinstance(words[0], str)
        file = f"vocabularies/{name}.{'json' if text else 'npy'}"
        self.files[file] = orjson.dumps(list(words)) if text else _npy(words)
        return {**rest, "vocabulary": file}

    def _name(self, wanted: str) -> str:
        name = re.sub(r"\W", "_", wanted)
        while name in self.lines:
            name += "_"
        return name


def fill(raw: Raw) -> Any:
    """What fills up a list that is shorter than the tensor that TensorFlow takes."""
    return "" if raw.dtype == "string" else 0


def _npy(words: Sequence[int]) -> bytes:
    out = io.BytesIO()
    np.save(out, np.array(words, np.int64))
    return out.getvalue()
