"""Keras models over every preprocessing layer and the layers that rankers are made of, as Keras saves and scores them.

`python make_models.py` writes keras.zip beside it: of each model the .keras file or exported SavedModel, raw rows in
the form that callers send (rows.json) and Keras's own scores (answers.json), and what `ranklet import` makes of it
(draft/), so that the default tests need no Keras. The pinned libraries stand in requirements.txt.
"""

from __future__ import annotations

import io
import os
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import orjson

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")

import keras
import tensorflow
from keras import layers as L
from keras import ops

HERE = Path(__file__).parent
ROWS = 60
EPOCH = (1980, 1, 1, 0, 0, 0)
Case = tuple[str, Callable[[], Any], dict[str, str]]

CITIES = ["berlin", "paris", "zürich", "oslo", "roma"]


def text(name: str, *shape: int | None) -> Any:
    return keras.Input(shape or (1,), dtype="string", name=name)


def whole(name: str, *shape: int | None) -> Any:
    return keras.Input(shape or (1,), dtype="int64", name=name)


def numbers(name: str, *shape: int) -> Any:
    return keras.Input(shape or (1,), name=name)


def score(parts: list[Any], units: int = 8) -> Any:
    """A small net over flattened parts."""
    flat = [part if len(part.shape) == 2 else L.Flatten()(part) for part in parts]
    joined = L.Concatenate()(flat) if len(flat) > 1 else flat[0]
    return L.Dense(1, activation="sigmoid", name="score")(L.Dense(units, activation="relu")(joined))


def embedded(ids: Any, size: int, width: int = 4) -> Any:
    return L.Embedding(size, width)(ids)


def lookups() -> Any:
    city, plain, strict, item = text("city"), text("plain"), text("strict"), whole("item")
    return keras.Model(
        {"city": city, "plain": plain, "strict": strict, "item": item},
        score(
            [
                embedded(L.StringLookup(vocabulary=CITIES, mask_token="")(city), 7),
                embedded(L.StringLookup(vocabulary=CITIES)(plain), 6),
                embedded(L.StringLookup(vocabulary=CITIES, num_oov_indices=0)(strict), 5),
                embedded(L.IntegerLookup(vocabulary=[10, 20, 35, 2**40], mask_token=0)(item), 6),
            ]
        ),
    )


def lookups_encoded() -> Any:
    city, tags, item = text("city"), text("tags", 4), whole("item")
    return keras.Model(
        [city, tags, item],
        score(
            [
                L.StringLookup(vocabulary=CITIES, output_mode="one_hot")(city),
                L.StringLookup(vocabulary=CITIES, output_mode="multi_hot")(tags),
                L.StringLookup(vocabulary=CITIES[:3], output_mode="count", num_oov_indices=2)(tags),
                L.IntegerLookup(vocabulary=[1, 2, 3], output_mode="one_hot")(item),
            ]
        ),
    )


def lookups_many_strangers() -> Any:
    city, item = text("city"), whole("item")
    return keras.Model(
        [city, item],
        score(
            [
                embedded(L.StringLookup(vocabulary=CITIES, num_oov_indices=3, mask_token="")(city), 9),
                embedded(L.IntegerLookup(vocabulary=[5, 6], num_oov_indices=4, oov_method="farmhash")(item), 6),
            ]
        ),
    )


def adapted() -> Any:
    """Vocabularies and statistics learnt from data, as most people write it."""
    random = np.random.default_rng(3)
    city, item, price = text("city"), whole("item"), numbers("price", 2)
    words = L.StringLookup()
    words.adapt(np.array([[f"city {n}"] for n in random.zipf(1.5, 400) % 50]))
    ids = L.IntegerLookup(max_tokens=30)
    ids.adapt(random.integers(0, 40, (400, 1)))
    scaled = L.Normalization()
    scaled.adapt(random.normal([3, -10], [2, 50], (400, 2)))
    edges = L.Discretization(num_bins=6)
    edges.adapt(random.normal(3, 2, (400, 1)))
    return keras.Model(
        [city, item, price],
        score(
            [
                embedded(words(city), words.vocabulary_size()),
                embedded(ids(item), ids.vocabulary_size()),
                scaled(price),
                embedded(edges(price[:, :1]), 6),
            ]
        ),
    )


