"""A zoo of ranking models in plain torch, each with its inputs and their sides. Imported only where torch is."""

from __future__ import annotations

import inspect
import io
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import torch
from torch import nn

Declared = Any


def mlp(*sizes: int, last: bool = False, norm: bool = False) -> nn.Sequential:
    layers: list[nn.Module] = []
    for place, (a, b) in enumerate(pairwise(sizes)):
        layers.append(nn.Linear(a, b))
        if place < len(sizes) - 2 or last:
            if norm:
                layers.append(nn.BatchNorm1d(b))
            layers.append(nn.ReLU())
    return nn.Sequential(*layers)


class TwoTower(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.users, self.items, self.genres = nn.Embedding(1000, 32), nn.Embedding(2000, 32), nn.Embedding(20, 8)
        self.user, self.item = mlp(32 + 8, 128, 64, 32), mlp(32 + 8, 128, 64, 32)

    def forward(self, user: Any, dense: Any, item: Any, genre: Any) -> Any:
        u = nn.functional.normalize(self.user(torch.cat([self.users(user), dense], 1)), dim=1)
        i = nn.functional.normalize(self.item(torch.cat([self.items(item), self.genres(genre)], 1)), dim=1)
        return torch.sigmoid((u * i).sum(1))


class NeuralCF(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.ug, self.ig, self.um, self.im = (nn.Embedding(n, 32) for n in (1000, 2000, 1000, 2000))
        self.mlp, self.out = mlp(64, 128, 64, 32, last=True), nn.Linear(64, 1)

    def forward(self, user: Any, item: Any) -> Any:
        deep = self.mlp(torch.cat([self.um(user), self.im(item)], 1))
        return torch.sigmoid(self.out(torch.cat([self.ug(user) * self.ig(item), deep], 1)))


class Fields(nn.Module):
    """Embeddings of u user and i item fields, stacked [B, u + i, dim], and a first-order weight each."""

    def __init__(self, users: int, items: int, dim: int = 16, rows: int = 100) -> None:
        super().__init__()
        self.users, self.items = users, items
        self.tables = nn.ModuleList(nn.Embedding(rows, dim) for _ in range(users + items))
        self.first = nn.ModuleList(nn.Embedding(rows, 1) for _ in range(users + items))
        self.width = (users + items) * dim

    def stack(self, user: Any, item: Any) -> Any:
        found = [self.tables[k](user[:, k]) for k in range(self.users)]
        found += [self.tables[self.users + k](item[:, k]) for k in range(self.items)]
        return torch.stack(found, 1)

    def linear(self, user: Any, item: Any) -> Any:
        found = [self.first[k](user[:, k]) for k in range(self.users)]
        found += [self.first[self.users + k](item[:, k]) for k in range(self.items)]
        return torch.cat(found, 1).sum(1, keepdim=True)


class WideDeep(nn.Module):
    def __init__(self, users: int = 8, items: int = 6) -> None:
        super().__init__()
        self.fields = Fields(users, items)
        self.deep = mlp(self.fields.width, 256, 128, 1)

    def forward(self, user: Any, item: Any) -> Any:
        return torch.sigmoid(self.fields.linear(user, item) + self.deep(self.fields.stack(user, item).flatten(1)))


class DeepFM(nn.Module):
    def __init__(self, users: int = 8, items: int = 6, norm: bool = False) -> None:
        super().__init__()
        self.fields = Fields(users, items)
        self.deep = mlp(self.fields.width, 256, 128, 1, norm=norm)

    def forward(self, user: Any, item: Any) -> Any:
        x = self.fields.stack(user, item)
        fm = 0.5 * (x.sum(1) ** 2 - (x**2).sum(1)).sum(1, keepdim=True)
        return torch.sigmoid(self.fields.linear(user, item) + fm + self.deep(x.flatten(1)))


class XDeepFM(nn.Module):
    def __init__(self, users: int = 8, items: int = 6) -> None:
        super().__init__()
        self.fields = Fields(users, items)
        n = users + items
        self.cin = nn.ModuleList([nn.Conv1d(n * n, 16, 1), nn.Conv1d(n * 16, 16, 1)])
        self.out, self.deep = nn.Linear(32, 1), mlp(self.fields.width, 128, 1)

    def forward(self, user: Any, item: Any) -> Any:
        x0 = self.fields.stack(user, item)
        x, pooled = x0, []
        for layer in self.cin:
            z = torch.einsum("bhd,bmd->bhmd", x, x0).flatten(1, 2)
            x = torch.relu(layer(z))
            pooled.append(x.sum(2))
        return torch.sigmoid(self.out(torch.cat(pooled, 1)) + self.deep(x0.flatten(1)))


class DCN(nn.Module):
    def __init__(self, users: int = 8, items: int = 6, version: int = 2, layers: int = 3) -> None:
        super().__init__()
        self.fields, self.version = Fields(users, items), version
        width = self.fields.width
        self.cross = nn.ModuleList(nn.Linear(width, width if version == 2 else 1) for _ in range(layers))
        self.deep, self.out = mlp(width, 256, 128, last=True), nn.Linear(width + 128, 1)

    def forward(self, user: Any, item: Any) -> Any:
        x0 = self.fields.stack(user, item).flatten(1)
        x = x0
        for layer in self.cross:
            x = x0 * layer(x) + x
        return torch.sigmoid(self.out(torch.cat([x, self.deep(x0)], 1)))


class DLRM(nn.Module):
    """mixed: the dense features of both sides enter one bottom MLP; otherwise they are the user's."""

    def __init__(self, users: int = 8, items: int = 18, dim: int = 32, bags: bool = False) -> None:
        super().__init__()
        self.bottom = mlp(13, 128, dim, last=True)
        make = (lambda: nn.EmbeddingBag(100, dim, mode="sum")) if bags else (lambda: nn.Embedding(100, dim))
        self.tables = nn.ModuleList(make() for _ in range(users + items))
        self.users, self.bags = users, bags
        n = users + items + 1
        self.register_buffer("pairs", torch.tril_indices(n, n, -1)[0] * n + torch.tril_indices(n, n, -1)[1])
        self.top = mlp(dim + n * (n - 1) // 2, 256, 128, 1)

    def forward(self, dense: Any, user: Any, item: Any) -> Any:
        x = self.bottom(dense)
        ids = [user[:, k] for k in range(self.users)] + [item[:, k] for k in range(len(self.tables) - self.users)]
        found = [t(i.unsqueeze(1) if self.bags else i) for t, i in zip(self.tables, ids, strict=True)]
        t = torch.stack([x, *found], 1)
        z = torch.bmm(t, t.transpose(1, 2)).flatten(1)
        return torch.sigmoid(self.top(torch.cat([x, z[:, self.pairs]], 1)))


class DIN(nn.Module):
    def __init__(self, dim: int = 32) -> None:
        super().__init__()
        self.items, self.users = nn.Embedding(2000, dim), nn.Embedding(1000, dim)
        self.attention = mlp(4 * dim, 64, 16, 1)
        self.deep = mlp(3 * dim, 128, 64, 1)

    def forward(self, user: Any, history: Any, item: Any) -> Any:
        k, q = self.items(history), self.items(item)
        wide = q.unsqueeze(1).expand(-1, k.shape[1], -1)
        w = self.attention(torch.cat([wide, k, wide - k, wide * k], 2)).squeeze(2)
        w = w.masked_fill(history == 0, -1e9).softmax(1)
        pooled = torch.bmm(w.unsqueeze(1), k).squeeze(1)
        return torch.sigmoid(self.deep(torch.cat([self.users(user), pooled, q], 1)))


class BST(nn.Module):
    def __init__(self, dim: int = 32, length: int = 20) -> None:
        super().__init__()
        self.items, self.users = nn.Embedding(2000, dim), nn.Embedding(1000, dim)
        self.position = nn.Parameter(torch.randn(1, length + 1, dim) * 0.1)
        self.block = nn.TransformerEncoderLayer(dim, 4, 64, batch_first=True, dropout=0.0)
        self.deep = mlp((length + 2) * dim, 128, 64, 1)

    def forward(self, user: Any, history: Any, item: Any) -> Any:
        x = self.items(torch.cat([history, item.unsqueeze(1)], 1)) + self.position
        return torch.sigmoid(self.deep(torch.cat([self.block(x).flatten(1), self.users(user)], 1)))


class AutoInt(nn.Module):
    def __init__(self, users: int = 8, items: int = 6) -> None:
        super().__init__()
        self.fields = Fields(users, items)
        self.q, self.k, self.v, self.r = (nn.Linear(16, 32, bias=False) for _ in range(4))
        self.out = nn.Linear((users + items) * 32, 1)

    def forward(self, user: Any, item: Any) -> Any:
        x = self.fields.stack(user, item)
        a = (self.q(x) @ self.k(x).transpose(1, 2)).softmax(2)
        return torch.sigmoid(self.out(torch.relu(a @ self.v(x) + self.r(x)).flatten(1)))


class FiBiNet(nn.Module):
    def __init__(self, users: int = 4, items: int = 3) -> None:
        super().__init__()
        self.fields = Fields(users, items)
        n = users + items
        self.squeeze = nn.Sequential(nn.Linear(n, 3), nn.ReLU(), nn.Linear(3, n), nn.ReLU())
        self.bilinear = nn.Linear(16, 16, bias=False)
        self.n, self.deep = n, mlp(n * (n - 1) * 16, 128, 1)

    def pairs(self, x: Any) -> Any:
        left = self.bilinear(x)
        return torch.cat([left[:, a] * x[:, b] for a in range(self.n) for b in range(a + 1, self.n)], 1)

    def forward(self, user: Any, item: Any) -> Any:
        x = self.fields.stack(user, item)
        weighted = x * self.squeeze(x.mean(2)).unsqueeze(2)
        both = torch.cat([self.pairs(x), self.pairs(weighted)], 1)
        return torch.sigmoid(self.fields.linear(user, item) + self.deep(both))


class Sequence(nn.Module):
    """A GRU and a transformer layer over the user's history, a dot product with the item."""

    def __init__(self, dim: int = 64) -> None:
        super().__init__()
        self.items = nn.Embedding(2000, dim)
        self.gru = nn.GRU(dim, dim, batch_first=True)
        self.block = nn.TransformerEncoderLayer(dim, 4, 128, batch_first=True, dropout=0.0)
        self.deep = mlp(2 * dim, 64, 1)

    def forward(self, history: Any, item: Any) -> Any:
        x, _ = self.gru(self.items(history))
        user = self.block(x)[:, -1]
        return torch.sigmoid(self.deep(torch.cat([user, self.items(item)], 1)))


class MMoE(nn.Module):
    def __init__(self, users: int = 8, items: int = 6, experts: int = 4) -> None:
        super().__init__()
        self.fields = Fields(users, items)
        width = self.fields.width
        self.experts = nn.ModuleList(mlp(width, 64, 32, last=True) for _ in range(experts))
        self.gates = nn.ModuleList(nn.Linear(width, experts) for _ in range(2))
        self.towers = nn.ModuleList(mlp(32, 16, 1) for _ in range(2))

    def forward(self, user: Any, item: Any) -> Any:
        x = self.fields.stack(user, item).flatten(1)
        found = torch.stack([expert(x) for expert in self.experts], 1)
        gates = [gate(x).softmax(1).unsqueeze(2) for gate in self.gates]
        return torch.cat([torch.sigmoid(t((g * found).sum(1))) for g, t in zip(gates, self.towers, strict=True)], 1)


@dataclass(frozen=True)
class Animal:
    """make: the model. inputs: (name, side, kind, trailing shape, limit); kind `id` or `dense`."""

    make: Callable[[], nn.Module]
    inputs: tuple[tuple[str, Declared, str, tuple[int, ...], int], ...]


def _fields(users: int, items: int) -> tuple[Any, ...]:
    return (("user", "user", "id", (users,), 100), ("item", "item", "id", (items,), 100))


USER, ITEM = ("user", "user", "id", (), 1000), ("item", "item", "id", (), 2000)

ZOO: dict[str, Animal] = {
    "two-tower": Animal(
        TwoTower, (USER, ("dense", "context", "dense", (8,), 0), ITEM, ("genre", "item", "id", (), 20))
    ),
    "neural-cf": Animal(NeuralCF, (USER, ITEM)),
    "wide-deep": Animal(WideDeep, _fields(8, 6)),
    "deepfm": Animal(DeepFM, _fields(8, 6)),
    "deepfm-norm": Animal(lambda: DeepFM(norm=True), _fields(8, 6)),
    "deepfm-40": Animal(lambda: DeepFM(40, 6), _fields(40, 6)),
    "xdeepfm": Animal(XDeepFM, _fields(8, 6)),
    "dcn": Animal(lambda: DCN(version=1), _fields(8, 6)),
    "dcn-v2": Animal(DCN, _fields(8, 6)),
    "dcn-v2-40": Animal(lambda: DCN(40, 6), _fields(40, 6)),
    "dlrm": Animal(DLRM, (("dense", "user", "dense", (13,), 0), *_fields(8, 18))),
    "dlrm-bag": Animal(lambda: DLRM(bags=True), (("dense", "user", "dense", (13,), 0), *_fields(8, 18))),
    "din": Animal(DIN, (USER, ("history", "user", "id", (50,), 2000), ITEM)),
    "bst": Animal(BST, (USER, ("history", "user", "id", (20,), 2000), ITEM)),
    "autoint": Animal(AutoInt, _fields(8, 6)),
    "fibinet": Animal(FiBiNet, _fields(4, 3)),
    "user-sequence": Animal(Sequence, (("history", "user", "id", (50,), 2000), ITEM)),
    "mmoe": Animal(MMoE, _fields(8, 6)),
}


def export(name: str, exporter: str) -> tuple[bytes, dict[str, Declared]]:
    """The model as ONNX by the `dynamo` or the `legacy` exporter, and its sides."""
    torch.manual_seed(0)
    animal = ZOO[name]
    model = animal.make().eval()
    for module in model.modules():
        if isinstance(module, nn.Embedding | nn.EmbeddingBag):
            nn.init.normal_(module.weight, std=0.1)  # as trained tables are; 46 fields of N(0, 1) saturate the sigmoid
    for module in model.modules():
        if isinstance(module, nn.BatchNorm1d):
            module.running_mean.normal_()
            module.running_var.uniform_(0.5, 2)
    example = tuple(
        torch.randint(0, limit, (3, *shape)) if kind == "id" else torch.randn(3, *shape)
        for _, _, kind, shape, limit in animal.inputs
    )
    names = [spec[0] for spec in animal.inputs]
    content = exported(model, dict(zip(names, example, strict=True)), exporter)
    return content, {spec[0]: spec[1] for spec in animal.inputs}


def exported(model: nn.Module, feeds: dict[str, Any], exporter: str) -> bytes:
    """A torch model that takes these tensors in this order, its batch dynamic."""
    names, example = list(feeds), tuple(feeds.values())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if exporter == "dynamo":
            batch = torch.export.Dim("batch", min=1, max=100_000)
            dims: Any = tuple({0: batch} for _ in names)
            if any(p.kind is p.VAR_POSITIONAL for p in inspect.signature(model.forward).parameters.values()):
                dims = (dims,)
            program = torch.onnx.export(
                model, example, dynamo=True, input_names=names, dynamic_shapes=dims, verbose=False
            )
            content = program.model_proto.SerializeToString()
        else:
            stream = io.BytesIO()
            axes = {n: {0: "batch"} for n in names}
            torch.onnx.export(
                model, example, stream, dynamo=False, input_names=names, dynamic_axes=axes, opset_version=17
            )
            content = stream.getvalue()
    return bytes(content)
