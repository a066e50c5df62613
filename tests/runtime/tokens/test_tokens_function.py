"""Tokens through the handler: the same answer as without, and every token that is not one is refused by its kind."""

from __future__ import annotations

import base64
import json
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgpack
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from runtime_kit import REQUEST, body_of, document, event, json_of, write_bundle
from tokens_kit import CONTEXT, ITEMS, KEY, OTHER, THIRD, USER, ask, opened, token_of, towers

from ranklet_runtime.errors import ManifestError
from ranklet_runtime.function import Function
from ranklet_runtime.shadow import Shadow
from ranklet_runtime.tokens.signing import Signing

WHOLE = {"user": USER, "context": CONTEXT, "items": ITEMS}


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> Function:
    return opened(tmp_path_factory.mktemp("tokens"))


def packed(path: str, body: Any) -> dict[str, Any]:
    return event(path, msgpack.packb(body), content_type="application/msgpack")


def ranked(subject: Function, token: Any, **more: Any) -> tuple[int, Any]:
    return ask(subject, "rank", {"token": token, "items": ITEMS, **more})


@pytest.mark.parametrize("more", [{}, {"top_k": 2}])
def test_rank_by_token_is_rank_by_features_bit_for_bit(films: Function, more: Any) -> None:
    status, answer = ask(films, "prepare", {"user": USER, "context": CONTEXT})
    assert status == 200 and answer["expires_in"] == 60 and set(answer) == {"token", "expires_in"}
    assert ranked(films, answer["token"], **more) == ask(films, "rank", {**WHOLE, **more})


def test_token_is_good_for_many_requests_in_both_formats(films: Function) -> None:
    token = token_of(films)
    for items in ({name: column[:1] for name, column in ITEMS.items()}, {name: [] for name in ITEMS}, ITEMS):
        plain = ask(films, "rank", {**WHOLE, "items": items})
        assert ask(films, "rank", {"token": token, "items": items}) == plain
        bodies = [
            body_of(
                films(event("/v1/models/films:rank", msgpack.packb(body), content_type="application/msgpack"), None)
            )
            for body in ({"token": token, "items": items}, {**WHOLE, "items": items})
        ]
        assert bodies[0] == bodies[1]


def test_prepare_in_msgpack_gives_the_token_as_text(films: Function) -> None:
    answer = films(packed("/films/v1/models/films:prepare", {"user": USER, "context": CONTEXT}), None)
    token = msgpack.unpackb(body_of(answer))["token"]
    assert ranked(films, token)[0] == 200


def test_what_was_defaulted_for_the_user_and_for_items_is_told_as_without_a_token(films: Function) -> None:
    body = {"user": USER, "items": ITEMS}  # the item 77 has no row
    _, prepared = ask(films, "prepare", {"user": USER})
    answer = ranked(films, prepared["token"])
    assert answer == ask(films, "rank", body)
    assert answer[1]["degraded"] == {"missing_rows:films": 1}


def test_faults_of_users_and_items_have_their_place(films: Function) -> None:
    status, answer = ask(films, "prepare", {"user": {"age": "old"}})
    assert status == 400 and answer["path"] == "$.user.age"
    status, answer = ask(films, "prepare", {"user": {**USER, "shoe": 43}})
    assert status == 400 and answer["path"] == "$.user.shoe"
    items = {**ITEMS, "price": [1, 2, "three", 4]}
    status, answer = ask(films, "rank", {"token": token_of(films), "items": items})
    assert status == 400 and answer["path"] == "$.items.price[2]"


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"user": USER, "items": ITEMS}, "$.items"),
        ({"user": USER, "top_k": 1}, "$.top_k"),
        ({"user": 3}, "$.user"),
        ([], None),
    ],
)
def test_prepare_takes_user_and_context_alone(films: Function, body: Any, path: str | None) -> None:
    status, answer = ask(films, "prepare", body)
    assert status == 400 and answer.get("path") == path


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"token": 3}, "$.token"),
        ({"token": ["a"]}, "$.token"),
        ({"token": "TOKEN", "user": USER}, "$.user"),
        ({"token": "TOKEN", "context": CONTEXT}, "$.context"),
        ({"token": "a" * 4097}, "$.token"),
    ],
)
def test_what_is_no_request_with_a_token_is_400(films: Function, body: Any, path: str) -> None:
    if body["token"] == "TOKEN":
        body = {**body, "token": token_of(films)}
    status, answer = ask(films, "rank", {"items": ITEMS, **body})
    assert status == 400 and answer["path"] == path


def test_token_beside_an_empty_user_is_taken(films: Function) -> None:
    assert ranked(films, token_of(films), user={}, context={})[0] == 200


def refused(subject: Function, token: str, status: int, said: str) -> None:
    sent = event(
        "/v1/models/films:rank", msgpack.packb({"token": token, "items": ITEMS}), content_type="application/msgpack"
    )
    answer = subject(sent, None)
    assert answer["statusCode"] == status, answer
    assert said in answer["body"] and '"path":"$.token"' in answer["body"]
    assert ("www-authenticate" in answer["headers"]) == (status == 401)
    assert KEY not in answer["body"]


