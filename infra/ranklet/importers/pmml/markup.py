"""The XML of a PMML file as plain elements, each with its line; nothing outside the file is ever read.

Document types, and so entities, are refused: no exporter writes them, and they are how XML reads files and grows
without bound. What is read is bounded in bytes, elements and depth.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn
from xml.parsers import expat

from ranklet.errors import ImportRefused

MAX_BYTES = 1 << 29
MAX_ELEMENTS = 20_000_000
MAX_DEPTH = 2_000
NAMESPACE = re.compile(r"http://www\.dmg\.org/PMML-([34])[_.](\d)")
FORMAT = re.compile(rb"<\s*(?:\w+:)?PMML[\s>]")


@dataclass(slots=True)
class Element:
    """One element. tag: without its namespace. text: what stands before its first child. line: where it begins."""

    tag: str
    attributes: dict[str, str]
    line: int
    children: list[Element] = field(default_factory=list)
    text: str = ""

    def all(self, *tags: str) -> list[Element]:
        """Children of these names, in order."""
        return [child for child in self.children if child.tag in tags]

    def one(self, *tags: str) -> Element | None:
        """The first child of one of these names."""
        return next((child for child in self.children if child.tag in tags), None)

    def need(self, *tags: str) -> Element:
        """As `one`. Raises ImportRefused where there is none."""
        if (found := self.one(*tags)) is None:
            refuse(self, f"has no {' or '.join(tags)}")
        return found

    def walk(self) -> Iterator[Element]:
        """Itself and all below it."""
        left = [self]
        while left:
            found = left.pop()
            yield found
            left += reversed(found.children)

    def get(self, name: str, default: str | None = None) -> str | None:
        """An attribute."""
        return self.attributes.get(name, default)

    def name(self, attribute: str) -> str:
        """An attribute that must be there. Raises ImportRefused."""
        if (found := self.attributes.get(attribute)) is None:
            refuse(self, f"has no attribute {attribute}")
        return found

    def number(self, attribute: str, default: float | None = None) -> float:
        """A number. Raises ImportRefused for what is none, and where it is absent and has no default."""
        written = self.attributes.get(attribute)
        if written is None and default is not None:
            return default
        return number(self, self.name(attribute) if written is None else written, attribute)

    def whole(self, attribute: str, default: int | None = None) -> int:
        """A whole number, as `number` has it."""
        found = self.number(attribute, default)
        if found != int(found):
            refuse(self, f"has {attribute} = {found}, which must be a whole number")
        return int(found)

    def choice(self, attribute: str, allowed: tuple[str, ...], default: str | None = None) -> str:
        """One of the words that are served. Raises ImportRefused with all of them."""
        found = self.attributes.get(attribute, default)
        if found is None:
            found = self.name(attribute)
        if found not in allowed:
            refuse(self, f"has {attribute} = {found[:60]!r}; served are {', '.join(allowed)}")
        return found


def refuse(element: Element, message: str) -> NoReturn:
    """Raise ImportRefused with the element's name and line."""
    raise ImportRefused(f"line {element.line}: <{element.tag}> {message}")


def number(element: Element, written: str, what: str) -> float:
    """A finite number. Raises ImportRefused."""
    try:
        found = float(written if "_" not in written else "")
    except ValueError:
        found = float("nan")
    if not abs(found) < float("inf"):
        refuse(element, f"has {what} = {written[:60]!r}, which must be a finite number")
    return found


def read(path: Path) -> Element:
    """The file's root element. Raises ImportRefused, naming the line, for what is no XML, or none that is read."""
    if (size := path.stat().st_size) > MAX_BYTES:
        raise ImportRefused(f"has {size} bytes; at most {MAX_BYTES} are read")
    reader = _Reader()
    with path.open("rb") as file:
        try:
            reader.parser.ParseFile(file)
        except expat.ExpatError as error:
            raise ImportRefused(f"line {error.lineno}: no XML ({expat.ErrorString(error.code)})") from error
    assert reader.root is not None  # expat refuses a document without one
    return reader.root


class _Reader:
    """Builds the elements from expat's events."""

    def __init__(self) -> None:
        self.root: Element | None = None
        self.parser = expat.ParserCreate(namespace_separator="\n")
        self.parser.buffer_text = True
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._text
        self.parser.StartDoctypeDeclHandler = self._doctype
        self._open: list[Element] = []
        self._count = 0

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        self._count += 1
        element = Element(tag.rpartition("\n")[2], attributes, self.parser.CurrentLineNumber)
        if self._count > MAX_ELEMENTS:
            refuse(element, f"is one of more than {MAX_ELEMENTS} elements; at most so many are read")
        if len(self._open) >= MAX_DEPTH:
            refuse(element, f"lies below {MAX_DEPTH} others; at most so many are read")
        if self._open:
            self._open[-1].children.append(element)
        else:
            self.root = element
            _check_namespace(element, tag)
        self._open.append(element)

    def _end(self, tag: str) -> None:
        self._open.pop()

    def _text(self, text: str) -> None:
        element = self._open[-1]
        if not element.children:
            element.text += text

    def _doctype(self, *given: Any) -> NoReturn:
        line = self.parser.CurrentLineNumber
        raise ImportRefused(f"line {line}: has a document type, which can read other files; take <!DOCTYPE …> away")


def _check_namespace(element: Element, tag: str) -> None:
    namespace = tag.rpartition("\n")[0]
    if element.tag != "PMML" or (namespace and not NAMESPACE.fullmatch(namespace)):
        refuse(element, f"of the namespace {namespace[:80]!r} is not read; read are <PMML> 3.0 to 4.4 of www.dmg.org")
    version = element.get("version", "4.4") or ""
    if not re.fullmatch(r"(3\.[0-2]|4\.[0-4])(\..*)?", version):
        refuse(element, f"has version {version[:20]!r}; read are 3.0 to 4.4")


@contextmanager
def deep() -> Iterator[None]:
    """Room for models that are deep: Python's own frames take no stack."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(max(before, 200_000))
    try:
        yield
    finally:
        sys.setrecursionlimit(before)
