"""Rankers of PyTorch as their libraries build them: torch-rechub, deepctr-torch, FuxiCTR, and models written by hand.

Weights are drawn, not trained (the libraries begin so near to zero that all scores are alike), but for the film model
of `torch_films`. Each case is the model and a batch of two rows of what its forward takes.
"""

from __future__ import annotations

import copy
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

USERS, ITEMS, TAGS, HISTORY = 30, 50, 20, 6
D = torch.export.Dim.DYNAMIC


class Case(NamedTuple):
    """model: in eval mode. batch: what its forward takes, a dict, or tensors one by one. options: of the import."""

    model: nn.Module
    batch: Mapping[str, Tensor]
    one_dict: bool = True
    options: Mapping[str, str] = {}

    def export(self) -> Any:
        """As the recipe says."""
        rows = {name: {0: D} for name in self.batch}
        if self.one_dict:
            return torch.export.export(self.model.eval(), (dict(self.batch),), dynamic_shapes=(rows,))
        return torch.export.export(self.model.eval(), tuple(self.batch.values()), dynamic_shapes=tuple(rows.values()))


def drawn(model: nn.Module, seed: int, spread: float = 0.4) -> nn.Module:
    """The same weights at each run, large enough to tell rows apart; statistics of BatchNorm as after some training."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(0, spread, generator=generator)
        for name, buffer in model.named_buffers():
            if name.endswith("running_mean"):
                buffer.normal_(0, spread, generator=generator)
            elif name.endswith("running_var"):
                buffer.uniform_(0.5, 2, generator=generator)
    return model.eval()


def ids(limit: int, *shape: int) -> Tensor:
    """Of two rows, none 0."""
    return torch.arange(1, 1 + torch.Size((2, *shape)).numel()).reshape(2, *shape) % limit


class Bags(nn.Module):
    """EmbeddingBag in each mode, with padding and with weights, of two dimensions."""

    def __init__(self) -> None:
        super().__init__()
        self.items = nn.Embedding(ITEMS, 4)
        self.sum = nn.EmbeddingBag(TAGS, 4, mode="sum", padding_idx=0)
        self.mean = nn.EmbeddingBag(TAGS, 4, mode="mean", padding_idx=3)
        self.max = nn.EmbeddingBag(TAGS, 4, mode="max", padding_idx=0)
        self.weighted = nn.EmbeddingBag(TAGS, 4, mode="sum")
        self.plain = nn.EmbeddingBag(TAGS, 4, mode="mean")

    def forward(self, x: dict[str, Tensor]) -> Tensor:
        bags = self.sum(x["tags"]) + self.mean(x["topics"]) + self.max(x["tags"]) + self.plain(x["topics"])
        bags = bags + self.weighted(x["words"], per_sample_weights=x["word_weights"])
        return torch.sigmoid((self.items(x["item_id"]) * bags).sum(1))


class Ragged(nn.Module):
    """EmbeddingBag of ids in one row with offsets."""

    def __init__(self, mode: str, pad: int | None, *, last: bool = False) -> None:
        super().__init__()
        self.items = nn.Embedding(ITEMS, 4)
        self.tags = nn.EmbeddingBag(TAGS, 4, mode=mode, padding_idx=pad, include_last_offset=last)

    def forward(self, item_id: Tensor, tags: Tensor, offsets: Tensor) -> Tensor:
        return (self.items(item_id) * self.tags(tags, offsets)).sum(1)


class Attention(nn.Module):
    """A transformer over the history and the candidate, with a mask as a tensor of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.items, self.users = nn.Embedding(ITEMS, 8, padding_idx=0), nn.Embedding(USERS, 8)
        self.place = nn.Parameter(torch.zeros(HISTORY + 1, 8))
        self.layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
        self.out = nn.Linear(16, 1)

    def forward(self, user_id: Tensor, history: Tensor, history_mask: Tensor, item_id: Tensor) -> Tensor:
        sequence = torch.cat([history, item_id.unsqueeze(1)], 1)
        absent = torch.cat([history_mask == 0, torch.zeros_like(item_id, dtype=torch.bool).unsqueeze(1)], 1)
        seen = self.layer(self.items(sequence) + self.place, src_key_padding_mask=absent)
        return torch.sigmoid(self.out(torch.cat([seen[:, -1], self.users(user_id)], 1)))


