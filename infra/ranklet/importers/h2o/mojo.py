"""A MOJO's archive: `model.ini` (keys, columns, which have domains), the domains' words, and binary members.

The models of an ensemble stand in folders of the same archive, each with a `model.ini` of its own.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranklet.errors import ImportRefused
from ranklet.importers.archives import Archive

MAX_TEXT = 1 << 28
MAX_COLUMNS, MAX_CLASSES = 100_000, 1 << 12
MAX_MODELS = 1_000
"""Of an ensemble, and of those within it, together."""
_SECTIONS = ("[info]", "[columns]", "[domains]")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*([eE][+-]?\d+)?|\.\d+([eE][+-]?\d+)?|NaN|Infinity)")

Domain = tuple[str, ...]


class Mojo:
    """info: of model.ini. columns: in the model's order, the response last. domains: place of a column → its levels."""

    def __init__(self, archive: Archive, prefix: str = "", opened: list[str] | None = None) -> None:
        self._archive, self.prefix = archive, prefix
        self._opened: list[str] = [] if opened is None else opened
        sections = _sections(self._text("model.ini"))
        self.info = _info(sections["[info]"])
        self.columns = tuple(sections["[columns]"])
        if len(self.columns) != self.whole("n_columns") or len(self.columns) > MAX_COLUMNS:
            raise ImportRefused(
                f"model.ini has {len(self.columns)} columns, and says n_columns = {self.text('n_columns')}"
            )
        if (order := self.text("endianness", "LITTLE_ENDIAN")) != "LITTLE_ENDIAN":
            raise ImportRefused(f"endianness = {order[:40]} is not served; export the MOJO on another machine")
        self.domains = self._domains(sections["[domains]"])

    def inside(self, folder: str) -> Mojo:
        """A model of the same archive. Raises ImportRefused where there are too many."""
        self._opened.append(folder)
        if len(self._opened) > MAX_MODELS:
            raise ImportRefused(f"it holds more than {MAX_MODELS} models")
        return Mojo(self._archive, f"{self.prefix}{folder.strip('/')}/", self._opened)

    @property
    def algorithm(self) -> str:
        """As H2O calls it, such as `gbm`."""
        return self.info.get("algo", "")

    @property
    def features(self) -> tuple[str, ...]:
        """Columns that `score0` gets, in order."""
        return self.columns[: self.whole("n_features")]

    @property
    def response(self) -> Domain | None:
        """The classes' names, None where the target has none."""
        return self.domains.get(len(self.columns) - 1) if self.flag("supervised") else None

    @property
    def classes(self) -> int:
        """Of the target, 1 of a regression. Raises ImportRefused for none and for more than MAX_CLASSES."""
        if not 1 <= (found := self.whole("n_classes")) <= MAX_CLASSES:
            raise ImportRefused(f"n_classes = {found}; served are 1 to {MAX_CLASSES}")
        return found

    def has(self, member: str) -> bool:
        """Whether it holds such a member."""
        return self.prefix + member in self._archive.members

    def blob(self, member: str) -> bytes:
        """A binary member. Raises ImportRefused where it is absent."""
        return self._archive.read(self.prefix + member)

    def lines(self, member: str) -> tuple[str, ...]:
        """Of a text member, each without blanks around it."""
        return tuple(_unescaped(line).strip() for line in _lines(self._text(member)))

    def text(self, key: str, default: str | None = None) -> str:
        """A value. Raises ImportRefused for one that is absent and has no default."""
        found = self.info.get(key)
        if found is None or found == "null":
            if default is None:
                raise ImportRefused(f"model.ini has no {key}; export the MOJO again")
            return default
        return found

    def flag(self, key: str, default: bool | None = None) -> bool:
        """true or false."""
        found = self.text(key, None if default is None else str(default).lower())
        if found not in ("true", "false"):
            raise ImportRefused(f"{key} = {found[:40]} is neither true nor false")
        return found == "true"

    def whole(self, key: str, default: int | None = None) -> int:
        """A number that counts, 0 or more."""
        found = self.text(key, None if default is None else str(default))
        if not found.isascii() or not found.isdigit() or len(found) > 9:
            raise ImportRefused(f"{key} = {found[:40]} is no whole number from 0")
        return int(found)

    def number(self, key: str, default: float | None = None) -> float:
        """A double, finite."""
        found = self.text(key, None if default is None else repr(default))
        if not np.isfinite(value := _double(found, key)):
            raise ImportRefused(f"{key} = {found[:40]} is not finite")
        return value

    def doubles(self, key: str, *, size: int | None = None, nans: bool = False) -> NDArray[np.float64]:
        """A list of doubles, empty where the key is absent or null. Raises ImportRefused for another size."""
        found = self.text(key, "[]")
        if not (found.startswith("[") and found.endswith("]")):
            raise ImportRefused(f"{key} = {found[:40]} is no list of numbers")
        parts = [part.strip() for part in found[1:-1].split(",") if part.strip()]
        values = np.array([_double(part, key) for part in parts], np.float64)
        if not nans and not np.isfinite(values).all():
            raise ImportRefused(f"{key} has numbers that are not finite")
        if size is not None and len(values) != size:
            raise ImportRefused(f"{key} has {len(values)} numbers, and {size} are needed")
        return values

    def narrowed(self, key: str, *, size: int | None = None) -> NDArray[np.float64]:
        """A list of doubles as floats of 32 bits, in doubles again. Raises ImportRefused for one beyond them."""
        with np.errstate(over="ignore"):
            found = self.doubles(key, size=size).astype(np.float32).astype(np.float64)
        if not np.isfinite(found).all():
            raise ImportRefused(f"{key} has numbers beyond 32 bits")
        return found

    def wholes(self, key: str, *, size: int | None = None) -> list[int]:
        """A list of whole numbers, -1 allowed."""
        values = self.doubles(key, size=size)
        if (values != np.floor(values)).any() or (np.abs(values) > 2**31).any():
            raise ImportRefused(f"{key} has numbers that are not whole")
        return [int(value) for value in values]

    def _text(self, member: str) -> str:
        try:
            return self._archive.read(self.prefix + member, limit=MAX_TEXT).decode("utf-8")
        except UnicodeDecodeError as error:
            raise ImportRefused(f"{self.prefix}{member} is no UTF-8 text; export the MOJO again") from error

    def _domains(self, lines: Sequence[str]) -> dict[int, Domain]:
        found: dict[int, Domain] = {}
        for line in lines:
            match = re.fullmatch(r"(\d{1,7}):\s*(\d{1,9}) (d\d{1,9}\.txt)", line)
            if match is None or int(match[1]) >= len(self.columns):
                raise ImportRefused(f"model.ini has a domain {line[:60]!r}, which is none of a column")
            words = _lines(self._text(f"domains/{match[3]}"))
            if self.info.get("escape_domain_values") == "true":
                words = [_unescaped(word) for word in words]
            if len(words) != int(match[2]):
                raise ImportRefused(f"domains/{match[3]} has {len(words)} words, and model.ini says {match[2]}")
            found[int(match[1])] = tuple(words)
        return found


