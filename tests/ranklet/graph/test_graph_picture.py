"""The picture holds every node on its side, and the account says the same."""

from __future__ import annotations

import builtins
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import onnx
import pytest
from graph_hand import Net, load

from ranklet.graph.compiler import compile
from ranklet.graph.picture import Box, NoPicture, draw, plan
from ranklet.graph.records import Compiled, Options
from ranklet.graph.report import document, gathered


def compiled(**options: Any) -> Compiled:
    net = Net()
    columns = [net.op("Gather", net.weight(9, 2), net.input(f"u{k}", ["n"], np.int64), axis=0) for k in range(4)]
    joined = net.op("Concat", *columns, net.input("i", ["n", 3]), axis=1)
    content = net.bytes(net.op("Relu", net.dense(joined, 11, 5)))
    sides = {f"u{k}": "user" for k in range(4)} | {"i": "item"}
    return compile(load(content), sides, Options(**{"only": "A", **options}))


def test_every_node_is_drawn_once_on_its_side() -> None:
    done = compiled()
    found = plan(done)
    for side in ("user", "item", "cross"):
        nodes = onnx.load_from_string(getattr(done, side).content).graph.node
        wanted = [node.op_type for node in nodes if node.op_type != "Identity"]
        drawn = [box.label for box, count in found.boxes.items() if box.side == side for _ in range(count)]
        assert sorted(drawn) == sorted(wanted)
    assert found.boxes[Box("user", 1, "Gather")] == 4
    assert all(one.depth < other.depth for one, other in found.arrows)


def test_row_and_request_stand_between_the_sides() -> None:
    found = plan(compiled())
    between = {box.side: box for box in found.boxes if box.side in ("record", "request")}
    assert "row per item\n5 × float32\n20 bytes" in between["record"].label
    assert "[1, 5]" in between["request"].label
    for side, box in between.items():
        assert {one.side for one, other in found.arrows if other == box} <= {"user", "item", "input"}
        assert {other.side for one, other in found.arrows if one == box} == {"cross"}, side


def test_uncut_model_is_drawn_in_one_piece() -> None:
    found = plan(compiled(mode="off", only=None))
    assert {box.side for box in found.boxes} == {"input", "uncut", "output"}


@pytest.mark.parametrize("mode", ["auto", "off"])
def test_svg_names_the_ops_and_comes_out_the_same_twice(tmp_path: Path, mode: str) -> None:
    pytest.importorskip("matplotlib")
    pytest.importorskip("networkx")
    done = compiled(mode=mode, only="A" if mode == "auto" else None)
    for name in ("one.svg", "two.svg"):
        draw(done, tmp_path / name, "a title")
    one, two = ((tmp_path / name).read_bytes() for name in ("one.svg", "two.svg"))
    assert one == two
    texts = {
        "".join(node.itertext()).strip() for node in ElementTree.fromstring(one).iter() if node.tag.endswith("text")
    }
    assert {"a title", "Gather × 4", "Relu", "i"} <= texts
    assert ("user: once per request" in texts) == (mode == "auto")


def test_png_is_a_png(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    pytest.importorskip("networkx")
    draw(compiled(), tmp_path / "p.png", "")
    assert (tmp_path / "p.png").read_bytes().startswith(b"\x89PNG")


def test_another_ending_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NoPicture, match=r"p.jpg: a picture ends in .svg, .png, .pdf"):
        draw(compiled(), tmp_path / "p.jpg", "")


def test_absent_library_is_named_with_the_line_that_installs_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = builtins.__import__

    def absent(name: str, *rest: Any) -> Any:
        if name.split(".")[0] == "matplotlib":
            raise ImportError(name)
        return real(name, *rest)

    done = compiled()
    monkeypatch.setattr(builtins, "__import__", absent)
    with pytest.raises(NoPicture, match=r"pip install 'ranklet\[picture\]'"):
        draw(done, tmp_path / "p.svg", "")
    assert not (tmp_path / "p.svg").exists()


def test_document_accounts_for_the_whole_record() -> None:
    done = compiled()
    told = document(done)
    assert told["record"]["bytes"] == 20 and told["record"]["fields"][0]["shape"] == (5,)
    assert set(told["sides"]) == {"uncut", "user", "item", "cross"}
    assert {port["side"] for port in told["frontier"]} == {"user", "item"}
    assert told["acceptance"]["trials"] == done.report.trials > 0


def test_work_on_weights_alone_is_done_once_and_not_counted() -> None:
    net = Net()
    table = net.op("MatMul", net.weight(1000, 6), net.weight(6, 4))
    rows = net.op("Gather", table, net.input("i", ["n"], np.int64), axis=0)
    content = net.bytes(net.dense(net.op("Concat", rows, net.input("u", ["n", 2]), axis=1), 6, 3))
    accounts = compile(load(content), {"i": "item", "u": "user"}, Options(only="A")).report.accounts
    assert accounts["uncut"].flops == 4 + 6 + 2 * 6 * 3  # Gather, Concat, Gemm


def test_sentences_with_one_reason_stand_together() -> None:
    notes = {"Gather a": "x", "Gather b": "x", "Mul c": "x", "Add d": "y"}
    assert list(gathered(notes)) == ["Gather × 2, Mul: x", "Add: y"]
