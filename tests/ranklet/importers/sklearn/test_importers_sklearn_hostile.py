"""Files of scikit-learn that would do harm, or are damaged, are refused in words; nothing of them is run unasked."""

from __future__ import annotations

import io
import json
import pickle  # noqa: TID251 - to write files that must not be unpickled
import random
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sklearn_kit as kit
from sklearn_terms import SAMPLES

from ranklet import importers
from ranklet.errors import ImportRefused
from ranklet.importers import sklearn
from ranklet.importers.proposal import NO_WISHES, Wishes


class Harm:
    """What a pickle may be."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> Any:
        return Path.touch, (self.target,)


@pytest.mark.parametrize("name", ["model.pkl", "model.joblib", "model.bin"])
def test_a_pickle_runs_nothing_before_it_is_trusted(name: str, tmp_path: Path) -> None:
    path, target = tmp_path / name, tmp_path / "touched"
    path.write_bytes(pickle.dumps({"sklearn.linear_model": Harm(target)}))
    assert importers.recognise(path) == "sklearn"
    with pytest.raises(ImportRefused, match=r"is a pickle, which can run any code .* add --trust-pickle"):
        importers.propose("sklearn", path, NO_WISHES)
    assert not target.exists()
    with pytest.raises(ImportRefused, match="holds a dict"):
        importers.propose("sklearn", path, Wishes(trust_pickle=True))
    assert target.exists()  # this is what trust means


@pytest.mark.parametrize("content", [b"", b"\x80\x05", b"\x80\x05sklearn.", b"PK\x03\x04", b"\x78\x9c\x00"])
def test_what_is_no_model_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "model.joblib"
    path.write_bytes(content)
    for wishes in (NO_WISHES, Wishes(trust_pickle=True)):
        with pytest.raises(ImportRefused) as refused:
            sklearn.propose(path, wishes)
        assert str(tmp_path) not in str(refused.value)


def test_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ImportRefused, match=r"is a folder; name the \.skops"):
        importers.propose("sklearn", tmp_path, NO_WISHES)


def rewritten(path: Path, change: Callable[[str], str], **more: bytes) -> Path:
    """A skops file with another schema, and further members."""
    with zipfile.ZipFile(path) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    files["schema.json"] = change(files["schema.json"].decode()).encode()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in {**files, **more}.items():
            archive.writestr(name, content)
    return path


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    """A small model, saved."""
    return kit.save(SAMPLES["ridge"].train(), tmp_path / "model.skops")


@pytest.mark.parametrize(
    "strange", ["os.system", "builtins.eval", "subprocess.Popen", "ranklet.model.Model", "sklearn.no_such.Thing"]
)
def test_a_type_that_may_do_harm_is_refused_by_name(strange: str, plain: Path) -> None:
    module, name = strange.rsplit(".", 1)

    def change(schema: str) -> str:
        read = json.loads(schema)
        read["content"]["content"]["alpha"] = {
            "__class__": name, "__module__": module, "__loader__": "FunctionNode", "__id__": 7,
        }  # fmt: skip
        return json.dumps(read)

    with pytest.raises(ImportRefused, match=rf"holds types that are not known to be harmless: {strange}"):
        sklearn.propose(rewritten(plain, change), NO_WISHES)


def test_another_version_that_saved_it_is_told(plain: Path) -> None:
    import sklearn as library

    path = rewritten(plain, lambda schema: schema.replace(f'\\"{library.__version__}\\"', '\\"1.6.9\\"'))
    assert (
        f"saved by scikit-learn 1.6.9 and is read, and scored, by {library.__version__}"
        in (sklearn.propose(path, NO_WISHES).notes[0])
    )


def test_a_loader_that_is_none_is_refused(plain: Path) -> None:
    path = rewritten(plain, lambda schema: schema.replace("NdArrayNode", "PickleNode"))
    with pytest.raises(ImportRefused, match="skops cannot read it"):
        sklearn.propose(path, NO_WISHES)


def test_a_schema_that_is_nested_deep_is_refused(plain: Path) -> None:
    with pytest.raises(ImportRefused, match=r"nested too deep|skops cannot read it"):
        sklearn.propose(rewritten(plain, lambda schema: '{"content":' * 100_000 + "1" + "}" * 100_000), NO_WISHES)


def test_a_bomb_is_refused_unpacked(plain: Path, tmp_path: Path) -> None:
    bomb = rewritten(plain, lambda schema: schema, **{"1.npy": bytes(1 << 25)})
    with pytest.raises(ImportRefused, match=r"'1.npy' unpacks \d+ bytes to 33554432"):
        sklearn.propose(bomb, NO_WISHES)
    with zipfile.ZipFile(tmp_path / "out.skops", "w") as archive:
        archive.writestr("schema.json", "{}")
        archive.writestr("../out.npy", b"")
    with pytest.raises(ImportRefused, match="leads outside the archive"):
        sklearn.propose(tmp_path / "out.skops", NO_WISHES)


def test_an_array_that_is_a_pickle_is_refused(plain: Path, tmp_path: Path) -> None:
    target, held = tmp_path / "touched", io.BytesIO()
    np.save(held, np.array([Harm(target)], object), allow_pickle=True)
    with zipfile.ZipFile(plain) as archive:
        arrays = [name for name in archive.namelist() if name.endswith(".npy")]
    path = rewritten(plain, lambda schema: schema, **dict.fromkeys(arrays, held.getvalue()))
    with pytest.raises(ImportRefused, match="skops cannot read it"):
        sklearn.propose(path, NO_WISHES)
    assert not target.exists()


@pytest.mark.parametrize("name", ["hot", "tree_missing"])
def test_damaged_files_are_refused_in_words_or_read_as_what_they_say(name: str, tmp_path: Path) -> None:
    path = kit.save(SAMPLES[name].train(), tmp_path / "model.skops")
    with zipfile.ZipFile(path) as archive:
        files = {member: archive.read(member) for member in archive.namelist()}
    chance, refused = random.Random(name), 0
    for _ in range(60):
        member = chance.choice([*files, "schema.json"])
        content = bytearray(files[member])
        if chance.random() < 0.3:
            del content[chance.randrange(len(content)) :]
        else:
            for _ in range(chance.randint(1, 6)):
                content[chance.randrange(len(content))] = chance.randrange(256)
        with zipfile.ZipFile(path, "w") as archive:
            for each, whole in {**files, member: bytes(content)}.items():
                archive.writestr(each, whole)
        try:
            sklearn.propose(path, NO_WISHES)
        except ImportRefused as error:
            assert str(tmp_path) not in str(error), error
            refused += 1
    assert refused > 5


def test_a_tree_that_goes_in_circles_is_refused(tmp_path: Path) -> None:
    model = SAMPLES["tree"].train()
    with zipfile.ZipFile(kit.save(model, tmp_path / "model.skops")) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    for name, content in files.items():
        if name.endswith(".npy") and b"left_child" in content:
            nodes = np.load(io.BytesIO(content))
            nodes["left_child"][-1 if nodes["left_child"][-1] != -1 else 0] = 0
            held = io.BytesIO()
            np.save(held, nodes)
            files[name] = held.getvalue()
    with zipfile.ZipFile(tmp_path / "model.skops", "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    with pytest.raises(ImportRefused):
        sklearn.propose(tmp_path / "model.skops", NO_WISHES)
