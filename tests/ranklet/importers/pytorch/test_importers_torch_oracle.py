"""PyTorch itself: models of the zoo and of the page's recipe are served as their libraries score them."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from torch_kit import BATCHES, names, record, scores

from ranklet import draft, pipeline
from ranklet.importers import torch as importer
from ranklet.importers.proposal import NO_WISHES, Wishes

pytestmark = pytest.mark.oracle
ROOT = Path(__file__).parents[4]


@pytest.fixture(scope="module")
def makers() -> dict[str, Callable[[], Any]]:
    """Model's name → what makes its case; the libraries are imported here."""
    pytest.importorskip("torch")
    torch_zoo = pytest.importorskip("torch_zoo")
    torch_films = pytest.importorskip("torch_films")
    found = {name: make for library in torch_zoo.LIBRARIES.values() for name, make in library()}
    found["films"] = lambda: torch_zoo.Case(*torch_films.trained()[:2])
    return found


@pytest.mark.filterwarnings("ignore")  # of the libraries, about themselves
@pytest.mark.parametrize("name", names())
def test_models_are_served_as_their_libraries_score_them(
    name: str, makers: dict[str, Callable[[], Any]], tmp_path: Path
) -> None:
    import make_models

    case, stored = makers[name](), record(name)
    path, wishes = tmp_path / "model.pt2", Wishes(options=case.options)
    make_models.saved(case, path)
    drafted = draft.draft(path, tmp_path / "ranker", wishes=wishes)
    assert (drafted.format, drafted.golden) == ("torch", 6)
    proposal = importer.propose(path, wishes)
    own = make_models.answers(case, proposal, stored["columns"])
    np.testing.assert_allclose(own, stored["scores"], rtol=1e-5, atol=1e-6)
    for rows in BATCHES:
        random = np.random.default_rng(rows)
        columns = {key: one.draw(random, rows) for key, one in proposal.inputs.items()}
        wanted = make_models.answers(case, proposal, columns)
        np.testing.assert_allclose(scores(drafted.folder, columns, rows), wanted, rtol=1e-5, atol=1e-5)


def _section() -> list[str]:
    """The page's code on PyTorch."""
    page = (ROOT / "functions" / "README.md").read_text(encoding="utf-8")
    section = page.split("## PyTorch (`--format torch`)")[1].split("\n## ")[0]
    return re.findall(r"```python\n(.*?)```", section, re.DOTALL)


def _follow(recipe: str, model: Any, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """What the page's lines export, drafted and built; returns the folder."""
    import torch

    monkeypatch.chdir(folder)
    exec(recipe, {"torch": torch, "model": model})
    drafted = draft.draft(folder / "ranker.pt2", folder / "functions" / "ranker")
    built = pipeline.build(drafted.folder, out=folder / "build", progress=lambda text: None)
    assert built.certificate.rows == drafted.golden
    return drafted.folder


def test_the_pages_three_lines_export_a_ranker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    torch = pytest.importorskip("torch")
    recipe, _ = _section()
    assert recipe.count("\n") == 3

    class Ranker(torch.nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.users, self.items = torch.nn.Embedding(9, 4), torch.nn.Embedding(20, 4)
            self.seen = torch.nn.EmbeddingBag(20, 4, padding_idx=0)

        def forward(self, x: Any) -> Any:
            return ((self.users(x["user_id"]) + self.seen(x["history"])) * self.items(x["item_id"])).sum(1)

    model = Ranker()
    folder = _follow(recipe, model, tmp_path, monkeypatch)
    columns = {"user_id": [0, 8, 3], "history": [[], [19] * 50, [1, 2]], "item_id": [19, 0, 5]}
    padded = torch.tensor([ids + [0] * (50 - len(ids)) for ids in columns["history"]])
    with torch.no_grad():
        single = {name: torch.tensor(columns[name]) for name in ("user_id", "item_id")}
        wanted = model({**single, "history": padded}).numpy()
    np.testing.assert_allclose(scores(folder, columns, 3), wanted, rtol=1e-5, atol=1e-6)


@pytest.mark.filterwarnings("ignore")
def test_the_pages_wrapper_exports_a_model_of_one_tensor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    torch = pytest.importorskip("torch")
    pytest.importorskip("deepctr_torch")
    from deepctr_torch.inputs import SparseFeat, VarLenSparseFeat
    from deepctr_torch.models import WDL

    recipe, wrapper = _section()
    columns = [SparseFeat("user_id", 9, 4), SparseFeat("item_id", 20, 4)]
    columns.append(VarLenSparseFeat(SparseFeat("history", 20, 4, embedding_name="item_id"), 50))
    space: dict[str, Any] = {"torch": torch}
    exec(wrapper, space)
    _follow(recipe, space["Named"](WDL(columns, columns, device="cpu")), tmp_path, monkeypatch)


def test_constants_keywords_and_bags_of_offsets_are_taken_together(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")

    class Ranker(torch.nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.items = torch.nn.Embedding(5, 3)
            self.one, self.two = torch.nn.EmbeddingBag(7, 3, mode="sum"), torch.nn.EmbeddingBag(7, 3)

        def forward(self, item_id: Any, times: int, tags: Any, offsets: Any, *, bias: Any = None, price: Any) -> Any:
            bags = self.one(tags, offsets) + self.two(tags, offsets)
            return (self.items(item_id) * bags).sum(1) * times + price

    model, rows = Ranker(), {0: torch.export.Dim.DYNAMIC}
    batch = torch.tensor([1, 2]), 3, torch.tensor([1, 2, 3]), torch.tensor([0, 1])
    shapes = {"item_id": rows, "times": None, "tags": rows, "offsets": rows, "price": rows}
    exported = torch.export.export(model, batch, {"price": torch.ones(2)}, dynamic_shapes=shapes)
    torch.export.save(exported, tmp_path / "model.pt2")
    drafted = draft.draft(tmp_path / "model.pt2", tmp_path / "ranker")
    columns = {"item_id": [4, 0], "tags": [[6, 1, 0], []], "price": [0.5, -1.0]}
    with torch.no_grad():
        ragged = torch.tensor([6, 1, 0]), torch.tensor([0, 3])
        wanted = model(torch.tensor([4, 0]), 3, *ragged, price=torch.tensor([0.5, -1.0])).numpy()
    np.testing.assert_allclose(scores(drafted.folder, columns, 2), wanted, rtol=1e-5, atol=1e-6)


def test_a_model_of_doubles_is_served_in_doubles(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")

    class Ranker(torch.nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.net = torch.nn.Sequential(torch.nn.Linear(3, 8), torch.nn.Tanh(), torch.nn.Linear(8, 1)).double()

        def forward(self, x: dict[str, Any]) -> Any:
            return self.net(x["profile"])

    model, profile = Ranker(), torch.rand(64, 3).double()
    shapes = ({"profile": {0: torch.export.Dim.DYNAMIC}},)
    torch.export.save(
        torch.export.export(model, ({"profile": profile[:2]},), dynamic_shapes=shapes), tmp_path / "model.pt2"
    )
    drafted = draft.draft(tmp_path / "model.pt2", tmp_path / "ranker")
    with torch.no_grad():
        wanted = model({"profile": profile}).numpy().reshape(-1)
    np.testing.assert_allclose(scores(drafted.folder, {"profile": profile.tolist()}, 64), wanted, rtol=1e-9)


def test_the_oracle_says_its_version(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    from torch_kit import program

    proposal = importer.propose(program("two towers", tmp_path), NO_WISHES)
    assert proposal.oracle is not None
    assert proposal.oracle.name.startswith("PyTorch 2.")