class Recurrent(nn.Module):
    """GRU4Rec's way: a recurrent net over the history, its last state against the candidate."""

    def __init__(self) -> None:
        super().__init__()
        self.items = nn.Embedding(ITEMS, 8, padding_idx=0)
        self.net = nn.GRU(8, 8, batch_first=True)

    def forward(self, x: dict[str, Tensor]) -> dict[str, Tensor]:
        states, _ = self.net(self.items(x["history"]))
        logit = (states[:, -1] * self.items(x["item_id"])).sum(1)
        return {"logit": logit, "score": torch.sigmoid(logit)}


class Towers(nn.Module):
    """Two towers and a cosine."""

    def __init__(self) -> None:
        super().__init__()
        self.users, self.items = nn.Embedding(USERS, 4), nn.Embedding(ITEMS, 4)
        self.user, self.item = nn.Linear(7, 5), nn.Linear(4, 5)

    def forward(self, user_id: Tensor, profile: Tensor, item_id: Tensor) -> Tensor:
        user = functional.normalize(self.user(torch.cat([self.users(user_id), profile], 1)))
        return (user * functional.normalize(self.item(self.items(item_id)))).sum(1, keepdim=True)


def by_hand() -> Iterator[tuple[str, Callable[[], Case]]]:
    """Of plain PyTorch."""
    words = {"words": ids(TAGS, 3), "word_weights": torch.ones(2, 3)}
    yield (
        "bags",
        lambda: Case(drawn(Bags(), 1), {"item_id": ids(ITEMS), "tags": ids(TAGS, 4), "topics": ids(TAGS, 5), **words}),
    )
    for mode, pad, last in (("sum", None, False), ("mean", 0, False), ("max", 3, True)):
        offsets = torch.tensor([0, 2, 4, 5][: 3 + last])
        batch = {"item_id": torch.tensor([1, 2, 3]), "tags": torch.tensor([1, 2, 3, 4, 5]), "offsets": offsets}
        yield f"offsets {mode}", lambda m=mode, p=pad, e=last, b=batch: Case(drawn(Ragged(m, p, last=e), 2), b, False)
    masked = {"history": ids(ITEMS, HISTORY), "history_mask": torch.ones(2, HISTORY), "item_id": ids(ITEMS)}
    yield "attention", lambda: Case(drawn(Attention(), 3), {"user_id": ids(USERS), **masked}, False)
    yield (
        "recurrent",
        lambda: Case(drawn(Recurrent(), 4), {"history": ids(ITEMS, HISTORY), "item_id": ids(ITEMS)}),
    )
    profile = torch.zeros(2, 3, dtype=torch.float32)
    yield (
        "two towers",
        lambda: Case(drawn(Towers(), 5), {"user_id": ids(USERS), "profile": profile, "item_id": ids(ITEMS)}, False),
    )


