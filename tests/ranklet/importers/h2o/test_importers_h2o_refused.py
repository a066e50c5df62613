"""MOJOs that are damaged, hostile or of another kind are refused in words, and never read beyond themselves."""

from __future__ import annotations

import random
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import h2o_kit as kit
import pytest

from ranklet import importers
from ranklet.errors import ImportRefused
from ranklet.importers import h2o
from ranklet.importers.h2o import booster, trees
from ranklet.importers.proposal import Wishes

Files = dict[str, bytes]


def _files(name: str, folder: Path) -> Files:
    path, _, _ = kit.stored(name, folder)
    with zipfile.ZipFile(path) as archive:
        return {info.filename: archive.read(info) for info in archive.infolist()}


def _written(files: Files, folder: Path) -> Path:
    path = folder / "made.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def _refusal(files: Files, folder: Path) -> str:
    path = _written(files, folder)
    with pytest.raises(ImportRefused) as refused:
        kit.propose(path)
    assert str(folder) not in str(refused.value)
    return str(refused.value)


def _ini(files: Files, old: str, new: str, member: str = "model.ini") -> Files:
    text = files[member].decode()
    assert old in text
    return {**files, member: text.replace(old, new, 1).encode()}


@pytest.mark.parametrize(
    ("name", "old", "new", "said"),
    [
        ("gbm_bernoulli", "algo = gbm", "algo = gam", "algo = 'gam'"),
        ("gbm_bernoulli", "distribution = bernoulli", "distribution = multinomial", "multinomial of two classes"),
        ("gbm_bernoulli", "link_function = logit", "link_function = cloglog", "link_function = 'cloglog'"),
        ("gbm_bernoulli", "init_f = ", "init_f = x", "init_f"),
        ("gbm_bernoulli", "init_f = ", "init_f = NaN\nold = ", "not finite"),
        ("gbm_bernoulli", "n_trees = 12", "n_trees = 0", "trees"),
        ("gbm_bernoulli", "n_trees = 12", "n_trees = 999999999", "trees"),
        ("gbm_bernoulli", "n_trees = 12", "n_trees = -3", "n_trees = -3"),
        ("gbm_bernoulli", "mojo_version = 1.40", "mojo_version = 1.00", "mojo_version 1.00"),
        ("gbm_bernoulli", "n_classes = 2", "n_classes = 3", "none of 3 classes"),
        ("gbm_bernoulli", "n_classes = 2", "n_classes = 999999", "n_classes = 999999"),
        ("drf_multinomial", "n_classes = 4", "n_classes = 3", "4 trees of a group"),
        ("drf_regression", "n_trees_per_class = 1", "n_trees_per_class = 2", "2 trees of a group"),
        ("glm_multinomial", "n_classes = 4", "n_classes = 2", "beta has"),
        ("glm_multinomial", "n_classes = 4", "n_classes = 0", "n_classes = 0"),
        ("net_rectifier", "weight_layer1 = [", "weight_layer1 = [1e300, ", "weight_layer1"),
        ("gbm_bernoulli", "endianness = LITTLE", "endianness = BIG", "endianness = BIG_ENDIAN"),
        ("xgboost_dart", "mojo_version = 1.10", "mojo_version = 1.00", "mojo_version 1.00"),
        ("gbm_bernoulli", "_genmodel_encoding = AUTO", "_genmodel_encoding = Odd", "categorical_encoding = 'Odd'"),
        ("gbm_bernoulli", "n_columns = 8", "n_columns = 9", "n_columns = 9"),
        ("gbm_bernoulli", "n_features = 7", "n_features = 3", "reads column"),
        ("gbm_bernoulli", "balance_classes = false", "balance_classes = maybe", "balance_classes = maybe"),
        ("gbm_bernoulli", " d000.txt", " ../d000.txt", "domain"),
        ("gbm_bernoulli", "d000.txt", "d999.txt", "d999.txt"),
        ("gbm_bernoulli", "[columns]", "x1\n[columns]", "sets no key"),
        ("glm_binomial", "link = logit", "link = probit", "link = 'probit'"),
        ("glm_binomial", "cats = 3", "cats = 2", "cat_offsets"),
        ("glm_binomial", "nums = 4", "nums = 5", "beta has"),
        ("glm_binomial", "beta = [", "beta = [1.0, ", "beta has"),
        ("glm_binomial", "beta = [", "beta = [NaN, ", "not finite"),
        ("glm_binomial", "cat_offsets = [0, ", "cat_offsets = [9, ", "beta has"),
        ("kmeans_plain", "center_num = 4", "center_num = 5", "center_4"),
        ("kmeans_plain", "center_num = 4", "center_num = 999999", "center_num"),
        ("net_rectifier", "activation = Rectifier", "activation = Odd", "activation = 'Odd'"),
        ("net_rectifier", "neural_network_sizes = [", "neural_network_sizes = [9, ", "_layer0"),
        ("net_tanh", "distribution = gaussian", "distribution = modified_huber", "modified_huber"),
        ("gbm_platt", "calib_method = platt", "calib_method = odd", "calib_method = 'odd'"),
        ("ensemble_binomial", "base_models_num = 3", "base_models_num = 999999999", "base_models_num"),
        ("ensemble_binomial", "metalearner = ", "metalearner = odd", "which it does not hold"),
        ("ensemble_binomial", "submodel_dir_0 = ", "submodel_dir_0 = ../", "model.ini"),
    ],
)
def test_what_model_ini_asks_and_is_not_served_is_named(
    name: str, old: str, new: str, said: str, tmp_path: Path
) -> None:
    assert said in _refusal(_ini(_files(name, tmp_path), old, new), tmp_path)


