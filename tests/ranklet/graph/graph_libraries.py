"""Models of torch-rechub and deepctr-torch, as their users build them. Imported only where both are."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

import torch
from graph_zoo import exported
from torch import nn

from ranklet.graph.records import Columns

_quiet = ModuleType("deepctr_torch.utils")
_quiet.check_version = lambda version: None  # type: ignore[attr-defined]  # it asks a server on import
sys.modules.setdefault("deepctr_torch.utils", _quiet)

from deepctr_torch import models as deepctr  # noqa: E402
from deepctr_torch.inputs import DenseFeat, SparseFeat, VarLenSparseFeat, build_input_features  # noqa: E402
from torch_rechub.basic.features import DenseFeature, SequenceFeature, SparseFeature  # noqa: E402
from torch_rechub.models import matching, multi_task, ranking  # noqa: E402

USERS, ITEMS, ROWS, LENGTH = 5, 3, 60, 8
HIDDEN = (64, 32)
MLP = {"dims": [64, 32], "dropout": 0.0, "activation": "relu"}

Export = tuple[bytes, dict[str, Any]]


def _deepctr_columns(dim: int = 8) -> list[Any]:
    found: list[Any] = [SparseFeat(f"u{k}", ROWS, embedding_dim=dim) for k in range(USERS)]
    found += [SparseFeat(f"i{k}", ROWS, embedding_dim=dim) for k in range(ITEMS)]
    return [*found, DenseFeat("ux", 3), DenseFeat("ix", 2)]


def _deepctr(make: Callable[[list[Any]], nn.Module]) -> Callable[[str], Export]:
    """One input matrix: ids as floats, then the dense numbers; the columns have sides."""

    def build(exporter: str) -> Export:
        torch.manual_seed(0)
        columns = _deepctr_columns()
        model = make(columns).eval()
        ids = torch.randint(0, ROWS, (3, USERS + ITEMS)).float()
        sides = {"x": _ranges(build_input_features(columns))}
        return exported(model, {"x": torch.cat([ids, torch.randn(3, 5)], 1)}, exporter), sides

    return build


def _ranges(features: Any) -> tuple[Columns, ...]:
    return tuple(
        Columns("user" if name.startswith(("u", "hist")) else "item", start, stop)
        for name, (start, stop) in features.items()
    )


def _deepctr_din(exporter: str) -> Export:
    torch.manual_seed(0)
    columns = [
        SparseFeat("user", ROWS, embedding_dim=8),
        SparseFeat("item", ROWS, embedding_dim=8),
        VarLenSparseFeat(
            SparseFeat("hist_item", ROWS, embedding_dim=8, embedding_name="item"), LENGTH, "mean", "length"
        ),
        DenseFeat("ix", 2),
    ]
    model = deepctr.DIN(columns, ["item"], dnn_hidden_units=HIDDEN, att_hidden_size=(16, 8)).eval()
    features = build_input_features(columns)
    x = torch.randint(1, 5, (3, max(stop for _, stop in features.values()))).float()
    found = [
        Columns("item" if name in ("item", "ix") else "user", start, stop) for name, (start, stop) in features.items()
    ]
    return exported(model, {"x": x}, exporter), {"x": tuple(found)}


class Named(nn.Module):
    """torch-rechub takes a dict of columns; exporters take tensors."""

    def __init__(self, model: nn.Module, names: tuple[str, ...]) -> None:
        super().__init__()
        self.model, self.names = model, names

    def forward(self, *columns: Any) -> Any:
        return self.model(dict(zip(self.names, columns, strict=True)))


def _features() -> tuple[list[Any], list[Any]]:
    users: list[Any] = [SparseFeature(f"u{k}", ROWS, 8) for k in range(USERS)]
    items: list[Any] = [SparseFeature(f"i{k}", ROWS, 8) for k in range(ITEMS)]
    return [*users, DenseFeature("ux")], [*items, DenseFeature("ix")]


def _rechub(make: Callable[[list[Any], list[Any]], nn.Module], *, dense: bool = True) -> Callable[[str], Export]:
    def build(exporter: str) -> Export:
        torch.manual_seed(0)
        users, items = _features() if dense else map(_sparse, _features())
        model = make(users, items)
        sides = {f.name: "user" for f in users} | {f.name: "item" for f in items}
        feeds = {
            f.name: torch.randn(3) if isinstance(f, DenseFeature) else torch.randint(0, ROWS, (3,))
            for f in (*users, *items)
        }
        return exported(Named(model.eval(), tuple(feeds)), feeds, exporter), sides

    return build


def _sparse(features: list[Any]) -> list[Any]:
    return [f for f in features if isinstance(f, SparseFeature)]


def _history(make: Callable[[list[Any], list[Any], list[Any]], nn.Module]) -> Callable[[str], Export]:
    """A user, a history of items, and the candidate."""

    def build(exporter: str) -> Export:
        torch.manual_seed(0)
        user, item = SparseFeature("user", ROWS, 8), SparseFeature("item", ROWS, 8)
        history = SequenceFeature("history", ROWS, embed_dim=8, pooling="concat", shared_with="item")
        model = make([user], [history], [item]).eval()
        feeds = {
            "user": torch.randint(0, ROWS, (3,)),
            "history": torch.randint(0, ROWS, (3, LENGTH)),
            "item": torch.randint(0, ROWS, (3,)),
        }
        sides = {"user": "user", "history": "user", "item": "item"}
        return exported(Named(model, tuple(feeds)), feeds, exporter), sides

    return build


LIBRARIES: dict[str, Callable[[str], Export]] = {
    "deepctr-wdl": _deepctr(lambda c: deepctr.WDL(c, c, dnn_hidden_units=HIDDEN)),
    "deepctr-deepfm": _deepctr(lambda c: deepctr.DeepFM(c, c, dnn_hidden_units=HIDDEN)),
    "deepctr-xdeepfm": _deepctr(lambda c: deepctr.xDeepFM(c, c, dnn_hidden_units=HIDDEN, cin_layer_size=(16, 8))),
    "deepctr-dcn": _deepctr(lambda c: deepctr.DCN(c, c, dnn_hidden_units=HIDDEN)),
    "deepctr-dcn-matrix": _deepctr(
        lambda c: deepctr.DCN(c, c, dnn_hidden_units=HIDDEN, cross_parameterization="matrix")
    ),
    "deepctr-dcnmix": _deepctr(lambda c: deepctr.DCNMix(c, c, dnn_hidden_units=HIDDEN, low_rank=8, num_experts=2)),
    "deepctr-autoint": _deepctr(lambda c: deepctr.AutoInt(c, c, dnn_hidden_units=HIDDEN, att_layer_num=2)),
    "deepctr-fibinet": _deepctr(lambda c: deepctr.FiBiNET(c, c, dnn_hidden_units=HIDDEN)),
    "deepctr-nfm": _deepctr(lambda c: deepctr.NFM(c, c, dnn_hidden_units=HIDDEN)),
    "deepctr-din": _deepctr_din,
    "rechub-widedeep": _rechub(lambda u, i: ranking.WideDeep([*u, *i], [*u, *i], MLP)),
    "rechub-deepfm": _rechub(lambda u, i: ranking.DeepFM([*u, *i], _sparse([*u, *i]), MLP)),
    "rechub-dcn": _rechub(lambda u, i: ranking.DCN([*u, *i], 2, MLP)),
    "rechub-dcnv2": _rechub(lambda u, i: ranking.DCNv2([*u, *i], 2, MLP, use_low_rank_mixture=False)),
    "rechub-autoint": _rechub(
        lambda u, i: ranking.AutoInt(_sparse([*u, *i]), [f for f in (*u, *i) if f.name in ("ux", "ix")], mlp_params=MLP)
    ),
    "rechub-fibinet": _rechub(lambda u, i: ranking.FiBiNet([*u, *i], MLP), dense=False),
    "rechub-dssm": _rechub(lambda u, i: matching.DSSM(u, i, MLP, MLP)),
    "rechub-mmoe": _rechub(
        lambda u, i: multi_task.MMOE([*u, *i], ["classification"] * 2, 3, MLP, [{"dims": [16]}, {"dims": [16]}])
    ),
    "rechub-din": _history(lambda u, h, t: ranking.DIN(u, h, t, {"dims": [64, 32]}, {"dims": [16]})),
    "rechub-bst": _history(lambda u, h, t: ranking.BST(u, h, t, MLP, nhead=2)),
}
