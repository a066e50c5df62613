"""Bundles in protobuf answer as Spark and scikit-learn did, and are the same models as those in JSON."""

from __future__ import annotations

import io
import json
import struct
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import mleap_kit as kit
import mleap_protobuf as pb
import mleap_writing as w
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mleap_writing import Stage

from ranklet.errors import ImportRefused
from ranklet.importers import mleap
from ranklet.importers.mleap import forms, protobuf
from ranklet.importers.proposal import Proposal, Wishes

NAMES = kit.names()


@pytest.mark.parametrize("name", NAMES)
def test_bundles_answer_as_their_library_does(name: str) -> None:
    bundle, rows, answers = kit.stored(name)
    proposal = kit.proposed(pb.moved(bundle), **kit.options(name))
    assert same(proposal, kit.proposed(bundle, **kit.options(name)))
    found = kit.answers(proposal, rows)
    for column, wanted in answers.items():
        worst = max(map(kit.apart, found[column], wanted))
        exact = all(one is None or isinstance(one, str) or float(one).is_integer() for one in wanted)
        assert worst <= (0 if exact else kit.RELATIVE), column


@pytest.mark.parametrize("dialect", [pb.UNPACKED, pb.OLD])
def test_older_writers_are_read(dialect: pb.Dialect) -> None:
    """Before 0.9 types had other numbers, and other writers need not pack lists."""
    for name in ("films", "k_means", "buckets_keep_4", "perceptron", "hasher_262144"):
        bundle, known = kit.stored(name)[0], dialect is not pb.OLD or name != "hasher_262144"
        if known:
            moved = kit.proposed(pb.moved(bundle, dialect), **kit.options(name))
            assert same(moved, kit.proposed(bundle, **kit.options(name)))
        else:  # a double's number before 0.9 is a float's since then
            refused(pb.files(bundle, dialect), "'basic_types' has a basic type of the number 6")


def test_infinite_splits_are_themselves() -> None:
    splits = {"splits": w.doubles([None, 0.0, 1.0, None])}
    bundle = w.bundle([Stage("bucketizer", "b", splits, {"input": "a"}, {"output": "bucket"})])
    found = kit.answers(kit.proposed(pb.moved(bundle)), {"a": [-1e300, 0.5, 1e300]})
    assert found["score"] == [0.0, 1.0, 2.0]


def test_a_tree_of_the_old_name_and_in_a_folder_is_read(tmp_path: Path) -> None:
    files = {name.replace("tree.pb", "nodes.pb"): one for name, one in pb.files(stump()).items()}
    for name, content in files.items():
        path = tmp_path / "model" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    proposal = mleap.propose(tmp_path / "model", Wishes())
    assert kit.answers(proposal, {"v": [[0.0, 1.0], [0.5, 1.0], [0.75, 0.0]]})["score"] == [-1.0, -1.0, 2.5]


@pytest.mark.parametrize(("base", "kind"), [(7, ">d"), (6, ">f"), (5, ">q"), (4, ">i"), (3, ">h")])
def test_tensors_of_all_numbers_are_read(base: int, kind: str) -> None:
    content = struct.pack(f"{kind[0]}2{kind[1]}", 3, -2)
    for number in (base, base - 1):  # since 0.9, and before
        tensor = pb._int(1, number) + pb._bytes(2, pb._shape({"dimensions": [2]})) + pb._bytes(3, content)
        read = protobuf.model(attribute(pb._bytes(3, tensor)), "model.pb", {})
        (values,) = (one for name, one in read["attributes"]["x"].items() if name not in ("type", "shape"))
        assert values == [3, -2]


def same(one: Proposal, other: Proposal) -> bool:
    """The same in all that is written, graph and vocabularies byte for byte."""
    fields = [{name: given.fields for name, given in proposal.inputs.items()} for proposal in (one, other)]
    return fields[0] == fields[1] and replace(one, inputs={}) == replace(other, inputs={})