def _node(*, kind: int = 0, column: int = 0, direction: int = 3, rest: bytes = b"") -> bytes:
    return struct.pack("<BHB", kind, column, direction) + rest


LEAF = struct.pack("<f", 1.0)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "end within a node"),
        (_node(), "end within a node"),
        (_node(kind=48 | 64, column=40, rest=struct.pack("<f", 0.5) + LEAF * 2), "reads column 40"),
        (_node(kind=5, rest=LEAF * 3), "has the type 5"),
        (_node(kind=16, rest=LEAF * 3), "has the mask 16"),
        (_node(kind=48 | 12 | 64, column=4, rest=struct.pack("<Hi", 0, 1 << 30) + LEAF * 2), "beyond its bytes"),
        (_node(kind=48 | 12 | 64, column=4, rest=struct.pack("<Hi", 0, -1) + LEAF * 2), "beyond its bytes"),
        (_node(kind=48 | 8 | 64, column=0, rest=b"\0" * 4 + LEAF * 2), "which is a number"),
        (_node(kind=48 | 64, rest=struct.pack("<f", float("nan")) + LEAF * 2), "threshold nan"),
        (_node(kind=48 | 64, rest=struct.pack("<2f", 0.5, float("inf")) + LEAF), "leaf value inf"),
        ((_node(kind=64, rest=struct.pack("<f", 0.5) + b"\xff") * 700) + LEAF, "deep"),
    ],
)
def test_bytes_that_are_no_tree_are_refused(data: bytes, said: str, tmp_path: Path) -> None:
    files = _files("gbm_bernoulli", tmp_path)
    refusal = _refusal({**files, "trees/t00_003.bin": data}, tmp_path)
    assert said in refusal
    assert "trees/t00_003.bin" in refusal or "tree 3" in refusal


def test_a_tree_that_is_its_own_left_side_ends() -> None:
    """A size of 0 makes the right side begin where the left one does: nodes are read twice, and twice again."""
    data = _node(kind=0, rest=struct.pack("<f", 0.5) + b"\0") * 200
    with pytest.raises(ImportRefused):
        trees.Reader(data, [None]).read()