def hashing() -> Any:
    city, item, device = text("city"), whole("item"), text("device")
    return keras.Model(
        [city, item, device],
        score(
            [
                embedded(L.Hashing(num_bins=11)(city), 11),
                embedded(L.Hashing(num_bins=7, mask_value="")(city), 7),
                embedded(L.Hashing(num_bins=13)(item), 13),
                L.Hashing(num_bins=5, output_mode="one_hot")(device),
                embedded(L.Hashing(num_bins=9, salt=1337)(device), 9),
                embedded(L.Hashing(num_bins=9, salt=[133, 137])(item), 9),
            ]
        ),
    )


def crossing() -> Any:
    city, device, item = text("city"), text("device"), whole("item")
    age = numbers("age")
    bins = L.Discretization(bin_boundaries=[18.0, 30.0, 50.0])(age)
    return keras.Model(
        [city, device, item, age],
        score(
            [
                embedded(L.HashedCrossing(num_bins=17)((city, device)), 17),
                L.HashedCrossing(num_bins=6, output_mode="one_hot")((item, device)),
                embedded(L.HashedCrossing(num_bins=12)((bins, item)), 12),
                embedded(L.Hashing(num_bins=8)(city), 8),
                embedded(bins, 4),
            ]
        ),
    )


def buckets() -> Any:
    age, price = numbers("age"), numbers("price", 3)
    return keras.Model(
        [age, price],
        score(
            [
                embedded(L.Discretization(bin_boundaries=[0.1, 0.2, 1e6])(age), 4),
                L.Discretization(bin_boundaries=[-1.0, 0.0, 0.3], output_mode="one_hot")(age),
                embedded(L.Discretization(bin_boundaries=[0.0, 0.5])(L.Rescaling(0.1, 0.05)(price)), 3),
                L.Normalization(mean=[0.0, 1.0, -2.0], variance=[1.0, 4.0, 0.25])(price),
            ]
        ),
    )


def encodings() -> Any:
    day, genres = whole("day"), whole("genres", 3)
    return keras.Model(
        [day, genres],
        score(
            [
                L.CategoryEncoding(7, output_mode="one_hot")(day),
                L.CategoryEncoding(6, output_mode="multi_hot")(genres),
                L.CategoryEncoding(6, output_mode="count")(genres),
            ]
        ),
    )


def two_towers() -> Any:
    """Nested models, as preprocessing and towers are usually kept."""
    user, city = text("user_id"), text("city")
    ids = L.StringLookup(vocabulary=[f"u{n}" for n in range(40)])(user)
    towards = L.Concatenate()([L.Flatten()(embedded(ids, 41)), L.Flatten()(embedded(L.Hashing(9)(city), 9))])
    users = keras.Model([user, city], L.Dense(6, name="dense")(towards), name="user_tower")
    item = whole("item_id")
    known = L.IntegerLookup(vocabulary=list(range(100, 160)))(item)
    items = keras.Model(item, L.Dense(6, name="dense")(L.Flatten()(embedded(known, 61))), name="item_tower")
    user, city, item = text("user_id"), text("city"), whole("item_id")
    dot = L.Dot(axes=1, normalize=True, name="score")([users([user, city]), items(item)])
    return keras.Model([user, city, item], dot)


def history() -> Any:
    """A masked history through a GRU, and attention of the candidate over it."""
    watched, movie = text("watched", 5), text("movie")
    look = L.StringLookup(vocabulary=[f"m{n}" for n in range(30)], mask_token="")
    table = L.Embedding(32, 6, mask_zero=True)
    seen, wanted = table(look(watched)), table(look(movie))
    pooled = L.GlobalAveragePooling1D()(seen)
    weights = ops.softmax(ops.matmul(wanted, ops.transpose(seen, (0, 2, 1))) / 2.5, axis=-1)
    attended = ops.squeeze(ops.matmul(weights, seen), 1)
    state = L.GRU(4)(seen)
    return keras.Model([watched, movie], score([pooled, attended, state, wanted]))


def wide_and_deep() -> Any:
    city, item, age = text("city"), whole("item"), numbers("age")
    cross = L.HashedCrossing(num_bins=50, output_mode="one_hot")((city, item))
    wide = L.Dense(1)(cross)
    ids = L.Hashing(num_bins=30)(city)
    deep = L.Dense(8, activation="gelu")(L.Concatenate()([L.Flatten()(embedded(ids, 30)), L.BatchNormalization()(age)]))
    out = L.Activation("sigmoid", name="score")(L.Add()([wide, L.Dense(1)(deep)]))
    return keras.Model({"city": city, "item": item, "age": age}, out)