def rechub() -> Iterator[tuple[str, Callable[[], Case]]]:
    """torch-rechub: forward takes one dict."""
    from torch_rechub.basic.features import DenseFeature, SequenceFeature, SparseFeature
    from torch_rechub.models import matching, multi_task, ranking

    dense = [DenseFeature("price"), DenseFeature("age")]
    sparse = [SparseFeature("user_id", USERS, 4), SparseFeature("item_id", ITEMS, 4)]
    target = [SparseFeature("target_item", ITEMS, 4)]
    history, pooled = (
        [
            SequenceFeature(
                "hist_item", vocab_size=ITEMS, embed_dim=4, pooling=pooling, shared_with=shared, padding_idx=0
            )
        ]
        for pooling, shared in (("concat", "target_item"), ("mean", "item_id"))
    )
    mlp = {"dims": [8], "dropout": 0.2, "activation": "relu"}
    every = {"price": torch.rand(2), "age": torch.rand(2), "user_id": ids(USERS), "item_id": ids(ITEMS)}
    every |= {"hist_item": ids(ITEMS, HISTORY), "target_item": ids(ITEMS)}

    def case(make: Callable[[], nn.Module], *names: str, **options: str) -> Callable[[], Case]:
        return lambda: Case(drawn(make(), 6), {name: every[name] for name in names}, options=options)

    plain = ("price", "age", "user_id", "item_id")
    experts = [{"dims": [4]}, {"dims": [4]}]
    yield "rechub WideDeep", case(lambda: ranking.WideDeep(dense + sparse, sparse, dict(mlp)), *plain)
    yield "rechub DeepFM", case(lambda: ranking.DeepFM(dense + sparse + pooled, sparse, dict(mlp)), *plain, "hist_item")
    yield "rechub DCN", case(lambda: ranking.DCN(dense + sparse, 2, dict(mlp)), *plain)
    yield "rechub AutoInt", case(lambda: ranking.AutoInt(sparse, dense, num_layers=1, mlp_params=dict(mlp)), *plain)
    yield (
        "rechub FiBiNet",
        case(lambda: ranking.FiBiNet(sparse, mlp_params=dict(mlp), reduction_ratio=1), "user_id", "item_id"),
    )
    yield (
        "rechub DIN",
        case(
            lambda: ranking.DIN(sparse, history, target, {"dims": [8]}, {"dims": [8]}),
            *plain[2:],
            "hist_item",
            "target_item",
        ),
    )
    yield (
        "rechub DSSM",
        case(
            lambda: matching.DSSM(sparse[:1] + pooled, sparse[1:], {"dims": [8]}, {"dims": [8]}, temperature=0.5),
            *plain[2:],
            "hist_item",
        ),
    )
    yield (
        "rechub MMOE",
        case(
            lambda: multi_task.MMOE(dense + sparse, ["classification"] * 2, 2, {"dims": [8]}, copy.deepcopy(experts)),
            *plain,
            column="1",
        ),
    )
    yield (
        "rechub ESMM",
        case(lambda: multi_task.ESMM(sparse[:1], sparse[1:], dict(mlp), dict(mlp)), *plain[2:], column="2"),
    )


class Named(nn.Module):
    """A model of deepctr-torch, which takes one tensor of all columns, by the names of its features.

    counted: the column of a list's length → the list, whose ids are counted here: no caller sends both.
    """

    def __init__(self, model: Any, counted: Mapping[str, str]) -> None:
        super().__init__()
        self.model, self.names, self.counted = model, list(model.feature_index), dict(counted)

    def forward(self, x: dict[str, Tensor]) -> Tensor:
        x = x | {length: (x[name] != 0).sum(1) for length, name in self.counted.items()}
        return self.model(torch.cat([x[name].float().reshape(x[name].shape[0], -1) for name in self.names], 1))


def deepctr() -> Iterator[tuple[str, Callable[[], Case]]]:
    """deepctr-torch."""
    os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")
    from deepctr_torch import models
    from deepctr_torch.inputs import DenseFeat, SparseFeat, VarLenSparseFeat

    plain = [SparseFeat("user_id", USERS, 4), SparseFeat("item_id", ITEMS, 4), DenseFeat("price", 1)]
    tagged = [*plain, VarLenSparseFeat(SparseFeat("tags", TAGS, 4), 4, combiner="mean")]
    seen = VarLenSparseFeat(
        SparseFeat("hist_item_id", ITEMS, 4, embedding_name="item_id"), HISTORY, length_name="hist_length"
    )
    counted = {"hist_length": "hist_item_id"}
    sparse = [SparseFeat("user_id", USERS, 4), SparseFeat("item_id", ITEMS, 4)]
    every = {"user_id": ids(USERS), "item_id": ids(ITEMS), "price": torch.rand(2), "tags": ids(TAGS, 4)}
    every["hist_item_id"] = ids(ITEMS, HISTORY)
    both = {"task": "binary", "device": "cpu"}
    net = {"dnn_hidden_units": (8,), **both}

    def case(make: Callable[[], Any], **options: str) -> Callable[[], Case]:
        def made() -> Case:
            model = make()
            lengths = {name: counted[name] for name in model.feature_index if name in counted}
            batch = {name: every[name] for name in model.feature_index if name not in lengths}
            return Case(drawn(Named(model, lengths), 7), batch, options=options)

        return made

    yield "deepctr WDL", case(lambda: models.WDL(plain, plain, dnn_use_bn=True, **net))
    yield "deepctr DeepFM", case(lambda: models.DeepFM(tagged, tagged, **net))
    yield "deepctr xDeepFM", case(lambda: models.xDeepFM(plain, plain, cin_layer_size=(4, 4), **net))
    yield "deepctr AutoInt", case(lambda: models.AutoInt(plain, plain, att_layer_num=1, **net))
    yield "deepctr DCN", case(lambda: models.DCN(plain, plain, **net))
    yield "deepctr FiBiNET", case(lambda: models.FiBiNET(plain, plain, **net))
    yield "deepctr NFM", case(lambda: models.NFM(plain, plain, **net))
    yield "deepctr PNN", case(lambda: models.PNN(plain, **net))
    small = {"tower_dnn_hidden_units": (4,), "device": "cpu"}
    yield "deepctr ESMM", case(lambda: models.ESMM(plain, **small), column="1")
    shared = {"expert_dnn_hidden_units": (4,), "gate_dnn_hidden_units": (4,), **small}
    yield "deepctr MMOE", case(lambda: models.MMOE(plain, num_experts=2, **shared), column="0")
    yield (
        "deepctr DIN",
        case(
            lambda: models.DIN([*sparse, seen], ["item_id"], att_hidden_size=(8,), att_weight_normalization=True, **net)
        ),
    )


