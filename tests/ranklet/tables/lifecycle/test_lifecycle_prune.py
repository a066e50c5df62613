"""prune keeps exactly what is named, and everything in doubt."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lifecycle_kit import Functions, Place, pinned, project, tables, vectors

from ranklet.errors import TableError
from ranklet.local.dynamodb import LocalDynamo
from ranklet.model import TableSource
from ranklet.tables import deployed, files, prune, push, snapshot, versions
from ranklet.tables.deployed import Naming
from ranklet.tables.pin import pin
from ranklet.tables.placement import Site
from ranklet.tables.versions import Version

AT_ONCE = ("--min-age", "0", "--yes", "--json")


def push_many(place: Place, folder: Path, count: int, name: str = "films") -> list[str]:
    """So many versions of a table, complete; their physical names."""
    names = []
    for seed in range(count):
        staged = files.write_staged(pinned(name, vectors(5, 2, seed=seed)), folder)
        push.push(staged, client=place.dynamodb)
        names.append(staged.name)
    return names


def there(place: Place) -> set[str]:
    return set(place.dynamodb.list_tables()["TableNames"])


def test_exactly_what_is_named_is_kept(cloud: Place, tmp_path: Path) -> None:
    films, users = push_many(cloud, tmp_path, 7), push_many(cloud, tmp_path, 3, "users")
    functions = Functions(cloud)
    # Each version of a function names its own tables; two functions share one of them.
    published = [functions.deploy("movies", [table]) for table in films[:5]]
    functions.alias("movies", published[1], also=published[2])
    functions.alias("movies", published[4], alias="next")
    functions.deploy("people", [users[0]])
    functions.alias("people", functions.deploy("people", [users[1], films[5]]))
    functions.deploy("plain", [])

    found, namings = versions.every(cloud.dynamodb), deployed.read(cloud.aws.functions)

    def kept(keep: int | None) -> set[str]:
        rules = prune.Rules(keep=keep, min_age=timedelta())
        verdicts = prune.plan(found, namings, rules, datetime.now(UTC))
        return {one.version.physical for one in verdicts if not one.delete}

    everything = {*films[:6], *users[:2]}
    aliased = {films[1], films[2], films[4], users[1], films[5]}
    assert kept(None) == kept(5) == everything
    assert kept(0) == kept(1) == aliased
    assert kept(2) == aliased | {films[3], users[0]}
    dry = cloud.tables("prune", "users", "--keep", "0", "--dry-run", "--min-age", "0", "--json").json
    assert {one["physical"] for one in dry if one["delete"]} == {users[0], users[2]}
    assert there(cloud) == {*films, *users}

    shown = cloud.tables("prune", "--keep", "0", *AT_ONCE)
    assert shown.code == 0
    assert there(cloud) == aliased
    reasons = {one["physical"]: one["reason"] for one in shown.json}
    assert reasons[films[6]] == "no function and no bundle names it"
    assert reasons[films[0]] == "only movies:1 could go back to it"
    assert reasons[films[4]] == "named by movies:$LATEST, movies:5 (next)"


def test_in_doubt_nothing_is_deleted(cloud: Place, tmp_path: Path) -> None:
    films = push_many(cloud, tmp_path, 2)
    functions = Functions(cloud)
    functions.deploy("old", None)
    shown = cloud.tables("prune", *AT_ONCE)
    assert shown.code == 7
    assert "old:$LATEST needs is not known: it has no RANKLET_TABLES" in shown.stderr
    assert there(cloud) == set(films)
    # Deployed anew, its old version alone is in doubt; once that does not count, the rest is known.
    functions.alias("old", functions.deploy("old", [films[0]]))
    assert cloud.tables("prune", *AT_ONCE).code == 7
    assert cloud.tables("prune", "--keep", "1", *AT_ONCE).code == 0
    assert there(cloud) == {films[0]}


def test_functions_of_others_do_not_hinder(cloud: Place, tmp_path: Path) -> None:
    push_many(cloud, tmp_path, 1)
    Functions(cloud).deploy("shop", None, handler="app.handler")
    assert cloud.tables("prune", *AT_ONCE).code == 0
    assert there(cloud) == set()


def test_a_handler_that_wraps_ours_is_known_by_its_variable(cloud: Place, tmp_path: Path) -> None:
    films = push_many(cloud, tmp_path, 2)
    Functions(cloud).deploy("movies", [films[1]], handler="monitoring.handler")
    assert cloud.tables("prune", *AT_ONCE).code == 0
    assert there(cloud) == {films[1]}


def test_young_versions_are_kept(cloud: Place, tmp_path: Path) -> None:
    films = push_many(cloud, tmp_path, 1)
    shown = cloud.tables("prune", "--yes", "--json")
    assert [(one["delete"], one["reason"]) for one in shown.json] == [(False, "younger than 24 h")]
    assert there(cloud) == set(films)


def test_a_version_that_is_being_loaded_is_kept_until_asked_for(cloud: Place, tmp_path: Path) -> None:
    half = files.write_staged(pinned(), tmp_path)

    def stop(rows: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        push.push(half, client=cloud.dynamodb, progress=stop)
    (one,) = cloud.tables("prune", *AT_ONCE).json
    assert (one["delete"], one["state"]) == (False, "incomplete")
    assert "--incomplete deletes it" in one["reason"]
    assert there(cloud) == {half.name}
    assert cloud.tables("prune", "--incomplete", *AT_ONCE).json[0]["delete"]
    assert there(cloud) == set()


def test_a_table_that_others_made_is_kept(cloud: Place) -> None:
    cloud.dynamodb.create_table(
        TableName="ranklet-films-0123456789ab",
        AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
    )
    (one,) = cloud.tables("prune", "--incomplete", *AT_ONCE).json
    assert (one["delete"], one["state"]) == (False, "foreign")


def test_a_table_whose_description_cannot_be_read_is_kept(cloud: Place, tmp_path: Path) -> None:
    odd, whole = push_many(cloud, tmp_path, 2)
    cloud.dynamodb.put_item(TableName=odd, Item={"k": {"S": "__ranklet__"}, "v": {"B": b"{"}})
    shown = {one["physical"]: one for one in cloud.tables("prune", *AT_ONCE).json}
    assert (shown[odd]["delete"], shown[odd]["state"]) == (False, "unreadable")
    assert shown[whole]["delete"]
    assert there(cloud) == {odd}


def test_a_bundle_of_the_checkout_keeps_its_tables(
    cloud: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    films = push_many(cloud, tmp_path / "tables", 2)
    project(tmp_path, pinned("films", vectors(5, 2, seed=1)))
    bundle = tmp_path / ".build" / "functions" / "movies"
    monkeypatch.chdir(tmp_path)
    shown = cloud.tables("prune", *AT_ONCE)
    assert shown.code == 0, shown.stderr
    assert there(cloud) == {films[1]}
    assert "pinned by the bundle of movies" in str(shown.json)
    (bundle / "manifest.json").write_text("{")
    assert cloud.tables("prune", *AT_ONCE).code == 5
    assert there(cloud) == {films[1]}


def test_no_is_an_answer(cloud: Place, tmp_path: Path) -> None:
    films = push_many(cloud, tmp_path, 1)
    place = ("--endpoint", cloud.endpoint, "--region", "us-east-1", "--min-age", "0")
    asked = tables("prune", *place, answer="n\n")
    assert asked.code == 1
    assert f"{films[0]}: no function and no bundle names it" in asked.stderr
    assert there(cloud) == set(films)
    assert tables("prune", *place, answer="y\n").code == 0
    assert there(cloud) == set()


def test_where_functions_cannot_be_read_nothing_is_deleted(tmp_path: Path) -> None:
    with LocalDynamo() as local:
        place = Place("ours", local.endpoint)
        films = push_many(place, tmp_path, 1)
        shown = place.tables("prune", *AT_ONCE)
        assert shown.code == 7
        assert "Lambda's functions cannot be listed" in shown.stderr
        assert there(place) == set(films)


def test_snapshots_in_s3_are_pruned_likewise(cloud: Place, tmp_path: Path) -> None:
    s3, ssm = cloud.client("s3"), cloud.client("ssm")
    s3.create_bucket(Bucket="snapshots-of-test")
    ssm.put_parameter(Name="/ranklet/snapshots/bucket", Value="snapshots-of-test", Type="String")
    names = []
    for seed in range(3):
        source = TableSource(vectors="v", keys="k", placement="resident", dtype="int8")
        one = pin("films", source, vectors(30, seed=seed), site=Site(package=0))
        folder = files.write_staged(one, tmp_path)
        snapshot.upload(folder, s3, "snapshots-of-test")
        names.append(folder.name)
    listed = {one["physical"]: one for one in cloud.tables("list", "--json").json}
    assert set(listed) == set(names)
    for one in listed.values():
        assert (one["store"], one["state"], one["rows"], one["dim"], one["dtype"]) == ("s3", "complete", 30, 8, "int8")
        assert one["bytes"] == snapshot.size(tmp_path / one["physical"])
    Functions(cloud).deploy("movies", [names[1]])
    assert cloud.tables("prune", *AT_ONCE).code == 0
    left = {one["Key"].split("/")[1] for one in s3.list_objects_v2(Bucket="snapshots-of-test")["Contents"]}
    assert left == {names[1]}


# The decision itself, on values.

NOW = datetime(2026, 7, 1, tzinfo=UTC)


def version(physical: str, **fields: Any) -> Version:
    given = {"store": "dynamodb", "state": "complete", "created": NOW - timedelta(days=9), "bytes": 1, "dollars": 0.1}
    return Version(physical, "films", physical, **{**given, **fields})


def naming(number: str, *names: str, aliases: tuple[str, ...] = ()) -> Naming:
    return Naming("movies", number, aliases, frozenset(names))


def test_what_was_named_meanwhile_is_kept(cloud: Place, tmp_path: Path) -> None:
    films = push_many(cloud, tmp_path, 2)
    rules = prune.Rules(min_age=timedelta())
    verdicts = prune.plan(versions.every(cloud.dynamodb), [], rules, datetime.now(UTC))
    assert all(one.delete for one in verdicts)
    Functions(cloud).deploy("movies", [films[0]])
    services = prune.Services(cloud.aws.functions, cloud.dynamodb)
    done = {one.version.physical: one for one in prune.carry_out(verdicts, services, rules)}
    assert "was deployed meanwhile" in done[films[0]].reason
    assert there(cloud) == {films[0]}


def test_a_table_that_was_made_anew_meanwhile_is_kept(cloud: Place, tmp_path: Path) -> None:
    (name,) = push_many(cloud, tmp_path, 1)
    rules = prune.Rules(min_age=timedelta())
    (verdict,) = prune.plan(versions.every(cloud.dynamodb), [], rules, datetime.now(UTC))
    stale = prune.Verdict(version(name, created=NOW - timedelta(days=400)), True, verdict.reason)
    services = prune.Services(cloud.aws.functions, cloud.dynamodb)
    (done,) = prune.carry_out([stale], services, rules)
    assert (done.delete, done.reason) == (False, "it was changed meanwhile")
    assert there(cloud) == {name}


def test_latest_and_aliases_count_whatever_keep_says() -> None:
    found = [version(name) for name in "abcd"]
    namings = [
        naming("$LATEST", "a"),
        naming("1", "b", aliases=("live",)),
        naming("9", "c"),
        naming("10", "d"),
    ]
    for keep, kept in ((0, "ab"), (1, "abd"), (2, "abcd"), (None, "abcd")):
        verdicts = prune.plan(found, namings, prune.Rules(keep=keep), NOW)
        assert "".join(one.version.physical for one in verdicts if not one.delete) == kept


def test_a_version_whose_tables_are_unknown_hinders_only_where_it_counts() -> None:
    unknown = Naming("movies", "1", (), None, "no variable")
    found = [version("a")]
    rest = [naming("2"), naming("$LATEST")]
    with pytest.raises(TableError, match="movies:1 needs is not known: no variable"):
        prune.plan(found, [unknown, *rest], prune.Rules(), NOW)
    assert prune.plan(found, [unknown, *rest], prune.Rules(keep=1), NOW)[0].delete


@st.composite
def deployments(draw: st.DrawFn) -> tuple[list[Version], list[Naming], prune.Rules]:
    """Versions of any state and age, functions with any versions and aliases, any rules."""
    names = list("abcdefgh")
    states = st.sampled_from(["complete"] * 4 + ["incomplete", "foreign", "unreadable", "leaving"])
    found = [
        version(name, state=draw(states), created=NOW - timedelta(hours=draw(st.integers(0, 72)))) for name in names
    ]
    namings = []
    for function in ("films", "users"):
        for number in ("$LATEST", *map(str, range(1, draw(st.integers(1, 14))))):
            tables = frozenset(draw(st.lists(st.sampled_from(names), max_size=2)))
            aliases = draw(st.sampled_from([(), (), (), ("live",), ("a", "b")])) if number != "$LATEST" else ()
            namings.append(Naming(function, number, aliases, tables))
    bundles = {"here": frozenset(draw(st.lists(st.sampled_from(names), max_size=2)))}
    keep = draw(st.one_of(st.none(), st.integers(0, 14)))
    rules = prune.Rules(keep, timedelta(hours=draw(st.integers(0, 72))), bundles, draw(st.booleans()))
    return found, draw(st.permutations(namings)), rules


@given(deployments())
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_what_is_deleted_is_named_by_nobody_who_counts_and_nothing_else_is_kept(
    drawn: tuple[list[Version], list[Naming], prune.Rules],
) -> None:
    found, namings, rules = drawn
    for verdict in prune.plan(found, namings, rules, NOW):
        one = verdict.version
        needed = one.physical in rules.bundles["here"]
        for who in namings:
            newer = (
                [
                    other
                    for other in namings
                    if other.function == who.function
                    and "$" not in other.version
                    and int(other.version) > int(who.version)
                ]
                if who.version != "$LATEST"
                else []
            )
            counts = who.version == "$LATEST" or who.aliases or rules.keep is None or len(newer) < rules.keep
            needed = needed or bool(counts and who.tables and one.physical in who.tables)
        removable = one.state == "complete" or (one.state == "incomplete" and rules.incomplete)
        assert verdict.delete == (removable and not needed and NOW - one.created >= rules.min_age)
        assert verdict.reason
