"""Hostile and damaged programs: refused in words, by our own reader, before PyTorch sees a byte of them."""

from __future__ import annotations

import io
import random
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
from torch_kit import Edit, altered, leaves, members, program, put, zipped

from ranklet.errors import ImportRefused
from ranklet.importers.proposal import NO_WISHES
from ranklet.importers.torch import archive, propose

MODEL = "recurrent"
CODE = "__import__('os').system('true')"
WEIGHTS = "data/weights/model_weights_config.json"


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without PyTorch, which would refuse some of it too, and run the rest."""
    monkeypatch.setitem(sys.modules, "torch", None)


def _refused(path: Path, what: str) -> None:
    with pytest.raises(ImportRefused, match=what) as refused:
        propose(path, NO_WISHES)
    assert str(path.parent) not in str(refused.value)


def _graph(document: Any) -> Any:
    return document["graph_module"]["graph"]


def _node(document: Any) -> Any:
    return _graph(document)["nodes"][0]


def _call(document: Any) -> Any:
    return document["graph_module"]["module_call_graph"][0]["signature"]


def _size(document: Any, text: str) -> None:
    tensors = _graph(document)["tensor_values"].values()
    (size, *_) = [size for one in tensors for size in one["sizes"] if "as_expr" in size]
    size["as_expr"]["expr_str"] = text


def _first(document: Any, **fields: Any) -> None:
    next(iter(document["config"].values())).update(fields)


def _tensor(document: Any, **fields: Any) -> None:
    next(iter(document["config"].values()))["tensor_meta"].update(fields)


PROGRAMS: dict[str, tuple[Edit, str]] = {
    "an operator of another library": (
        lambda doc: _node(doc).update(target="torch.ops.mine.run.default"),
        r"'torch\.ops\.mine\.run\.default', which is not one of PyTorch's own operators",
    ),
    "a function of Python": (lambda doc: _node(doc).update(target="os.system"), "'os.system', which is not one of"),
    "a module reached through torch": (
        lambda doc: _node(doc).update(target="torch.os.system"),
        "'torch.os.system', which is not one of",
    ),
    "an operator that reads files": (
        lambda doc: _node(doc).update(target="torch.ops.aten.from_file.default"),
        "from_file.default', which is not one of",
    ),
    "code for a size": (lambda doc: _size(doc, CODE), "has the size .* which is no arithmetic of sizes"),
    "a size that never ends": (lambda doc: _size(doc, "9**9**9**9"), "which is no arithmetic of sizes"),
    "a power of powers": (lambda doc: _size(doc, "Pow(10, Pow(10, 10))"), "which is no arithmetic of sizes"),
    "a power of a power": (lambda doc: _size(doc, "((9**4)**4)**4"), "which is no arithmetic of sizes"),
    "an attribute in a size": (lambda doc: _size(doc, "s0.__class__"), "which is no arithmetic of sizes"),
    "a deep size": (lambda doc: _size(doc, "(" * 1500 + "s0" + ")" * 1500), "which is no arithmetic of sizes"),
    "code for a name": (lambda doc: _node(doc).update(name="a\nimport os"), "which is no name that PyTorch writes"),
    "code for a key": (
        lambda doc: _call(doc).update(in_spec=_call(doc)["in_spec"].replace("history", "']; import os; ['")),
        "has the key .*; name inputs and outputs without quotes",
    ),
    "a class among the inputs": (
        lambda doc: _call(doc).update(in_spec=_call(doc)["in_spec"].replace("builtins.dict", "os.system")),
        "nested in 'os.system'; take and return tensors, dicts",
    ),
    "a structure of another protocol": (
        lambda doc: _call(doc).update(in_spec="[2, {}]"),
        "of protocol 2, read is 1",
    ),
    "a structure that is damaged": (lambda doc: _call(doc).update(out_spec="[1"), "structure is damaged"),
    "an object for a constant": (
        lambda doc: _node(doc)["inputs"][0].update(arg={"as_custom_obj": {"name": "a", "class_fqn": "os.system"}}),
        "holds an object of 'os.system', no tensor",
    ),
    "code for an argument": (
        lambda doc: _node(doc)["inputs"][0].update(arg={"as_string": CODE}),
        r"an operator torch\.ops\.aten\.\S+ has the text",
    ),
    "an operator for an argument": (
        lambda doc: _node(doc)["inputs"][0].update(arg={"as_operator": "os.system"}),
        "'os.system', which is not one of",
    ),
    "a text elsewhere": (lambda doc: doc.update(dialect=CODE), "its program's dialect holds the text"),
    "a fixed batch": (
        lambda doc: _graph(doc)["tensor_values"]["x_history"]["sizes"].__setitem__(0, {"as_int": 2}),
        "input 'history' takes 2 rows only.* must be dynamic",
    ),
    "no rows": (
        lambda doc: _graph(doc)["tensor_values"]["x_history"].update(sizes=[]),
        "input 'history' has no dimension for its rows",
    ),
    "a random operator": (
        lambda doc: _node(doc).update(target="torch.ops.aten.rand_like.default"),
        r"\(rand_like\.default\) is in training mode or random",
    ),
    "no graph": (lambda doc: doc.pop("graph_module"), "is not as PyTorch writes one"),
    "another document": (lambda doc: doc.clear(), "is not as PyTorch writes one"),
    "fewer inputs than it says": (
        lambda doc: doc["graph_module"]["signature"]["input_specs"].pop(),
        r"its structure has 2 inputs, its graph 1",
    ),
    "fewer outputs than it says": (
        lambda doc: doc["graph_module"]["signature"]["output_specs"].pop(),
        r"its structure has 2 outputs, its graph 1",
    ),
    "a model that learns": (
        lambda doc: doc["graph_module"]["signature"]["output_specs"].insert(
            0, {"buffer_mutation": {"arg": {"name": "add"}, "buffer_name": "norm.running_mean"}}
        ),
        r"changes 'norm.running_mean' while it scores \(buffer_mutation\)",
    ),
}


@pytest.mark.parametrize("what", PROGRAMS)
def test_a_program_with_other_words_than_pytorchs_is_refused(what: str, tmp_path: Path) -> None:
    edit, message = PROGRAMS[what]
    _refused(altered(tmp_path / "model.pt2", MODEL, edit), message)


TENSORS: dict[str, tuple[Edit, str]] = {
    "a pickle": (lambda doc: _first(doc, use_pickle=True), "is stored as a pickle, which can run code"),
    "a path outside": (lambda doc: _first(doc, path_name="../../etc/passwd"), "an object of its own kind, no tensor"),
    "another member": (lambda doc: _first(doc, path_name="weight_99"), "holds no .*weight_99"),
    "more than there is": (lambda doc: _tensor(doc, sizes=[{"as_int": 1 << 40}]), r"is \[1099511627776\] of 4 bytes"),
    "a negative size": (lambda doc: _tensor(doc, sizes=[{"as_int": -4}, {"as_int": -4}]), r"is \[-4, -4\]"),
    "an expression for a size": (
        lambda doc: _tensor(doc, sizes=[{"as_expr": CODE}]),
        "not described as a plain tensor",
    ),
    "a dtype that it is not": (lambda doc: _tensor(doc, dtype=99), "not described as a plain tensor"),
    "a sparse layout": (lambda doc: _tensor(doc, layout=1), "is sparse or packed; make it plain"),
    "another device": (
        lambda doc: _tensor(doc, device={"type": "cuda", "index": 0}),
        r"lies on the device 'cuda'; call model\.cpu\(\)",
    ),
    "no list": (lambda doc: doc.update(config=[]), "lists no tensors"),
    "a wild name": (lambda doc: doc["config"].update({CODE: {}}), "holds the text"),
}


@pytest.mark.parametrize("what", TENSORS)
def test_weights_that_are_no_plain_tensors_are_refused(what: str, tmp_path: Path) -> None:
    edit, message = TENSORS[what]
    _refused(altered(tmp_path / "model.pt2", MODEL, edit, member=WEIGHTS), message)


def _root() -> str:
    return next(iter(members(MODEL))).split("/", 1)[0]


ARCHIVES: dict[str, tuple[dict[str, bytes], str]] = {
    "../../evil": ({"../../evil": b""}, "leads outside the archive"),
    "/etc/evil": ({"/etc/evil": b""}, "leads outside the archive"),
    "two folders": ({"other/models/model.json": b"{}"}, "holds 2 folders, a program is one"),
    "two programs": ({"{}/models/second.json": b"{{}}"}, r"holds the programs .*second\.json.*, not one named model"),
    "compiled code": (
        {"{}/data/aotinductor/model/model.so": b"\x7fELF"},
        r"model\.so is compiled code, which is never",
    ),
    "big endian": ({"{}/byteorder": b"big"}, "was written on a big-endian machine"),
    "another format": ({"{}/archive_format": b"pt3"}, "archive_format is not pt2"),
    "no JSON": ({"{}/models/model.json": b"{"}, r"models/model\.json is damaged"),
    "JSON too deep": ({"{}/models/model.json": b"[" * 200_000}, r"models/model\.json is damaged"),
    "JSON of lists": ({"{}/models/model.json": b"[" * 90 + b"]" * 90}, "is not as PyTorch writes one"),
}


@pytest.mark.parametrize("what", ARCHIVES)
def test_archives_that_hold_something_else_are_refused(what: str, tmp_path: Path) -> None:
    changed, message = ARCHIVES[what]
    more = {name.format(_root()): content for name, content in changed.items()}
    _refused(zipped(tmp_path / "model.pt2", {**members(MODEL), **more}), message)


def test_a_bomb_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.pt2"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in members(MODEL).items():
            file.writestr(name, content if not name.endswith("weight_0") else bytes(64 << 20))
    _refused(path, r"unpacks \d+ bytes to 67108864")


def test_weights_of_an_older_pytorch_are_refused_by_its_version(tmp_path: Path) -> None:
    contents = {name: content for name, content in members(MODEL).items() if "/data/weights/" not in name}
    older = zipped(tmp_path / "model.pt2", {**contents, f"{_root()}/data/weights/model.pt": b"PK"})
    _refused(older, r"by an earlier PyTorch, which keeps weights as a pickle \(data/weights/model\.pt\)")


def test_nothing_but_what_was_checked_is_given_to_pytorch(tmp_path: Path) -> None:
    extra = {f"{_root()}/extra/evil.pkl": b"\x80", f"{_root()}/data/sample_inputs/model.pt": b"evil"}
    path = zipped(tmp_path / "model.pt2", {**members(MODEL), **extra})
    with zipfile.ZipFile(io.BytesIO(archive.read(path).content)) as copied:
        assert not [name for name in copied.namelist() if "extra" in name]
        assert copied.read("model/data/sample_inputs/model.pt") == b""
        assert b"stack_trace" not in copied.read("model/models/model.json")


def test_a_cut_file_is_refused(tmp_path: Path) -> None:
    path = program(MODEL, tmp_path)
    whole = path.read_bytes()
    for kept in range(0, len(whole), max(len(whole) // 40, 1)):
        path.write_bytes(whole[:kept])
        _refused(path, r"model\.pt2")


VALUES = (
    None,
    True,
    -1,
    1 << 70,
    1e300,
    "",
    CODE,
    "torch.ops.aten.add.Tensor",
    [],
    {},
    [[]],
    {"as_int": 1},
    "\x00",
    "é",
)


def test_any_other_value_anywhere_in_a_program_is_refused_or_read(tmp_path: Path) -> None:
    chance, refused = random.Random(0), 0

    def edit(document: Any) -> None:
        put(document, chance.choice(leaves(document)), chance.choice(VALUES))

    for number in range(200):
        member = "models/model.json" if number % 3 else WEIGHTS
        path = altered(tmp_path / "model.pt2", MODEL, edit, member=member)
        try:
            archive.read(path)
        except ImportRefused as error:
            assert str(tmp_path) not in str(error), error
            refused += 1
    assert refused > 20


def test_any_other_bytes_of_a_file_are_refused_or_read(tmp_path: Path) -> None:
    path, chance, refused = program(MODEL, tmp_path), random.Random(1), 0
    whole = path.read_bytes()
    for _ in range(100):
        changed = bytearray(whole)
        for _ in range(chance.randint(1, 8)):
            changed[chance.randrange(len(changed))] = chance.randrange(256)
        path.write_bytes(bytes(changed))
        try:
            archive.read(path)
        except ImportRefused as error:
            assert str(tmp_path) not in str(error), error
            refused += 1
    assert refused > 20
