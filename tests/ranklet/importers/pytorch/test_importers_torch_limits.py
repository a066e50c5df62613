"""What PyTorch exports and this importer does not serve, refused by name; what it runs of a file, not run."""

from __future__ import annotations

import random
import sys
from pathlib import Path
from typing import Any

import onnx
import pytest
from onnx import numpy_helper
from torch_kit import altered, leaves, members, program, put, zipped

from ranklet.errors import ImportRefused
from ranklet.importers.proposal import NO_WISHES, Proposal, Wishes
from ranklet.importers.torch import convert, propose, proposing
from ranklet.importers.torch.recipe import EXPORT

pytestmark = [pytest.mark.oracle, pytest.mark.filterwarnings("ignore")]


@pytest.fixture(autouse=True)
def torch() -> Any:
    pytest.importorskip("onnxscript")
    return pytest.importorskip("torch")


def _export(torch: Any, forward: Any, *batch: Any, fixed: bool = False, training: bool = False, **parts: Any) -> Any:
    """A program of a function of (module, *inputs). parts: modules and buffers of it."""

    class Model(torch.nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            for name, part in parts.items():
                if isinstance(part, torch.Tensor):
                    self.register_buffer(name, part)
                else:
                    setattr(self, name, part)

    Model.forward = forward
    rows = None if fixed else tuple({0: torch.export.Dim.DYNAMIC} for _ in batch)
    return torch.export.export(Model().train(training), batch, dynamic_shapes=rows)


def _saved(torch: Any, folder: Path, exported: Any) -> Path:
    torch.export.save(exported, folder / "model.pt2")
    return folder / "model.pt2"


def _propose(torch: Any, folder: Path, forward: Any, *batch: Any, options: Any = None, **parts: Any) -> Proposal:
    return propose(_saved(torch, folder, _export(torch, forward, *batch, **parts)), Wishes(options=options or {}))


def test_a_model_left_in_training_is_refused(torch: Any, tmp_path: Path) -> None:
    parts = {"dropout": torch.nn.Dropout(0.5), "norm": torch.nn.BatchNorm1d(3)}
    with pytest.raises(ImportRefused, match=r"dropout.* is in training mode or random") as refused:
        _propose(torch, tmp_path, lambda self, x: self.dropout(x).sum(1), torch.ones(2, 3), training=True, **parts)
    assert EXPORT in str(refused.value)
    with pytest.raises(ImportRefused, match=r"changes 'norm\.\w+' while it scores|in training mode"):
        _propose(torch, tmp_path, lambda self, x: self.norm(x).sum(1), torch.ones(2, 3), training=True, **parts)


def test_rows_that_the_export_fixed_are_refused(torch: Any, tmp_path: Path) -> None:
    with pytest.raises(ImportRefused, match="input 'x' takes 2 rows only"):
        _propose(torch, tmp_path, lambda self, x: x.sum(1), torch.ones(2, 3), fixed=True)


def test_rows_that_squeeze_drops_are_refused(torch: Any, tmp_path: Path) -> None:
    with pytest.raises(ImportRefused, match=r"'squeeze' is a squeeze\(\) of all dimensions"):
        _propose(torch, tmp_path, lambda self, x: self.net(x).squeeze(), torch.ones(2, 3), net=torch.nn.Linear(3, 1))


def test_ids_among_numbers_are_refused_with_the_wrapper(torch: Any, tmp_path: Path) -> None:
    with pytest.raises(ImportRefused, match=r"numbers of the input 'x' \(float32\) are ids of a table of 5 rows"):
        _propose(
            torch,
            tmp_path,
            lambda self, x: self.table(x[:, 0].long()).sum(1) + x[:, 1],
            torch.ones(2, 2),
            table=torch.nn.Embedding(5, 3),
        )


def test_ids_shifted_below_nothing_are_refused(torch: Any, tmp_path: Path) -> None:
    with pytest.raises(ImportRefused, match="the model subtracts 1 from the ids 'item_id'"):
        _propose(
            torch,
            tmp_path,
            lambda self, item_id: self.table(item_id - 1).sum(1),
            torch.tensor([1, 2]),
            table=torch.nn.Embedding(5, 3),
        )


def test_ids_shifted_within_the_table_are_bounded_by_it(torch: Any, tmp_path: Path) -> None:
    found = _propose(
        torch,
        tmp_path,
        lambda self, item_id: self.table(item_id + 2).sum(1),
        torch.tensor([1, 2]),
        table=torch.nn.Embedding(7, 3),
    )
    assert found.features["item_id"]["size"] == 5


def test_fields_in_one_tensor_are_refused_where_each_has_its_own_table(torch: Any, tmp_path: Path) -> None:
    fields, tables = torch.tensor([[1, 2], [0, 4]]), {"one": torch.nn.Embedding(9, 3), "two": torch.nn.Embedding(5, 3)}
    for forward in (
        lambda self, x: (self.one(x[:, 0]) * self.two(x[:, 1])).sum(1),
        lambda self, x: self.one(x + torch.tensor([0, 4])).sum((1, 2)),
    ):
        with pytest.raises(ImportRefused, match=r"'x' are ids of different tables.* \(up to 5, up to 9\)"):
            _propose(torch, tmp_path, forward, fields, **tables)


def test_fields_of_one_table_are_bounded_by_their_parts(torch: Any, tmp_path: Path) -> None:
    found = _propose(
        torch,
        tmp_path,
        lambda self, user_id, item_id: self.table(torch.stack([user_id, item_id + 300], 1)).sum((1, 2)),
        torch.tensor([1, 2]),
        torch.tensor([2, 3]),
        table=torch.nn.Embedding(500, 3),
    )
    assert found.features["item_id"]["size"] == 200


def test_one_tensor_given_for_two_inputs_is_refused(torch: Any, tmp_path: Path) -> None:
    with pytest.raises(ImportRefused, match="nothing in the graph reads the input 'user_id': if the model does, one"):
        same = torch.tensor([1, 2])
        _propose(
            torch,
            tmp_path,
            lambda self, user_id, item_id: (self.table(user_id) * self.table(item_id)).sum(1),
            same,
            same,
            table=torch.nn.Embedding(5, 3),
        )


def test_tables_that_scoring_changes_are_refused(torch: Any, tmp_path: Path) -> None:
    with pytest.raises(ImportRefused, match=r"embedding_renorm_ .* set max_norm to None"):
        _propose(
            torch,
            tmp_path,
            lambda self, item_id: self.table(item_id).sum(1),
            torch.tensor([1, 2]),
            table=torch.nn.Embedding(5, 3, max_norm=1.0),
        )


def test_outputs_that_are_no_tensors_are_refused(torch: Any, tmp_path: Path) -> None:
    with pytest.raises(ImportRefused, match="the output 'count' is no tensor"):
        _propose(torch, tmp_path, lambda self, x: {"score": x.sum(1), "count": 3}, torch.ones(2, 3))


def test_offsets_that_feed_more_than_bags_are_refused(torch: Any, tmp_path: Path) -> None:
    bags = {name: torch.nn.EmbeddingBag(9, 3) for name in ("one", "two")}

    def forward(self: Any, item_id: Any, tags: Any, offsets: Any) -> Any:
        return (self.one(tags, offsets) * self.two(tags, offsets)).sum(1) + self.table(item_id).sum(1)

    batch = torch.tensor([1, 2]), torch.tensor([1, 2, 3]), torch.tensor([0, 1])
    found = _propose(torch, tmp_path, forward, *batch, table=torch.nn.Embedding(4, 3), **bags)
    assert found.features["tags"]["mask"] is True  # the same offsets: one list for both

    def other(self: Any, item_id: Any, tags: Any, offsets: Any) -> Any:
        return self.one(tags, offsets).sum(1) + tags.sum() + self.table(item_id).sum(1)

    with pytest.raises(
        ImportRefused, match="ids 'tags' with offsets 'offsets' feed more than EmbeddingBags of their own"
    ):
        _propose(torch, tmp_path, other, *batch, table=torch.nn.Embedding(4, 3), **bags)


def test_custom_operators_are_refused_by_name(torch: Any, tmp_path: Path) -> None:
    double = torch.library.custom_op(
        "ranklet_tests::double", lambda x: x * 2, mutates_args=(), schema="(Tensor x) -> Tensor"
    )

    double.register_fake(torch.empty_like)
    with pytest.raises(ImportRefused, match=r"'torch\.ops\.ranklet_tests\.double\.default', which is not one of"):
        _propose(torch, tmp_path, lambda self, x: double(x).sum(1), torch.ones(2, 3))


def test_control_flow_is_refused_by_name(torch: Any, tmp_path: Path) -> None:
    def forward(self: Any, x: Any) -> Any:
        return torch.cond(x.sum() > 0, lambda x: x.sum(1), lambda x: x.mean(1), (x,))

    with pytest.raises(ImportRefused, match=r"'torch\.ops\.higher_order\.cond', which is not one of"):
        _propose(torch, tmp_path, forward, torch.ones(2, 3))


def test_of_rows_that_depend_on_each_other_the_notes_tell(torch: Any, tmp_path: Path) -> None:
    found = _propose(torch, tmp_path, lambda self, x: (x - x.mean(0)).sum(1), torch.ones(2, 3))
    assert any("depend on the other candidates of the request" in note for note in found.notes)


def test_shapes_that_no_feature_makes_are_refused(torch: Any, tmp_path: Path) -> None:
    with pytest.raises(ImportRefused, match="input 'x' has 3 dimensions"):
        _propose(torch, tmp_path, lambda self, x: x.sum((1, 2)), torch.ones(2, 3, 4))


def test_of_several_outputs_one_is_taken_by_name_and_column(torch: Any, tmp_path: Path) -> None:
    def forward(self: Any, x: Any) -> Any:
        return {"click": x.sum(1), "tasks": torch.stack([x[:, 0], x[:, 1] * 2], 1)}

    path = _saved(torch, tmp_path, _export(torch, forward, torch.ones(2, 3)))
    asked = propose(path, Wishes(options={"output": "tasks", "column": "1"}))
    assert asked.oracle is not None
    assert asked.score == "tasks"
    assert asked.oracle.scores({"x": [[1.0, 3.0, 0.0], [0.0, -1.0, 0.0]]}).tolist() == [6, -2]
    assert propose(path, NO_WISHES).score == "click"
    for options, message in {
        ("column", "2"): r"-o column=2 is asked of 'click', and there is none; the outputs are \{'click'",
        ("output", "tasks"): r"'tasks' is asked for.*or take one of its columns to rank with -o column=0",
        ("output", "buy"): "'buy' is asked for, and no such output",
    }.items():
        with pytest.raises(ImportRefused, match=message):
            propose(path, Wishes(options=dict([options])))


def test_scripts_states_and_modules_are_refused(torch: Any, tmp_path: Path) -> None:
    module = torch.nn.Linear(3, 1)
    ways = {
        "TorchScript": lambda path: torch.jit.save(torch.jit.trace(module, torch.ones(2, 3)), path),
        "a pickle": lambda path: torch.save(module.state_dict(), path),
        "whole module": lambda path: torch.save(module, path),
        r"a state dict, a checkpoint": lambda path: torch.save({}, path, _use_new_zipfile_serialization=False),
    }
    for what, save in ways.items():
        path = tmp_path / "model.pt"
        save(path)
        with pytest.raises(ImportRefused, match=what) as refused:
            propose(path, Wishes(trust_pickle=True))
        assert EXPORT in str(refused.value)


def test_a_conversion_that_is_wrong_is_refused(torch: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(given: Any) -> bytes:
        model = onnx.load_model_from_string(convert.convert(given))
        weight = next(one for one in model.graph.initializer if list(one.dims) == [1, 3])
        weight.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(weight) + 1, weight.name))
        return model.SerializeToString()

    monkeypatch.setattr(proposing, "convert", wrong)
    with pytest.raises(ImportRefused, match="the conversion to ONNX is not right, and nothing was written"):
        _propose(torch, tmp_path, lambda self, x: self.net(x), torch.ones(2, 3), net=torch.nn.Linear(3, 1))