@pytest.mark.parametrize(
    ("at", "value", "said"),
    [(8, 0, "0 features"), (12, -1, "classes"), (4, 0x7FC00000, "base score")],
)
def test_a_booster_whose_header_is_none_is_refused(at: int, value: int, said: str, tmp_path: Path) -> None:
    data = bytearray(_files("xgboost_gaussian", tmp_path)["boosterBytes"])
    struct.pack_into("<i", data, at, value)
    with pytest.raises(ImportRefused, match=said):
        booster.read(bytes(data))


@pytest.mark.parametrize("length", [0, 3, 10, 100, 140, 300, 500])
def test_a_booster_that_ends_too_early_is_refused(length: int, tmp_path: Path) -> None:
    data = _files("xgboost_gaussian", tmp_path)["boosterBytes"]
    with pytest.raises(ImportRefused):
        booster.read(data[:length])


def _traversal(files: Files) -> Files:
    return {**files, "../outside.txt": b"x"}


def _bomb(files: Files) -> Files:
    return {**files, "domains/d000.txt": b"a\n" * 4_000_000}


@pytest.mark.parametrize("harm", [_traversal, _bomb])
def test_archives_that_lead_outside_or_swell_are_refused(harm: Callable[[Files], Files], tmp_path: Path) -> None:
    _refusal(harm(_files("gbm_bernoulli", tmp_path)), tmp_path)


def test_a_model_that_is_asked_for_without_end_is_refused(tmp_path: Path) -> None:
    """Ensembles within each other, each of which asks four times for the next."""
    files, model = _files("ensemble_binomial", tmp_path), _files("glm_numbers_only", tmp_path)
    head, _, tail = files["model.ini"].decode().partition("[columns]")
    lines = [line for line in head.splitlines() if not line.startswith(("submodel", "base_model", "metalearner"))]
    keys = [f"submodel_key_{at} = k{at}\nsubmodel_dir_{at} = d/\nbase_model{at} = k{at}" for at in range(4)]
    last = ["submodel_count = 5", "base_models_num = 4", "metalearner = m", "submodel_key_4 = m", "submodel_dir_4 = m/"]
    whole = {"model.ini": ("\n".join([*lines, *last, *keys, "[columns]"]) + tail).encode()}
    whole |= {name: content for name, content in files.items() if name.startswith("domains")}
    whole |= {f"m/{name}": content for name, content in model.items()}
    made = {"d/" * depth + name: content for depth in range(6) for name, content in whole.items()}
    assert set(kit.propose(_written({**whole, **_below("d/", model)}, tmp_path)).tell) == {"predict", "no", "yes"}
    assert "more than 1000 models" in _refusal({**made, **_below("d/" * 6, model)}, tmp_path)


def _below(folder: str, files: Files) -> Files:
    return {folder + name: content for name, content in files.items()}


@pytest.mark.parametrize("content", [b"", b"PK", b"PK\x03\x04" + b"\0" * 60, b"[info]\nmojo_version = 1\n"])
def test_what_is_no_mojo_is_not_taken_for_one(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "model.zip"
    path.write_bytes(content)
    assert not h2o.recognises(path, content[:64])
    with pytest.raises(ImportRefused):
        h2o.propose(path, Wishes())


def test_another_zip_is_not_taken_for_one(tmp_path: Path) -> None:
    path = _written({"model.ini": b"[other]\n"}, tmp_path)
    with pytest.raises(ImportRefused, match="zip archive"):
        importers.recognise(path)


@pytest.mark.parametrize("name", ["films", "glm_multinomial", "xgboost_bernoulli", "net_rectifier", "ensemble_deep"])
def test_altered_members_are_refused_in_words_or_read_as_what_they_say(name: str, tmp_path: Path) -> None:
    files, chance = _files(name, tmp_path), random.Random(name)
    for _ in range(25):
        member = chance.choice(sorted(files))
        content = bytearray(files[member])
        for _ in range(chance.randint(1, 4)):
            if content:
                content[chance.randrange(len(content))] = chance.randrange(256)
        if chance.random() < 0.3:
            content = content[: chance.randrange(len(content) + 1)]
        path = _written({**files, member: bytes(content)}, tmp_path)
        try:
            kit.propose(path)
        except ImportRefused as error:
            assert str(tmp_path) not in str(error)