class Candidate(nn.Module):
    """A model of FuxiCTR's zoo for long histories, which takes the candidate as the last item of the history."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model

    def forward(self, x: dict[str, Tensor]) -> Tensor:
        items = torch.cat([x["history"], x["item_id"].unsqueeze(1)], 1).flatten()
        return self.model(({"user_id": x["user_id"]}, {"item_id": items}, x["history_mask"]))["y_pred"]


def fuxictr() -> Iterator[tuple[str, Callable[[], Case]]]:
    """FuxiCTR: its feature map by hand, as its preprocessing would write it."""
    from fuxictr.features import FeatureMap
    from model_zoo import LongCTR

    def feature_map() -> Any:
        made = FeatureMap("films", tempfile.gettempdir())
        made.labels, made.default_emb_dim = ["click"], 4
        for name, source, size in (("user_id", "user", USERS), ("item_id", "item", ITEMS)):
            made.features[name] = {"source": source, "type": "categorical", "vocab_size": size, "padding_idx": 0}
        made.num_fields = made.get_num_fields()
        made.set_column_index()
        return made

    common = {"optimizer": "adam", "loss": "binary_crossentropy", "metrics": ["AUC"], "verbose": 0, "gpu": -1}
    common |= {"model_root": tempfile.gettempdir(), "task": "binary_classification", "embedding_dim": 4}
    batch = {"user_id": ids(USERS), "history": ids(ITEMS, HISTORY), "item_id": ids(ITEMS)}
    batch["history_mask"] = torch.ones(2, HISTORY)

    def case(name: str, **options: Any) -> Callable[[], Case]:
        return lambda: Case(drawn(Candidate(getattr(LongCTR, name)(feature_map(), **common, **options)), 8), batch)

    yield "fuxictr DIN", case("DIN", dnn_hidden_units=[8], attention_hidden_units=[8])
    yield "fuxictr DCNv2", case("DCNv2", parallel_dnn_hidden_units=[8], num_cross_layers=2)
    yield "fuxictr FinalMLP", case("FinalMLP", mlp1_hidden_units=[8], mlp2_hidden_units=[8], num_heads=1)
    yield "fuxictr TWIN", case("TWIN", dnn_hidden_units=[8], attention_dim=8, short_seq_len=4, topk=3)
    yield "fuxictr TransAct", case("TransAct", dcn_hidden_units=[8], num_heads=1)


LIBRARIES: Mapping[str, Callable[[], Iterator[tuple[str, Callable[[], Case]]]]] = {
    "by hand": by_hand,
    "torch_rechub": rechub,
    "deepctr_torch": deepctr,
    "fuxictr": fuxictr,
}
"""Package → its cases, by name."""
