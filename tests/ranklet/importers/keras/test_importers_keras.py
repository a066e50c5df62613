"""What was drafted of Keras models, against Keras's stored scores; what is refused before Keras is asked."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from stored_kit import Stored, scores

from ranklet import importers, model, pipeline
from ranklet.errors import ImportRefused
from ranklet.importers import keras
from ranklet.importers.keras import archive
from ranklet.importers.proposal import NO_WISHES

STORED = Stored(Path(__file__).parent / "keras.zip")
DENSE = {"module": "keras.layers", "class_name": "Dense", "config": {"name": "score"}, "registered_name": None}


def saved(folder: Path, config: Any, members: Mapping[str, bytes] = {}) -> Path:
    """A file of the form that Keras writes, with any config."""
    path = folder / "ranker.keras"
    text = config if isinstance(config, bytes) else json.dumps(config).encode()
    with zipfile.ZipFile(path, "w") as out:
        for name, content in {"metadata.json": b"{}", "config.json": text, "model.weights.h5": b"", **members}.items():
            out.writestr(name, content)
    return path


def model_of(*layers: Any) -> dict[str, Any]:
    return {"module": "keras", "class_name": "Sequential", "config": {"name": "ranker", "layers": list(layers)}}


def layer(class_name: str, name: str = "odd", module: str | None = "keras.layers", **config: Any) -> dict[str, Any]:
    return {"module": module, "class_name": class_name, "config": {"name": name, **config}, "registered_name": None}


@pytest.mark.parametrize("name", STORED.names())
def test_drafts_score_as_keras_does(name: str, tmp_path: Path) -> None:
    found = scores(STORED.unpack(name, tmp_path, "draft"), STORED.json(name, "rows"))
    np.testing.assert_allclose(found, STORED.answers(name), rtol=1e-5, atol=1e-5)


def test_a_draft_builds(tmp_path: Path) -> None:
    folder = STORED.unpack("movielens", tmp_path, "draft")
    built = pipeline.build(folder, out=tmp_path / "build", progress=lambda text: None)
    assert built.certificate.rows > 0


def test_what_ftrl_trained_is_served_by_numpy(tmp_path: Path) -> None:
    folder = STORED.unpack("ftrl", tmp_path, "draft")
    (step,) = model.load(folder).steps
    assert (step.format, step.engine) == ("numpy", "linear")
    assert pipeline.build(folder, out=tmp_path / "build", progress=lambda text: None).certificate.rows > 0


def test_a_keras_file_is_recognised_by_its_members(tmp_path: Path) -> None:
    path = saved(tmp_path, model_of(DENSE))
    assert importers.recognise(path) == "keras"
    assert not keras.recognises(tmp_path, b"")
    path.write_bytes(path.read_bytes()[:60])
    assert not keras.recognises(path, path.read_bytes()[:64])


def test_models_in_hdf5_are_refused_with_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "ranker.h5"
    path.write_bytes(archive.HDF5 + bytes(100))
    assert importers.recognise(path) == "keras"
    with pytest.raises(ImportRefused, match=r"ranker\.h5 is an HDF5 file.*model\.save\(\"ranker\.keras\"\)"):
        importers.propose("keras", path, NO_WISHES)


@pytest.mark.parametrize(
    ("odd", "told"),
    [
        (layer("Lambda", function={"class_name": "__lambda__", "config": {}}), r"layer 'odd' is a Lambda, which holds"),
        (layer("TFSMLayer", filepath="elsewhere"), "layer 'odd' is a TFSMLayer"),
        (layer("Dense", activation={"class_name": "__lambda__", "config": {"code": "x"}}), "'odd' is a __lambda__"),
        (layer("MyTower", module="towers"), r"layer 'odd' is towers\.MyTower, a class of your own"),
        (layer("MyTower", module=None), r"layer 'odd' is None\.MyTower, a class of your own"),
        ({**layer("Dense"), "registered_name": "mine>Dense"}, "a class of your own"),
        (layer("get_file", module="keras.utils"), r"keras\.utils\.get_file, a class of your own"),
        (
            layer("Dense", activation={"module": "keras.src.utils", "class_name": "function", "config": "get_file"}),
            r"'odd' is keras\.src\.utils\.function",
        ),
        (layer("StringLookup", vocabulary="words.txt"), "layer 'odd' reads its vocabulary from a file elsewhere"),
        (layer("Bidirectional", layer=layer("Lambda", name="inner")), "layer 'inner' is a Lambda"),
        (layer("Popen", module="subprocess"), r"subprocess\.Popen, a class of your own"),
    ],
)
def test_what_could_run_code_is_refused_by_the_layer(odd: Any, told: str, tmp_path: Path) -> None:
    with pytest.raises(ImportRefused, match=told):
        importers.propose("keras", saved(tmp_path, model_of(DENSE, odd)), NO_WISHES)


def test_how_it_was_trained_is_not_read(tmp_path: Path) -> None:
    mine = {"module": None, "class_name": "function", "config": "my_loss", "registered_name": "my_loss"}
    archive.check(saved(tmp_path, {**model_of(DENSE), "compile_config": {"loss": mine}}))


@pytest.mark.parametrize("name", ["../outside", "/tmp/outside", "assets/../../outside", "c:/outside"])
def test_names_that_lead_outside_are_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(ImportRefused, match="leads outside the archive"):
        archive.check(saved(tmp_path, model_of(DENSE), {name: b"x"}))


def test_a_config_that_unpacks_to_too_much_is_refused(tmp_path: Path) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("config.json", bytes(archive.MAX_CONFIG + 1))
    (tmp_path / "bomb.keras").write_bytes(out.getvalue())
    with pytest.raises(ImportRefused, match=r"unpacks|at most"):
        archive.check(tmp_path / "bomb.keras")


@pytest.mark.parametrize("config", [b"", b"[]", b"{", b"\xff\xfe", b"[" * 100_000, b"null"])
def test_a_config_that_is_none_is_refused(config: bytes, tmp_path: Path) -> None:
    with pytest.raises(ImportRefused, match=r"config\.json"):
        archive.check(saved(tmp_path, config))


def test_a_deep_config_is_refused_by_its_layer(tmp_path: Path) -> None:
    deep: Any = {}
    for _ in range(archive.MAX_DEPTH + 1):
        deep = {"x": deep}
    with pytest.raises(ImportRefused, match="nested more than 200 deep at 'odd'"):
        archive.check(saved(tmp_path, model_of(layer("Dense", more=deep))))


@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_a_damaged_file_is_refused_in_words(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    folder = tmp_path_factory.mktemp("damaged")
    path = STORED.file("lookups", "ranker.keras", folder)
    content = bytearray(path.read_bytes())
    if data.draw(st.booleans()):
        del content[data.draw(st.integers(0, len(content) - 1)) :]
    else:
        for _ in range(data.draw(st.integers(1, 8))):
            content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(bytes(content))
    try:
        archive.check(path)
    except ImportRefused as error:
        assert str(folder) not in str(error)