def _sections(text: str) -> Mapping[str, list[str]]:
    found: dict[str, list[str]] = {name: [] for name in _SECTIONS}
    at: list[str] | None = None
    for line in _lines(text):
        line = line.strip()
        if line in found:
            at = found[line]
        elif line and not line.startswith("#") and at is not None:
            at.append(line)
    return found


def _info(lines: Sequence[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for line in lines:
        key, sign, value = line.partition("=")
        if not sign:
            raise ImportRefused(f"model.ini has the line {line[:60]!r}, which sets no key")
        found[key.strip()] = value.strip()
    return found


def _lines(text: str) -> list[str]:
    """As Java's readLine: other breaks of Unicode stay in words."""
    parts = re.split(r"\r\n|\n|\r", text)
    return parts[:-1] if parts and not parts[-1] else parts


def _unescaped(word: str) -> str:
    return re.sub(r"\\(.)", lambda match: {"n": "\n", "r": "\r"}.get(match[1], match[1]), word)


def _double(text: str, key: str) -> float:
    if not _NUMBER.fullmatch(text):
        raise ImportRefused(f"{key} has {text[:40]!r}, which is no number")
    return float(text)


def refuse_unknown(what: str, found: str, known: Sequence[Any]) -> ImportRefused:
    """The refusal of a value that is none of the known ones."""
    return ImportRefused(f"{what} = {found[:60]!r} is not served; served are {', '.join(map(str, known))}")
