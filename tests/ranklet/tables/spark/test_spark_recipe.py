"""What travels to workers is plain bytes, the same for the same model, and complete."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import msgpack
import pytest
import spark_kit as kit

from ranklet import model
from ranklet.errors import TableError
from ranklet.tables.spark.job import PACKAGES
from ranklet.tables.spark.recipe import Recipe


def test_a_recipe_comes_back_equal_and_has_the_same_bytes_whenever_it_is_made(tmp_path: Path) -> None:
    one = kit.recipe(tmp_path / "a")
    assert Recipe.from_bytes(one.to_bytes()) == one
    assert kit.recipe(tmp_path / "b").to_bytes() == one.to_bytes()


def test_it_opens_where_the_models_folder_is_not(tmp_path: Path) -> None:
    blob = kit.recipe(tmp_path / "a").to_bytes()
    tower = Recipe.from_bytes(blob).open()
    assert list(tower.inputs) == ["genre", "price", "year", "content"]


def test_its_bytes_hold_maps_texts_numbers_and_bytes_only(tmp_path: Path) -> None:
    def plain(value: object) -> bool:
        if isinstance(value, dict):
            return all(isinstance(key, str) and plain(one) for key, one in value.items())
        if isinstance(value, list):
            return all(map(plain, value))
        return value is None or type(value) in (bool, int, float, str, bytes)

    assert plain(msgpack.unpackb(kit.recipe(tmp_path).to_bytes()))


@pytest.mark.parametrize("blob", [b"", b"no", msgpack.packb({"format": 1}), msgpack.packb([1, 2])])
def test_anything_else_is_refused(blob: bytes) -> None:
    with pytest.raises(TableError, match="no recipe"):
        Recipe.from_bytes(blob)


def test_a_recipe_of_another_format_is_refused(tmp_path: Path) -> None:
    fields = msgpack.unpackb(kit.recipe(tmp_path).to_bytes())
    with pytest.raises(TableError, match="format 2"):
        Recipe.from_bytes(msgpack.packb({**fields, "format": 2}))


def test_only_a_table_with_a_tower_has_one(tmp_path: Path) -> None:
    folder = kit.write_model(tmp_path)
    described = model.load(folder)
    with pytest.raises(TableError, match="no table 'users'; its tables: films"):
        Recipe.of(described, folder, "users")
    text = (
        (folder / "model.toml")
        .read_text()
        .replace('tower = "tower.onnx"\ncatalogue = "catalogue.parquet"', 'source = "f.csv"')
    )
    (folder / "model.toml").write_text(text)
    with pytest.raises(TableError, match="only a table with a tower"):
        Recipe.of(model.load(folder), folder, "films")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('"tower.onnx"\nc', '"gone.onnx"\nc', "cannot read gone.onnx"),
        ('"tower.onnx"\nc', '"../tower.onnx"\nc', "outside the model's folder"),
        ("export/genres.json", "export/gone.json", "cannot read export/gone.json"),
    ],
)
def test_files_that_are_not_there_are_refused_by_name(tmp_path: Path, old: str, new: str, said: str) -> None:
    folder = kit.write_model(tmp_path)
    (folder / "model.toml").write_text((folder / "model.toml").read_text().replace(old, new))
    with pytest.raises(TableError, match=said):
        Recipe.of(model.load(folder), folder, "films")


def test_a_build_needs_the_packages_that_the_help_names_and_no_others(tmp_path: Path) -> None:
    """The archive for a cluster holds these and ranklet without its own requirements."""
    (tmp_path / "films.recipe").write_bytes(kit.recipe(tmp_path).to_bytes())
    source = kit.write_rows(kit.rows(40), tmp_path / "data")
    code = """
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

allowed = {"ranklet", *sys.argv[4:]}
found = packages_distributions()
absent = {top for top, packages in found.items() if not allowed & set(packages)}


class Absent:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name.split(".")[0] in absent:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


sys.meta_path.insert(0, Absent)
import ranklet.tables.spark.job
from ranklet.tables.spark import recipe, single

blob = recipe.Recipe.from_bytes(Path(sys.argv[1]).read_bytes())
single.run(blob, sys.argv[2], sys.argv[3], progress=lambda what: None)
tops = {name.split(".")[0] for name, module in sys.modules.items() if module is not None}
print(*sorted(allowed & {package for top in tops for package in found.get(top, ())}))
"""
    needed = set(PACKAGES) - {"pandas"}  # which is pyspark's own wish
    arguments = [str(tmp_path / "films.recipe"), source, str(tmp_path / "out"), *needed]
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert set(done.stdout.split()) - {"ranklet"} == needed
