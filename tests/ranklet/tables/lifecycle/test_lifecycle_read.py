"""list, get and verify, by the same calls against moto and our own server."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from lifecycle_kit import Functions, Place, pinned, staged, tables, vectors

from ranklet.tables import files, push
from ranklet.tables.pin import Pinned
from ranklet_features.packing import unpack
from ranklet_features.stores import open_store
from ranklet_features.stores.keys import RESERVED

FORMS: list[dict[str, Any]] = [
    {"dtype": "f32"},
    {"dtype": "f16", "key": "string"},
    {"dtype": "int8"},
    {"dtype": "int8", "page": 5},
    {"dtype": "f32", "page": 16},
]
IDS = ["-".join(map(str, one.values())) for one in FORMS]


def pushed(place: Place, folder: Path, one: Pinned, **options: Any) -> Path:
    where = files.write_staged(one, folder)
    push.push(where, client=place.dynamodb, options=push.Options(**options))
    return where


def put(place: Place, physical: str, key: str, value: bytes, **more: Any) -> None:
    place.dynamodb.put_item(TableName=physical, Item={"k": {"S": key}, "v": {"B": value}, **more})


# list


def test_every_version_is_listed_with_what_it_says_of_itself(place: Place, tmp_path: Path) -> None:
    films = pinned("films", dtype="int8")
    paged = pinned("films", vectors(40, seed=4), page=16)
    users = pinned("users-long", vectors(11, 4, key="string"), key="string", dtype="f16")
    for one in (films, paged, users):
        pushed(place, tmp_path, one, model="movies")
    shown = place.tables("list", "--json")
    assert shown.code == 0
    found = {one["physical"]: one for one in shown.json}
    assert set(found) == {one.table.physical for one in (films, paged, users)}
    for one in (films, paged, users):
        listed = found[one.table.physical]
        assert [listed[name] for name in ("table", "version", "rows", "dim", "dtype", "key", "page")] == [
            one.table.name,
            one.table.version,
            one.table.rows,
            one.table.dim,
            one.table.dtype,
            one.table.key,
            one.table.page,
        ]
        assert (listed["state"], listed["model"], listed["store"]) == ("complete", "movies", "dynamodb")
        assert listed["protected"] and listed["restorable"]
        page = one.table.page
        items = len({key // page for key in one.vectors.keys}) if page > 1 else one.table.rows
        assert listed["bytes"] >= one.vectors.values.nbytes
        # A quarter of a dollar a GB, and a fifth for its backup; an item takes a hundred bytes more than it has. A
        # server counts the description or not; pages are estimated as full where the server has not counted yet.
        counts = (items, items + 1, -(-one.table.rows // page))
        dollars = [(listed["bytes"] + 100 * count) / 2**30 * 0.45 for count in counts]
        assert any(listed["dollars"] == pytest.approx(each) for each in dollars)
    assert [one["table"] for one in shown.json] == ["films", "films", "users-long"]


def test_one_table_is_listed_alone_and_an_interrupted_load_says_so(place: Place, tmp_path: Path) -> None:
    pushed(place, tmp_path, pinned("users"))
    whole = pushed(place, tmp_path, pinned("films")).name
    half = pinned("films", vectors(seed=5))

    def stop(rows: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        push.push(files.write_staged(half, tmp_path), client=place.dynamodb, progress=stop)
    shown = place.tables("list", "films", "--json").json
    assert {one["physical"]: (one["state"], one["rows"]) for one in shown} == {
        whole: ("complete", 57),
        half.table.physical: ("incomplete", None),
    }
    assert half.table.physical in place.tables("list").stdout


def test_tables_of_others_are_not_listed_or_are_foreign(place: Place) -> None:
    for name in ("orders", "ranklet-films", "ranklet-films-0123456789AB", "ranklet-films-0123456789ab"):
        place.dynamodb.create_table(
            TableName=name,
            AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}],
            BillingMode="PAY_PER_REQUEST",
        )
    (one,) = place.tables("list", "--json").json
    assert (one["physical"], one["state"]) == ("ranklet-films-0123456789ab", "foreign")


def test_more_tables_than_one_answer_holds_are_all_listed(place: Place) -> None:
    last = "ranklet-films-0123456789ab"
    for name in (*(f"other-{number:03}" for number in range(101)), last):
        place.dynamodb.create_table(
            TableName=name,
            AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}],
            BillingMode="PAY_PER_REQUEST",
        )
    assert [one["physical"] for one in place.tables("list", "--json").json] == [last]


def test_who_names_a_version_is_shown(moto: Place, tmp_path: Path) -> None:
    first = pushed(moto, tmp_path, pinned(given=vectors(seed=1))).name
    second = pushed(moto, tmp_path, pinned(given=vectors(seed=2))).name
    functions = Functions(moto)
    functions.deploy("movies", [first])
    functions.alias("movies", functions.deploy("movies", [second]))
    shown = {one["physical"]: one["functions"] for one in moto.tables("list", "--json").json}
    assert shown[first] == [{"function": "movies", "version": "1", "aliases": []}]
    assert shown[second] == [
        {"function": "movies", "version": "$LATEST", "aliases": []},
        {"function": "movies", "version": "2", "aliases": ["live"]},
    ]


def test_where_functions_cannot_be_read_who_names_a_version_is_unknown_not_nobody(tmp_path: Path) -> None:
    from ranklet.local.dynamodb import LocalDynamo

    with LocalDynamo() as local:
        place = Place("ours", local.endpoint)
        pushed(place, tmp_path, pinned())
        shown = place.tables("list", "--json")
        assert (shown.code, shown.json[0]["functions"]) == (0, None)
        assert "without who names them" in shown.stderr


# get


@pytest.mark.parametrize("form", FORMS, ids=IDS)
def test_rows_come_as_the_store_of_a_function_reads_them(place: Place, tmp_path: Path, form: dict[str, Any]) -> None:
    one = pinned(**form)
    pushed(place, tmp_path, one)
    keys = [one.vectors.keys[row] for row in (0, 1, 7, 56, 1)]
    shown = place.tables("get", one.table.physical, "--json", "--", *map(str, keys))
    assert shown.code == 0
    assert [row["key"] for row in shown.json["rows"]] == [str(key) for key in keys]
    found = np.array([row["vector"] for row in shown.json["rows"]], np.float32)
    assert np.array_equal(found, unpack(one.vectors.values)[[0, 1, 7, 56, 1]])
    store = open_store(one.table, tmp_path, place.aws.environ())
    assert np.array_equal(found, store.rows(keys, deadline=time.monotonic() + 60).values)
    store.close()


@pytest.mark.parametrize("form", FORMS, ids=IDS)
def test_absent_keys_are_said_and_exit_with_one(place: Place, tmp_path: Path, form: dict[str, Any]) -> None:
    one = pinned(**form)
    pushed(place, tmp_path, one)
    there = str(one.vectors.keys[3])
    shown = place.tables("get", one.table.physical, there, "1000000", "--json")
    assert shown.code == 1
    assert [row["vector"] is None for row in shown.json["rows"]] == [False, True]
    assert "absent" in place.tables("get", one.table.physical, "1000000").stdout


def test_more_rows_than_one_call_reads(place: Place, tmp_path: Path) -> None:
    one = pinned(given=vectors(230, 2))
    pushed(place, tmp_path, one)
    keys = [str(key) for key in one.vectors.keys[::-1]]
    shown = place.tables("get", one.table.physical, "--json", "--", *keys).json
    assert [tuple(row["vector"]) for row in shown["rows"]] == [tuple(row) for row in one.vectors.values[::-1].tolist()]


@pytest.mark.parametrize(
    ("version", "keys", "code", "said"),
    [
        ("ranklet-films-0123456789ab", ["1"], 7, "absent or not whole"),
        ("films", ["1"], 2, "no version of a table"),
        ("PUSHED", ["one"], 7, "has integers for keys"),
    ],
)
def test_get_refuses_what_cannot_be_read(
    place: Place, tmp_path: Path, version: str, keys: list[str], code: int, said: str
) -> None:
    name = pushed(place, tmp_path, pinned()).name
    shown = place.tables("get", name if version == "PUSHED" else version, *keys)
    assert shown.code == code
    assert said in shown.stderr


# verify


@pytest.mark.parametrize(
    ("form", "more"),
    list(zip(FORMS, ([], ["--all"], ["--sample", "3"], ["--all"], ["--sample", "3"]), strict=True)),
    ids=IDS,
)
def test_a_pushed_version_is_what_was_staged(
    place: Place, tmp_path: Path, form: dict[str, Any], more: list[str]
) -> None:
    one = pinned(**form)
    folder = pushed(place, tmp_path, one)
    shown = place.tables("verify", "--staged", str(folder), *more, "--json")
    assert (shown.code, shown.json[0]["equal"]) == (0, True)
    (found,) = shown.json
    page = form.get("page", 1)
    items = len({key // page for key in one.vectors.keys}) if page > 1 else 57
    assert found["items"] == found["counted"] == items
    # The first and the last one are always in a sample.
    assert found["compared"] == items or (more[:1] == ["--sample"] and 3 <= found["compared"] <= 5)


def test_each_fault_is_counted_and_its_key_named(place: Place, tmp_path: Path) -> None:
    one = pinned(given=vectors(400))
    folder = pushed(place, tmp_path, one)
    client, name = place.dynamodb, folder.name
    deletes = [{"DeleteRequest": {"Key": {"k": {"S": str(key)}}}} for key in one.vectors.keys[:25]]
    client.batch_write_item(RequestItems={name: deletes})
    put(place, name, "3", bytes(32))
    put(place, name, "12", one.vectors.values[7].tobytes())
    put(place, name, "1", bytes(32))
    shown = place.tables("verify", "--staged", str(folder), "--sample", "5", "--json")
    # Of the two that were written over, one was deleted before: it is there, with other bytes.
    gone = {str(key) for key in one.vectors.keys[:25]} - {"3", "12"}
    (found,) = shown.json
    assert (shown.code, found["equal"]) == (7, False)
    assert (found["absent"], found["different"], found["unknown"]) == (len(gone), 1 + 0, 1)
    assert set(found["keys"]["absent"]) <= gone and len(found["keys"]["absent"]) == 20
    assert found["keys"]["unknown"] == ["1"]
    assert name in shown.stderr
    text = place.tables("verify", "--staged", str(folder), "--all").stdout
    assert f"and {len(gone) - 20} more" in text


def test_a_row_of_an_upsert_is_no_fault(place: Place, tmp_path: Path) -> None:
    folder = pushed(place, tmp_path, pinned())
    put(place, folder.name, "0", bytes(32), r={"N": "4"})
    put(place, folder.name, "1", bytes(32), r={"N": "4"})
    for more in ([], ["--all"]):
        shown = place.tables("verify", "--staged", str(folder), *more, "--json")
        assert (shown.code, shown.json[0]["upserted"], shown.json[0]["counted"]) == (0, 2, 58)


def test_a_version_without_its_description_is_refused(place: Place, tmp_path: Path) -> None:
    folder = pushed(place, tmp_path, pinned())
    delete = {"DeleteRequest": {"Key": {"k": {"S": RESERVED}}}}
    place.dynamodb.batch_write_item(RequestItems={folder.name: [delete]})
    shown = place.tables("verify", "--staged", str(folder))
    assert shown.code == 7
    assert "absent or not whole" in shown.stderr


def test_a_version_that_says_it_is_another_is_refused(place: Place, tmp_path: Path) -> None:
    folder = pushed(place, tmp_path, pinned())
    other = staged(tmp_path / "other", given=vectors(seed=9))
    put(place, folder.name, RESERVED, (other / "table.json").read_bytes())
    shown = place.tables("verify", "--staged", str(folder))
    assert shown.code == 7
    assert "says that it is another table" in shown.stderr


def test_verify_wants_a_model_or_a_folder(tmp_path: Path) -> None:
    assert tables("verify").code == 2
    assert tables("verify", "films", "--staged", str(tmp_path)).code == 2