def stump() -> bytes:
    """A tree of one split and two leaves."""
    lines = [
        {"type": "internal", "split": {"type": "continuous", "featureIndex": 0, "threshold": 0.5}},
        *({"type": "leaf", "values": [one]} for one in (-1.0, 2.5)),
    ]
    files = {"tree.json": "\n".join(map(json.dumps, lines))}
    given = {"num_features": w.long(2)}
    return w.bundle([Stage("decision_tree_regression", "t", given, {"features": "v"}, {"prediction": "p"}, files)])


def linear() -> bytes:
    given = {"coefficients": w.vector([1.0, 2.0]), "intercept": w.double(0.5)}
    return w.bundle([Stage("linear_regression", "sum", given, {"features": "v"}, {"prediction": "p"})])


def attribute(value: bytes, name: str = "x") -> bytes:
    """A model.pb with one attribute."""
    return pb._text(1, "linear_regression") + pb._bytes(2, pb._bytes(1, pb._text(1, name) + pb._bytes(2, value)))


def refused(files: Mapping[str, Any], words: str) -> None:
    with pytest.raises(ImportRefused, match=words) as found:
        kit.proposed(w.zipped(files))
    assert "/tmp" not in str(found.value)


TWO = pb._bytes(2, pb._shape({"dimensions": [2]}))
VALUES = {
    "nothing": (b"", "'x' has nothing"),
    "two values": (pb._bytes(1, b"") + pb._bytes(2, b""), "'x' has s and l"),
    "a model": (pb._bytes(1, pb._bytes(11, b"")), "'x' is a model"),
    "models": (pb._bytes(2, pb._bytes(11, b"")), "'x' is a model"),
    "a shape": (pb._bytes(2, pb._bytes(10, pb._int(1, 3))), "shape of the kind 3"),
    "a type": (pb._bytes(2, pb._tag(9, 0) + pb._varint(8)), "basic type of the number 8"),
    "sparse": (pb._bytes(3, pb._int(1, 7) + TWO + pb._bytes(3, bytes(8))), "tensor of 2 numbers in 8 bytes"),
    "cut off": (pb._bytes(3, pb._int(1, 7) + TWO + pb._bytes(3, bytes(15))), "tensor of 2 numbers in 15 bytes"),
    "texts": (pb._bytes(3, pb._int(1, 100) + TWO + pb._bytes(3, bytes(16))), "of the type 100"),
    "no bytes": (pb._bytes(3, pb._int(1, 7) + TWO), "do not go together"),
    "negative": (
        pb._bytes(3, pb._int(1, 7) + pb._bytes(2, pb._shape({"dimensions": [-2]})) + pb._bytes(3, bytes(16))),
        "do not go together",
    ),
    "a field": (pb._bytes(1, pb._bytes(12, b"")), "fields that the definitions"),
    "another type": (pb._bytes(1, pb._text(6, "1.0")), "fields that the definitions"),
    "no text": (pb._bytes(1, pb._bytes(2, b"\xff\xfe")), "no message of MLeap's"),
    "a length": (b"\x0a\xff\xff\xff\xff\x07", "no message of MLeap's"),
}


@pytest.mark.parametrize("name", VALUES)
def test_what_the_definitions_do_not_have_is_refused_by_place(name: str) -> None:
    value, words = VALUES[name]
    refused(pb.files(linear()) | {"root/sum.node/model.pb": attribute(value)}, f"root/sum.node/model.pb.*{words}")


NODES: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "cut off": (lambda tree: tree[:-1], "tree.pb, node 3 is longer than its file"),
    "without a leaf": (lambda tree: tree[: -4 - len(pb.tree_node({"type": "leaf", "values": [1.0]}))], "ends before"),
    "going on": (lambda tree: tree + tree, "a node 4 behind the end"),
    "a negative length": (lambda tree: b"\xff\xff\xff\xff" + tree, "tree.pb, node 1 is longer"),
    "a node of nothing": (lambda tree: bytes(4) + tree, "tree.pb, node 1 has nothing"),
    "a split of nothing": (lambda tree: struct.pack(">i", 4) + b"\x0a\x02\x0a\x00", "tree.pb, node 1 has nothing"),
    "both": (lambda tree: struct.pack(">i", 4) + b"\x0a\x00\x12\x00", "node 1 has internal and leaf"),
    "a field": (lambda tree: struct.pack(">i", 2) + b"\x1a\x00", "tree.pb, node 1 has fields"),
    "damage": (lambda tree: struct.pack(">i", 2) + b"\x0a\x05", "tree.pb, node 1 is no message"),
    "no leaf value": (lambda tree: struct.pack(">i", 2) + b"\x12\x00", "not one number"),
}  # fmt: skip


