"""PMML 3.0 to 4.4, compiled: fields and derived fields to features, the model to one graph of doubles.

1. **markup** reads the XML, and nothing outside the file. 2. **dictionary** and **schema** say what raw fields are, and
what becomes of missing, invalid and extreme values. 3. **expressions** makes features of derived fields (**sources**),
or nodes of the graph where a model made what they read (**computing**). 4. **models** has a module for each kind of
model; **scopes** gives each the names that it sees, **targets** and **outputs** what is told of its result.
5. **compiling** puts a whole file together, **proposing** makes a folder of it.

What a file asks beyond that is refused by the element's name and line. Answers are held to JPMML's in the tests.
"""

from __future__ import annotations

from pathlib import Path

from ranklet.importers.proposal import Proposal, Wishes

LOOKED_AT = 1 << 14


def recognises(path: Path, head: bytes) -> bool:
    """XML whose first element is PMML."""
    if not path.is_file() or b"<" not in head:
        return False
    from ranklet.importers.pmml.markup import FORMAT

    with path.open("rb") as file:
        return FORMAT.search(file.read(LOOKED_AT).replace(b"\0", b"")) is not None


def propose(path: Path, wishes: Wishes) -> Proposal:
    """options.output: of several outputs, the one that ranks.

    Raises ImportRefused naming the element that is not served, and its line.
    """
    from ranklet.importers.pmml import proposing  # which needs onnx

    return proposing.propose(path, wishes)
