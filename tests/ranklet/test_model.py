"""model.toml: defaults, and errors that name file, field and remedy."""

from pathlib import Path

import pytest

from ranklet import model
from ranklet.errors import ModelError
from ranklet_features.spec import Feature, Input

SMALLEST = """
name = "m"
[inputs]
age = { side = "user" }
[features]
a = { kind = "bucket", of = "age", boundaries = [1, 2] }
b = { kind = "cross", of = ["a", "a"], buckets = 8 }
[[steps]]
format = "numpy"
engine = "linear"
"""


def _load(folder: Path, text: str) -> model.Model:
    (folder / "m").mkdir()
    (folder / "m" / "model.toml").write_text(text, encoding="utf-8")
    return model.load(folder / "m")


def test_a_flat_feature_becomes_kind_inputs_and_options(tmp_path: Path) -> None:
    loaded = _load(tmp_path, SMALLEST)
    assert loaded.inputs == {"age": Input(side="user", type="float")}
    assert loaded.features == {
        "a": Feature("bucket", ("age",), {"boundaries": [1, 2]}),
        "b": Feature("cross", ("a", "a"), {"buckets": 8}),
    }
    assert (loaded.version, loaded.api.auth, loaded.limits.items) == (1, "iam", 2000)


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ('name = "m"', 'name = "n"', "name is 'n', the folder is 'm'"),
        ('name = "m"', 'name = "M m"', r"matching regex .* at `\$\.name`"),
        ('side = "user"', 'side = "userr"', r"'userr' - at `\$\.inputs\[\.\.\.\]\.side`"),
        ('side = "user"', 'side = "user", typ = "int"', r"inputs.age has unknown \['typ'\]; allowed: .*'type'"),
        ('side = "user"', 'type = "int"', "missing required field `side`"),
        ('engine = "linear"', 'engin = "linear"', r"unknown field `engin` - at `\$\.steps\[0\]`"),
        ('[[steps]]\nformat = "numpy"\nengine = "linear"', "", "missing required field `steps`"),
        ('name = "m"', 'name = "m"\nversion = 0', r">= 1 - at `\$\.version`"),
        ("[features]", "[function]\nmemory = 64\n[features]", r">= 128 - at `\$\.function\.memory`"),
        ("[features]", "[features", "model.toml: "),
    ],
)
def test_a_wrong_field_is_named_with_its_place(tmp_path: Path, before: str, after: str, message: str) -> None:
    assert before in SMALLEST
    with pytest.raises(ModelError, match=message):
        _load(tmp_path, SMALLEST.replace(before, after))


TABLE = """
[tables.items]
key = "string"
"""


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("", r"exactly one of these; given: none - at `\$\.tables"),
        ('vectors = "v.npy"', r"exactly one of these; given: \['vectors'\]"),
        ('tower = "t.onnx"', r"exactly one of these; given: \['tower'\]"),
        ('source = "a.csv"\nvectors = "v.npy"\nkeys = "k.npy"', "exactly one of these; given: .*'source'"),
        ('source = "a.csv"\nvector_column = "v"\nvector_columns = ["a"]', "give one of them"),
        ('source = "a.csv"\npage = 4', 'page = 4 is for key = "int" in DynamoDB'),
        ('source = "a.csv"\npage = 0', ">= 1"),
        ('source = "a.csv"\nmax_score_change = 0', "> 0"),
        (
            'source = "a.csv"\n[tables.items.inputs]\nx = { side = "item", typ = "int" }',
            r"\$\.tables\.items\.inputs\.x has",
        ),
    ],
)
def test_a_table_whose_rows_come_from_nowhere_or_twice_is_refused(tmp_path: Path, lines: str, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        _load(tmp_path, SMALLEST + TABLE + lines)


def test_a_towers_own_features_are_as_flat_as_the_models(tmp_path: Path) -> None:
    tower = """
tower = "t.onnx"
catalogue = "c.csv"
inputs = { year = { side = "item", type = "int" } }
features = { period = { kind = "bucket", of = "year", boundaries = [1990] } }
"""
    table = _load(tmp_path, SMALLEST + TABLE + tower).tables["items"]
    assert table.inputs == {"year": Input("item", "int")}
    assert table.features == {"period": Feature("bucket", ("year",), {"boundaries": [1990]})}


def test_pages_are_not_for_resident_tables(tmp_path: Path) -> None:
    lines = '[tables.items]\nsource = "a.csv"\nplacement = "resident"\npage = 2\n'
    with pytest.raises(ModelError, match="page = 2"):
        _load(tmp_path, SMALLEST + lines)


def test_a_folder_without_model_toml_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="ranklet new NAME"):
        model.load(tmp_path)


def test_a_pair_is_an_items_input_that_the_catalogue_does_not_decide(tmp_path: Path) -> None:
    loaded = _load(tmp_path, SMALLEST.replace('side = "user"', 'side = "pair"'))
    assert loaded.inputs["age"].side == "item"
    assert loaded.split.pairs == {"age"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[split]\npairs = ["age"]', r"\$\.split\.pairs is no field"),
        ("split = 1", r"Expected `object`, got `int` - at `\$\.split`"),
        ("[split]\nmod = 1", r"unknown field `mod` - at `\$\.split`"),
        ('[split]\nmode = "off"\nvariant = "A"', 'mode = "off" ships the graph as it is'),
        ('[split]\nmode = "force"\nvariant = "uncut"', "drop one of them"),
        ("[split]\nuser_cache_seconds = 5", "go together"),
        ("[split]\ncandidates = []", r"length >= 1 - at `\$\.split\.candidates`"),
        ("[split]\ncandidates = [0]", r">= 1 - at `\$\.split\.candidates\[0\]`"),
        ('[split]\nvariant = "C"', "Invalid enum value 'C'"),
    ],
)
def test_a_wrong_split_is_named(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        _load(tmp_path, SMALLEST.replace("[inputs]", text + "\n[inputs]", 1))


def test_a_split_is_automatic_and_caches_nothing_unless_told(tmp_path: Path) -> None:
    split = _load(tmp_path, SMALLEST).split
    assert (split.mode, split.variant, split.candidates) == ("auto", None, (1, 100, 500, 2000))
    assert (split.user_cache_seconds, split.user_cache_entries) == (0, 0)