def several_outputs() -> Any:
    item, x = whole("item"), numbers("x", 4)
    base = L.Concatenate()([L.Flatten()(embedded(L.IntegerLookup(vocabulary=[1, 2, 3])(item), 4)), x])
    shared = L.Dense(8, activation="tanh")(base)
    return keras.Model(
        [item, x],
        {"ctr": L.Dense(1, activation="sigmoid")(shared), "watch_time": L.Dense(1)(shared), "z": L.Dense(3)(x)},
    )


def sequential() -> Any:
    return keras.Sequential([numbers("x", 5), L.Dense(7, activation="relu"), L.Dropout(0.5), L.Dense(1, name="score")])


def numbers_alone() -> Any:
    """No preprocessing: ids and lists as they are."""
    user, items, x = whole("user"), keras.Input((6,), dtype="int32", name="items"), numbers("x", 3)
    bag = ops.mean(embedded(items, 50), axis=1)
    return keras.Model([user, items, x], score([embedded(user, 20), bag, L.LayerNormalization()(x)]))


def movielens() -> Any:
    """Trained: does this person like this film? Of MovieLens-100K, whose ratings are fetched and never stored."""
    columns, liked = _films()
    model = _film_ranker(columns)
    model.compile(optimizer=keras.optimizers.Adam(0.01), loss="binary_crossentropy")
    model.fit(columns, liked, epochs=2, batch_size=512, verbose=0)
    return model


def _films() -> tuple[dict[str, Any], Any]:
    """Columns of a quarter of the ratings, and whether they were 4 or more."""
    from ranklet.demo import movielens

    data = movielens.load()
    users, films = data.users, data.items
    rows = np.arange(0, len(data.ratings["rating"]), 4)
    who, what = data.ratings["user_id"][rows], data.ratings["movie_id"][rows]
    columns = {
        "occupation": tensorflow.constant([[users[int(one)].occupation] for one in who]),
        "age": np.float32([[users[int(one)].age] for one in who]),
        "movie_id": what[:, None],
        "genres": tensorflow.constant([[*films[int(one)].genres, *[""] * 6][:6] for one in what]),
    }
    return columns, (data.ratings["rating"][rows] >= 4).astype(np.float32)


def _film_ranker(columns: dict[str, Any]) -> Any:
    occupation, age = text("occupation"), numbers("age")
    movie, genres = whole("movie_id"), text("genres", 6)
    jobs, kinds = L.StringLookup(), L.StringLookup(mask_token="")
    jobs.adapt(columns["occupation"])
    kinds.adapt(columns["genres"])
    bins = L.Discretization(bin_boundaries=[18.0, 25.0, 35.0, 45.0, 56.0])(age)
    parts = [
        embedded(jobs(occupation), jobs.vocabulary_size()),
        embedded(bins, 6),
        embedded(L.Hashing(num_bins=600)(movie), 600, 8),
        L.GlobalAveragePooling1D()(L.Embedding(kinds.vocabulary_size(), 4, mask_zero=True)(kinds(genres))),
        embedded(L.HashedCrossing(num_bins=64)((occupation, movie)), 64),
    ]
    return keras.Model([occupation, age, movie, genres], score(parts, 16))


def ftrl() -> Any:
    """A linear model that FTRL trained on MovieLens-100K: one weight a word, a film, a bucket."""
    columns, liked = _films()
    occupation, age, movie, genres = text("occupation"), numbers("age"), whole("movie_id"), text("genres", 6)
    jobs, kinds = L.StringLookup(output_mode="one_hot"), L.StringLookup(output_mode="count", mask_token="")
    jobs.adapt(columns["occupation"])
    kinds.adapt(columns["genres"])
    bins = L.Discretization(bin_boundaries=[18.0, 25.0, 35.0, 45.0, 56.0], output_mode="one_hot")(age)
    films = L.Flatten()(L.Embedding(600, 1)(L.Hashing(num_bins=600)(movie)))
    cross = L.HashedCrossing(num_bins=64, output_mode="one_hot")((occupation, movie))
    logit = L.Add()([L.Dense(1)(L.Concatenate()([jobs(occupation), kinds(genres), bins, cross])), films])
    model = keras.Model([occupation, age, movie, genres], L.Activation("sigmoid", name="score")(logit))
    model.compile(keras.optimizers.Ftrl(0.1, l1_regularization_strength=0.001), "binary_crossentropy")
    model.fit(columns, liked, epochs=2, batch_size=512, verbose=0)
    return model