@pytest.mark.parametrize("name", NODES)
def test_damaged_trees_are_refused_by_node(name: str) -> None:
    change, words = NODES[name]
    files = pb.files(stump())
    refused(files | {"root/t.node/tree.pb": change(files["root/t.node/tree.pb"])}, words)


def test_models_within_models_end_somewhere() -> None:
    value = b""
    for _ in range(200):
        value = pb._bytes(1, pb._bytes(11, attribute(value)))
    refused(pb.files(linear()) | {"root/sum.node/model.pb": attribute(value)}, "no message of MLeap's")


def test_a_bundle_is_in_one_form() -> None:
    """What bundle.json says is read, and nothing else."""
    files, other = pb.files(linear()), _files(linear())
    refused(other | {"bundle.json": files["bundle.json"]}, "holds no root/model.pb")
    refused(files | {"bundle.json": other["bundle.json"]}, "root/model.pb stands beside a bundle in JSON")
    mixed = other | {"bundle.json": b'{"format": "mixed"}', "root/sum.node/model.pb": b""}
    refused(mixed, "root/sum.node/model.pb stands beside a bundle in JSON.*SerializationFormat.Json")
    both = kit.proposed(w.zipped(files | {"root/model.json": b"{"}))
    assert same(both, kit.proposed(linear()))


def test_bundles_of_before_0_8_are_refused_with_what_to_do() -> None:
    head = b'{"format": "protobuf", "version": "0.7.0"}'
    refused(pb.files(linear()) | {"bundle.json": head}, "by MLeap 0.7 is not read.*SerializationFormat.Json")


def test_without_a_version_types_are_not_guessed() -> None:
    files = pb.files(kit.stored("hasher_262144")[0]) | {"bundle.json": b'{"format": "protobuf"}'}
    refused(files, "basic type of the number 7, whose meaning is not certain")
    head = b'{"format": "protobuf", "version": "0.9.0-SNAPSHOT"}'
    kit.proposed(w.zipped(files | {"bundle.json": head}))


def test_files_of_messages_have_a_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forms, "MAX_MESSAGES", 20)
    refused(pb.files(linear()), "at most 20 are read")


BUNDLES = [pb.files(kit.stored(name)[0]) for name in NAMES if name != "films"]


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.data())
def test_damaged_bundles_are_refused_and_nothing_else(data: st.DataObject) -> None:
    files = dict(data.draw(st.sampled_from(BUNDLES)))
    for _ in range(data.draw(st.integers(1, 3))):
        name = data.draw(st.sampled_from(sorted(files)))
        files[name] = _damaged(files[name], data)
    _survives(lambda: kit.proposed(w.zipped(files)))


@settings(max_examples=500, deadline=None, derandomize=True)
@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    _survives(lambda: protobuf.model(content, "model.pb", protobuf.BASICS))
    _survives(lambda: protobuf.model(attribute(content), "model.pb", protobuf.BASICS))
    _survives(lambda: protobuf.node(content, "node.pb"))
    _survives(lambda: list(protobuf.tree(struct.pack(">i", len(content)) + content, "tree.pb")))


def _damaged(content: bytes, data: st.DataObject) -> bytes:
    at = data.draw(st.integers(0, max(len(content) - 1, 0)))
    how = data.draw(st.sampled_from(["byte", "cut", "drop", "twice", "insert"]))
    if how == "byte":
        return content[:at] + bytes([data.draw(st.integers(0, 255))]) + content[at + 1 :]
    if how == "insert":
        return content[:at] + data.draw(st.binary(max_size=12)) + content[at:]
    return content[:at] if how == "cut" else content[at:] if how == "drop" else content + content[at:]


def _survives(call: Callable[[], object]) -> None:
    try:
        call()
    except ImportRefused as error:
        assert "/tmp" not in str(error)


def _files(bundle: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(bundle)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}