def test_forged_truncated_and_changed_tokens_are_401(films: Function) -> None:
    token = token_of(films)
    raw = bytearray(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
    for place in (0, 2, 5, 20, 36, 37, len(raw) - 1):
        changed = bytearray(raw)
        changed[place] ^= 1
        refused(films, base64.urlsafe_b64encode(bytes(changed)).decode().rstrip("="), 401, "none of ours")
    for text in (
        token[:-1],
        token[:-4],
        token[:40],
        token + "A",
        token + "=",
        token[::-1],
        "A" * 200,
        "",
        "é" * 60,
        "a b",
    ):
        refused(films, text, 401, "none of ours")


@settings(deadline=None, max_examples=120)
@given(
    st.one_of(st.text(max_size=300), st.binary(max_size=200).map(lambda raw: base64.urlsafe_b64encode(raw).decode()))
)
def test_anything_else_is_refused_and_never_a_fault_of_ours(films: Function, text: str) -> None:
    assert ranked(films, text)[0] == 401


def test_expired_token_is_401(films: Function) -> None:
    tokens = films.scorer.tokens
    assert tokens is not None
    try:
        tokens.clock = lambda: time.time() - 61
        old = token_of(films)
        tokens.clock = lambda: time.time() - 59
        young = token_of(films)
    finally:
        tokens.clock = time.time
    refused(films, old, 401, "has expired")
    assert ranked(films, young)[0] == 200


def test_token_of_another_key_is_401(films: Function, tmp_path: Path) -> None:
    other = opened(tmp_path, {"RANKLET_SIGNING_KEYS": OTHER})
    refused(films, token_of(other), 401, "none of ours")


def test_token_of_another_version_or_model_is_409(films: Function, tmp_path: Path) -> None:
    for name, changes, said in (
        ("version", {"version": "4"}, "version '4', this is 'films' version '3'"),
        ("build", {"threads": 2}, "another build of 'films' version '3'"),
    ):
        refused(films, token_of(opened(tmp_path / name, **changes)), 409, said)
    other = opened(tmp_path / "model", model="books")
    _, answer = ask(other, "prepare", {"user": USER}, "books")
    refused(films, answer["token"], 409, "of 'books' version '3'")


def test_token_of_another_bundle_with_the_same_manifest_is_409(tmp_path: Path) -> None:
    """As deployed: the stack says which bundle it is; here the function is told without its files being checked."""
    one, other = (opened(tmp_path / str(number)) for number in range(2))
    assert other.scorer.tokens is not None
    other.scorer.tokens._mine = (*other.scorer.tokens._mine[:2], "f" * 32)
    refused(one, token_of(other), 409, "another build")


def test_user_part_above_the_limit_is_413(tmp_path: Path) -> None:
    token = {**towers()["token"], "bytes": 100}
    status, answer = ask(opened(tmp_path, token=token), "prepare", {"user": USER})
    assert status == 413 and "[token] bytes" in answer["error"]


def test_keys_rotate_while_tokens_live(tmp_path: Path) -> None:
    before = opened(tmp_path / "before")
    after = opened(tmp_path / "after", {"RANKLET_SIGNING_KEYS": f"{OTHER} {KEY}"})
    assert ranked(after, token_of(before))[0] == 200
    assert ranked(after, token_of(after))[0] == 200
    refused(before, token_of(after), 401, "none of ours")
    long_after = opened(tmp_path / "long", {"RANKLET_SIGNING_KEYS": f"{THIRD} {OTHER}"})
    refused(long_after, token_of(before), 401, "none of ours")


@pytest.mark.parametrize("keys", ["", "short", f"{KEY} short"])
def test_key_that_is_none_is_a_fault_of_ours_that_is_not_told(keys: str, tmp_path: Path) -> None:
    subject = opened(tmp_path, {"RANKLET_SIGNING_KEYS": keys} if keys else {})
    status, answer = ask(subject, "prepare", {"user": USER})
    assert status == 500 and answer["error"].startswith("internal error")
    assert ask(subject, "rank", WHOLE)[0] == 200  # who sends no token waits for no key


def test_signed_content_that_is_not_ours_is_another_build(films: Function) -> None:
    """Nobody but a holder of the key can make one; it is refused all the same, and by no fault."""
    tokens = films.scorer.tokens
    assert tokens is not None
    mine = list(tokens._mine)
    late = int(time.time()) + 60
    for content in (
        [mine, late, {}, {}, [], b""],
        [mine, late, {}, {}, [[1]], b"1234567"],
        [mine, late, {}, {}, [[1]], b"1234" + bytes(12)],
        [mine, late, {}, {}, [[3]], bytes(8)],
        [mine, late, {}, {}, [[-1]], b""],
        [mine, late, {}, {}, [[1] * 9], bytes(8)],
        [mine, late, {}, {}, [[1 << 40, 0]], b""],
        [mine, late, {}, {}, [[1.0]], bytes(8)],
        [mine, late, {}, {}, [3], bytes(8)],
        [mine, late, {}, {}, [[1]], 7],
        [mine, late],
        [["a"], late, {}, {}, [], b""],
        {"a": 1},
        7,
    ):
        token = Signing(tokens._keys).sealed(msgpack.packb(content))
        status, answer = ranked(films, token)
        assert status in (401, 409), (content, answer)


def test_model_without_tokens_knows_neither_path_nor_field(tmp_path: Path) -> None:
    plain = Function.open(write_bundle(tmp_path / "bundle", document()), {})
    assert ask(plain, "prepare", {"user": USER})[0] == 404
    status, answer = ask(plain, "rank", {**REQUEST, "token": "a"})
    assert status == 400 and answer["path"] == "$.token"


def test_token_is_never_ignored(tmp_path: Path) -> None:
    """Else a user would be ranked as nobody, by a version before the one that gave the token, say."""
    plain = Function.open(write_bundle(tmp_path / "bundle", document(surplus="ignore")), {})
    for _ in range(3):  # what has answered plain requests reads the next ones by a shorter way
        status, answer = ask(plain, "rank", {**REQUEST, "token": "a", "page": 3})
        assert status == 400 and answer["path"] == "$.token"
        assert ask(plain, "rank", REQUEST)[0] == ask(plain, "rank", {**REQUEST, "page": 3})[0] == 200


def test_other_versions_are_asked_on_their_paths(films: Function) -> None:
    for path, status in (("versions/3", 200), ("versions/9", 404), ("labels/live", 404)):
        asked = event(
            f"/films/v1/models/films/{path}:prepare", b'{"user": {"age": 1}}', content_type="application/json"
        )
        assert films(asked, None)["statusCode"] == status


def test_requests_with_tokens_are_counted(tmp_path: Path) -> None:
    subject = opened(tmp_path)
    ranked(subject, token_of(subject))
    ranked(subject, "forged")
    counts = subject.telemetry._counts
    assert (counts["RankedByToken"], counts["Prepared"], counts["Fault401"]) == (1, 1, 1)


def test_health_of_a_users_inputs_is_not_looked_at_with_a_token(tmp_path: Path) -> None:
    """Who sends a token sends no values of the user, which is not the same as missing ones."""
    subject = opened(tmp_path, watch={"health_every": 1})
    observer = subject.scorer and subject._observer
    assert observer is not None and observer.health is not None
    token = token_of(subject)
    for _ in observer.health.take():
        pass
    ranked(subject, token)
    assert list(observer.health.take()) == []
    ask(subject, "rank", WHOLE)
    assert list(observer.health.take()) != []


def test_lists_are_made_with_tokens_too(tmp_path: Path) -> None:
    after = {"cap": {"input": "price", "most": 1, "own": {}, "first": None}, "requests": []}
    subject = opened(tmp_path, after=after)
    answer = ranked(subject, token_of(subject), top_k=3)
    assert answer == ask(subject, "rank", {**WHOLE, "top_k": 3}) and answer[1]["ordered_by"] == ["cap"]


def test_manifest_that_does_not_know_what_a_token_holds_ends_the_start(tmp_path: Path) -> None:
    for number, wrong in enumerate(
        ({"held": {}}, {"inputs": []}, {"held": {"score": {"dtype": "float32", "shape": None}}})
    ):
        with pytest.raises(ManifestError, match="does not know what a token holds"):
            opened(tmp_path / str(number), token={**towers()["token"], **wrong})


def test_requests_with_tokens_are_not_copied_to_a_candidate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another version would refuse the token; what is owed is copied of the next request that means something there."""
    copied: list[bytes] = []
    monkeypatch.setattr(Shadow, "_handed_on", lambda self, body: copied.append(body) or "ShadowSent")
    environ = {"AWS_LAMBDA_FUNCTION_NAME": "films", "AWS_REGION": "us-east-1", "RANKLET_SHADOW": "1.0@candidate"}
    identity = {"AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "key", "RANKLET_SIGNING_KEYS": KEY}
    subject = opened(tmp_path, {**environ, **identity})
    arn = "arn:aws:lambda:us-east-1:123456789012:function:films:live"
    live = SimpleNamespace(invoked_function_arn=arn, aws_request_id="r", get_remaining_time_in_millis=lambda: 10_000)
    token = json_of(subject(sent("prepare", {"user": USER}), live))["token"]
    assert subject(sent("rank", {"token": token, "items": ITEMS}), live)["statusCode"] == 200
    assert copied == []
    subject(sent("rank", WHOLE), live)
    assert len(copied) == 1


def sent(verb: str, body: Any) -> dict[str, Any]:
    return event(f"/v1/models/films:{verb}", json.dumps(body), content_type="application/json")
