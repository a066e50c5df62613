"""A model that finds items, from model.toml to a proven bundle."""

from __future__ import annotations

from pathlib import Path

import pytest
from retrieving_kit import DIM, Catalogue, golden_row, toml, user_vector

from ranklet import pipeline
from ranklet_runtime.manifest import Manifest


def films(folder: Path, catalogue: Catalogue, *, retrieve: str = 'query = "vector"') -> Path:
    """A model with a user tower and its golden rows."""
    place = catalogue.write(folder / "films", model=toml("films", retrieve=retrieve, key=catalogue.key))
    rows = []
    for age in (0.5, 1.0, -2.0):
        rows.append(golden_row({"user": {"age": age}, "k": 5}, catalogue.best(user_vector(age), 5)))
        where = {"genres": ["Drama", "War"], "available": [True]}
        seen = catalogue.ids[::3]
        request = {"user": {"age": age}, "k": 4, "filter": {"where": where}, "seen": seen}
        rows.append(golden_row(request, catalogue.best(user_vector(age), 4, where=where, deny=seen)))
    item = catalogue.ids[5]
    rows.append(golden_row({"item": item, "k": 3}, catalogue.best(catalogue.vectors[5], 3, deny=[item])))
    (place / "golden.jsonl").write_text("".join(rows))
    return place


@pytest.mark.parametrize("key", ["int", "string"])
def test_small_catalogue_is_searched_exactly_and_proven(tmp_path: Path, key: str) -> None:
    built = pipeline.build(films(tmp_path, Catalogue(60, key=key)), out=tmp_path / "out")
    assert built.certificate.paths.keys() == {"retrieve-json", "retrieve-msgpack"}
    assert max(built.certificate.paths.values()) <= built.certificate.bound == 1e-5
    recall = built.certificate.recall
    assert recall is not None and (recall.reached, recall.layout) == (1.0, "exact")
    found = Manifest.read(built.folder / "manifest.json")
    assert found.retrieve is not None and found.retrieve.index.attributes["genres"] == "string"
    assert found.dialects == ("retrieval",) and not found.spec.tables


WORD2VEC = """
name = "graph"
kind = "retrieve"

[inputs]
recent = { side = "user", type = "string", list = true, default = [] }

[tables.nodes]
source = "export/nodes.vec"
key = "string"

[retrieve]
table = "nodes"
history = "recent"
represent = "attention"
metric = "cosine"
k = 10
"""


def test_graph_embeddings_answer_from_word2vecs_own_file(tmp_path: Path) -> None:
    """item2vec, node2vec: a text file and ten lines of model.toml, no step and no feature."""
    catalogue = Catalogue(40, key="string")
    names = [one.replace(" ", "-") for one in catalogue.ids]
    catalogue.ids = names
    folder = tmp_path / "graph"
    (folder / "export").mkdir(parents=True)
    (folder / "model.toml").write_text(WORD2VEC)
    lines = [" ".join([name, *map(repr, row.tolist())]) for name, row in zip(names, catalogue.vectors, strict=True)]
    (folder / "export" / "nodes.vec").write_text("\n".join([f"{len(names)} {DIM}", *lines]) + "\n")
    item = names[7]
    best = catalogue.best(catalogue.vectors[7], 5, cosine=True, deny=[item])
    rows = [golden_row({"item": item, "k": 5}, best)]
    rows.append(golden_row({"user": {"recent": [item]}, "k": 5, "seen": [item]}, best))
    (folder / "golden.jsonl").write_text("".join(rows))
    built = pipeline.build(folder, out=tmp_path / "out")
    assert built.certificate.rows == 2 and max(built.certificate.paths.values()) <= built.certificate.bound