class Tower(keras.Model):
    """A class of its own, which only model.export can hand over."""

    def __init__(self) -> None:
        super().__init__(name="tower")
        self.look = L.StringLookup(vocabulary=CITIES, mask_token="")
        self.table, self.last = L.Embedding(7, 5), L.Dense(2, activation="softmax")

    def call(self, inputs: Any) -> Any:
        cities = self.table(self.look(inputs["city"]))[:, 0]
        return self.last(ops.concatenate([cities, inputs["age"]], axis=-1))

    def export(self, path: str, **options: Any) -> None:
        """With the types of its inputs, which Keras takes for float."""
        city = tensorflow.TensorSpec([None, 1], "string", "city")
        age = tensorflow.TensorSpec([None, 1], "float32", "age")
        super().export(path, input_signature=[{"city": city, "age": age}], **options)


def subclassed() -> Any:
    model = Tower()
    model({"city": tensorflow.constant([["oslo"]]), "age": tensorflow.constant([[3.0]])})
    return model


CASES: tuple[Case, ...] = (
    ("lookups", lookups, {}),
    ("lookups, encoded", lookups_encoded, {}),
    ("lookups, many strangers", lookups_many_strangers, {}),
    ("adapted", adapted, {}),
    ("hashing", hashing, {}),
    ("crossing", crossing, {}),
    ("buckets", buckets, {}),
    ("encodings", encodings, {}),
    ("two towers", two_towers, {}),
    ("history", history, {}),
    ("wide and deep", wide_and_deep, {}),
    ("several outputs", several_outputs, {"output": "watch_time"}),
    ("sequential", sequential, {}),
    ("numbers alone", numbers_alone, {}),
    ("movielens", movielens, {}),
    ("ftrl", ftrl, {}),
    ("ranks by a column", several_outputs, {"output": "z", "column": "2"}),
)
"""Name, model, options of the import."""
EXPORTED: tuple[Case, ...] = (
    ("exported lookups", lookups, {}),
    ("exported encodings", lookups_encoded, {}),
    ("exported history", history, {}),
    ("exported hashing", hashing, {}),
    ("exported movielens", movielens, {}),
    ("exported numbers", numbers_alone, {}),
    ("exported class", subclassed, {"column": "1"}),
)
"""The same of models that model.export hands over, as SavedModels."""


def files(case: Case) -> Iterator[tuple[str, bytes]]:
    """What is stored of a model: the file or folder, rows and scores, and the folder that an import writes."""
    from ranklet import draft, importers
    from ranklet.importers.proposal import Wishes

    name, _, options = case
    keras.utils.clear_session()
    keras.utils.set_random_seed(len(name))
    with tempfile.TemporaryDirectory() as scratch:
        path, kind = _handed_over(case, Path(scratch))
        proposal = importers.propose(kind, path, Wishes(options=options))
        random = np.random.default_rng(11)
        columns = {name: one.draw(random, ROWS) for name, one in proposal.inputs.items()}
        assert proposal.oracle is not None
        folder = Path(scratch) / "functions" / "ranker"
        draft.draft(path, folder, wishes=Wishes(options=options))
        if path.is_file():
            yield path.name, _steady(path.read_bytes())
        else:
            yield from _below(path, "saved")
        yield "options.json", orjson.dumps(options)
        yield "rows.json", orjson.dumps(columns)
        yield "answers.json", orjson.dumps(proposal.oracle.scores(columns).tolist())
        yield from _below(folder, "draft")


def _handed_over(case: Case, folder: Path) -> tuple[Path, str]:
    _, make, _ = case
    if case not in EXPORTED:
        make().save(folder / "ranker.keras")
        return folder / "ranker.keras", "keras"
    make().export(str(folder / "ranker"), verbose=False)
    return folder / "ranker", "tensorflow"


def _below(folder: Path, part: str) -> Iterator[tuple[str, bytes]]:
    for file in sorted(folder.rglob("*")):
        if file.is_file() and file.name != "fingerprint.pb":
            yield f"{part}/{file.relative_to(folder).as_posix()}", file.read_bytes()


def _steady(content: bytes) -> bytes:
    """The same archive without the time it was made."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for member in old.infolist():
            new.writestr(zipfile.ZipInfo(member.filename, EPOCH), old.read(member), zipfile.ZIP_DEFLATED)
    return out.getvalue()


def main() -> None:
    """Write keras.zip."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as out:
        for case in (*CASES, *EXPORTED):
            for name, content in files(case):
                info = zipfile.ZipInfo(f"{case[0]}/{name}", EPOCH)
                out.writestr(info, content, zipfile.ZIP_DEFLATED, compresslevel=9)
            print(case[0], flush=True)
    (HERE / "keras.zip").write_bytes(packed.getvalue())


if __name__ == "__main__":
    main()