def test_the_example_batch_of_a_file_is_not_unpickled(tmp_path: Path) -> None:
    marker = tmp_path / "ran"
    pickle = f"cbuiltins\nopen\n(V{marker}\nVw\ntR.".encode()
    evil = {name: pickle if "sample_inputs" in name else content for name, content in members("two towers").items()}
    assert propose(zipped(tmp_path / "model.pt2", evil), NO_WISHES).score == "score"
    assert not marker.exists()


WATCHED = ("os.system", "os.exec", "os.posix_spawn", "subprocess.Popen", "socket.connect", "pickle.find_class")


def test_what_passes_our_reader_ends_in_words_whatever_it_says(tmp_path: Path) -> None:
    """PyTorch loads what our reader lets through of altered programs: it must neither fall nor start anything."""
    chance, seen, outcomes = random.Random(3), list[str](), dict[str, int]()
    watching = True

    def watch(event: str, arguments: Any) -> None:
        if watching and event.startswith(WATCHED):
            seen.append(f"{event} {arguments}")

    sys.addaudithook(watch)
    propose(program("two towers", tmp_path), NO_WISHES)  # imports what it will
    seen.clear()
    values: list[Any] = [
        None,
        True,
        0,
        -1,
        2,
        1 << 40,
        0.5,
        "",
        "x",
        "s0",
        "Mod(s0, 2)",
        "torch.ops.aten.mul.Tensor",
        [],
    ]

    def edit(document: Any) -> None:
        put(document, chance.choice(leaves(document)), chance.choice(values))

    for _ in range(40):
        path = altered(tmp_path / "model.pt2", "two towers", edit)
        try:
            propose(path, NO_WISHES)
            outcome = "read"
        except ImportRefused as error:
            assert str(tmp_path) not in str(error)
            outcome = "loaded" if "does not load it" in str(error) else "refused"
        outcomes[outcome] = outcomes.get(outcome, 0) + 1
    watching = False
    assert not seen
    assert set(outcomes) == {"read", "loaded", "refused"}
