"""A .pt2 file without what could run code: checked as a whole, and written anew with nothing else in it.

`torch.export.load` unpickles whatever an archive calls a pickle (the example batch always, with `weights_only` given up
when that fails), and starts compiled code that lies beside the program. So PyTorch never sees the file itself: it is
given a copy with the weights as plain bytes, the checked program (`program`) and no example batch. What needs a pickle
is refused by name, and no flag lets it through: nothing that can be served as a graph needs one.
"""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

from ranklet.errors import ImportRefused
from ranklet.importers.archives import Archive, open_zip
from ranklet.importers.torch import graph, words
from ranklet.importers.torch.graph import Graph
from ranklet.importers.torch.recipe import ADVICE

MODEL = "models/model.json"
WEIGHTS, CONSTANTS = "data/weights/model_weights_config.json", "data/constants/model_constants_config.json"
MAX_JSON = 256 << 20
_COMPILED, _PICKLED = "data/aotinductor/", ("data/weights/model.pt", "data/constants/model.pt")
_STRIDED = 7
_ITEM = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 2, 7: 4, 8: 8, 12: 1, 13: 2}
"""PyTorch's number of a dtype → bytes: uint8, int8, int16, int32, int64, half, float, double, bool, bfloat16."""


@dataclass(frozen=True)
class Checked:
    """A program that runs no code when it is loaded: content is a .pt2 of its own."""

    content: bytes
    graph: Graph


def looks(path: Path) -> str | None:
    """What of PyTorch's a file is: `program`, `old program`, `TorchScript` or `pickle`; `damaged` for what is no zip
    and no pickle, None for another's zip."""
    try:
        with zipfile.ZipFile(path) as file:
            names = file.namelist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        with path.open("rb") as file:
            return "pickle" if file.read(1) == b"\x80" else "damaged"
    below = {name.split("/", 1)[1] for name in names if "/" in name}
    if "archive_format" in below:
        return "program"
    if "serialized_exported_program.json" in names:
        return "old program"
    if "constants.pkl" in below:
        return "TorchScript"
    return "pickle" if "data.pkl" in below else None


def read(path: Path) -> Checked:
    """Raises ImportRefused naming the member, node or weight that PyTorch would run, or that does not fit."""
    with open_zip(path) as archive:
        root = _root(archive)
        program = _json(archive, root + MODEL)
        checked = graph.check(program)
        kept = {MODEL: json.dumps(program).encode()}
        for config, prefix in ((WEIGHTS, "weight_"), (CONSTANTS, "tensor_")):
            kept |= _tensors(archive, root, config, prefix)
    return Checked(_pack(kept), checked)


def _root(archive: Archive) -> str:
    roots = {member.split("/", 1)[0] + "/" for member in archive.members}
    if len(roots) != 1:
        raise ImportRefused(f"{archive.name} holds {len(roots)} folders, a program is one; {ADVICE}")
    (root,) = roots
    if archive.read(f"{root}archive_format", limit=64) != b"pt2":
        raise ImportRefused(f"{archive.name}: archive_format is not pt2; {ADVICE}")
    models = [member for member in archive.members if member.startswith(f"{root}models/")]
    if compiled := [member for member in archive.members if member.startswith(root + _COMPILED)]:
        raise ImportRefused(f"{archive.name}: {compiled[0]} is compiled code, which is never started; {ADVICE}")
    if older := [member for member in _PICKLED if root + member in archive.members]:
        raise ImportRefused(
            f"{archive.name} was written by an earlier PyTorch, which keeps weights as a pickle ({older[0]}), and it "
            f"can run code; with PyTorch 2.9 or newer, {ADVICE}"
        )
    if models != [root + MODEL]:
        raise ImportRefused(f"{archive.name} holds the programs {models}, not one named model; {ADVICE}")
    if f"{root}byteorder" in archive.members and archive.read(f"{root}byteorder", limit=64) != b"little":
        raise ImportRefused(f"{archive.name} was written on a big-endian machine; {ADVICE}")
    return root


def _json(archive: Archive, member: str) -> Any:
    try:
        return json.loads(archive.read(member, limit=MAX_JSON))
    except (ValueError, RecursionError) as error:
        raise ImportRefused(f"{archive.name}: {member} is damaged: {error}; export the model again") from error


def _tensors(archive: Archive, root: str, config: str, prefix: str) -> dict[str, bytes]:
    """The config as it is, and the bytes of the tensors that it names."""
    document = _json(archive, root + config)
    if not isinstance(document, dict) or not isinstance(document.get("config"), dict) or set(document) != {"config"}:
        raise ImportRefused(f"{archive.name}: {config} lists no tensors; export the model again")
    kept = {config: json.dumps(document).encode()}
    for name, one in document["config"].items():
        place = f"{archive.name}: tensor {name[:80]!r}"
        words.plain(name, place)
        path = one.get("path_name") if isinstance(one, dict) else None
        if not isinstance(path, str) or not re.fullmatch(rf"{prefix}\d{{1,9}}", path, re.ASCII):
            raise ImportRefused(f"{place} lies in {str(path)[:80]!r}: an object of its own kind, no tensor; {ADVICE}")
        if one.get("use_pickle") is not False:
            raise ImportRefused(
                f"{place} is stored as a pickle, which can run code and is not loaded: so PyTorch stores what is no "
                "plain tensor; make it one (.to_dense(), .dequantize(), .contiguous()) and export again"
            )
        member = f"{config.rsplit('/', 1)[0]}/{path}"
        if member not in kept:
            kept[member] = archive.read(root + member)
        _check_size(one, len(kept[member]), place)
        _check_place(one["tensor_meta"], place)
    return kept


def _check_place(meta: Mapping[str, Any], place: str) -> None:
    """The tensor must lie in plain memory."""
    device = meta.get("device")
    kind = device.get("type") if isinstance(device, dict) else None
    if kind != "cpu":
        raise ImportRefused(f"{place} lies on the device {str(kind)[:80]!r}; call model.cpu() and export again")
    if meta.get("layout") != _STRIDED:
        raise ImportRefused(f"{place} is sparse or packed; make it plain, with .to_dense(), and export again")


def _check_size(one: Mapping[str, Any], stored: int, place: str) -> None:
    """The tensor must lie in the bytes: PyTorch makes one of any size where there are none."""
    try:
        meta = one["tensor_meta"]
        sizes = [size["as_int"] for size in meta["sizes"]]
        whole = [*sizes, *(stride["as_int"] for stride in meta["strides"]), meta["storage_offset"]["as_int"]]
        width = _ITEM[meta["dtype"]]
    except (KeyError, TypeError) as error:
        raise ImportRefused(
            f"{place} is not described as a plain tensor ({error!r}); export the model again"
        ) from error
    if any(type(number) is not int or number < 0 for number in whole) or prod(sizes) * width > stored:
        raise ImportRefused(f"{place} is {sizes} of {width} bytes each in {stored} bytes; export the model again")


def _pack(kept: Mapping[str, bytes]) -> bytes:
    """The archive that PyTorch is given. Its own reader wants the members at the end of the list."""
    plain = {"data/sample_inputs/model.pt": b"", "archive_format": b"pt2", "archive_version": b"0"}
    plain |= {".data/version": b"6\n", "byteorder": b"little", ".data/serialization_id": b"0" * 40}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as file:
        for name, content in (*kept.items(), *plain.items()):
            file.writestr(zipfile.ZipInfo(f"model/{name}"), content)
    return buffer.getvalue()
