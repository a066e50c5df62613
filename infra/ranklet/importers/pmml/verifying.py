"""ModelVerification: rows with expected outputs inside the file, which become golden requests (dmg.org)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ranklet.importers.pmml.dictionary import typed
from ranklet.importers.pmml.markup import Element, refuse
from ranklet.importers.pmml.sources import Field
from ranklet.importers.pmml.values import NUMERIC, Choice, Number
from ranklet.importers.proposal import Verified


def read(model: Element, fields: Mapping[str, Field], told: Mapping[str, Number | Choice]) -> Verified | None:
    """The rows of a model, None where it has none. Raises ImportRefused naming the cell that is none."""
    element = model.one("ModelVerification")
    if element is None:
        return None
    columns = {  # cells are told apart by their names alone, whatever their namespace
        (one.get("column") or one.name("field")).rpartition(":")[2]: one.name("field") for one in _fields(element)
    }
    rows = element.need("InlineTable").all("row")
    cells = [{columns.get(cell.tag, cell.tag): cell for cell in row.children} for row in rows]
    inputs = {name: [_input(row, name, field) for row in cells] for name, field in fields.items()}
    names = [name for name in columns.values() if name in told]
    return Verified(inputs, {name: [_output(row, name, told[name]) for row in cells] for name in names})


def _fields(element: Element) -> Sequence[Element]:
    found = element.need("VerificationFields").all("VerificationField")
    if not found:
        refuse(element, "has no VerificationField")
    return found


def _input(row: Mapping[str, Element], name: str, field: Field) -> Any:
    if name not in row or not row[name].text.strip():
        return None
    value = typed(row[name], row[name].text.strip(), field.kind)
    return float(value) if field.kind in NUMERIC else value


def _output(row: Mapping[str, Element], name: str, told: Number | Choice) -> Any:
    if name not in row or not row[name].text.strip():
        return None
    written = row[name].text.strip()
    return float(written) if isinstance(told, Number) else written
