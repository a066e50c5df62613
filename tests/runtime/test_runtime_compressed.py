"""Compressed bodies: undone as they were made, within the limit of plain ones, and refused in words where broken."""

import gzip
import json
import sys
import zlib
from typing import Any

import pytest
from runtime_kit import MODEL, REQUEST, event, expected, json_of

from ranklet_runtime import compressed
from ranklet_runtime.compressed import MAGIC, TooMuch, expand
from ranklet_runtime.errors import BadRequest, UnsupportedMediaType
from ranklet_runtime.function import Function

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

PLAIN = json.dumps(REQUEST).encode()
LIMIT = 6_000_000
PACKED = {"deflate": zlib.compress, "gzip": gzip.compress, "zstd": zstd.compress}
each = pytest.mark.parametrize("name", PACKED)


def ask(films: Function, body: bytes, encoding: str) -> dict[str, Any]:
    sent = event(f"/v1/models/{MODEL}:rank", body, content_type="application/json", content_encoding=encoding)
    return films(sent, None)


@pytest.mark.parametrize("encoding", ["deflate", "gzip", "GZIP", "x-gzip", "identity, gzip", "zstd", "gzip, zstd"])
def test_compressed_request_is_scored(films: Function, encoding: str) -> None:
    body = PLAIN
    for name in encoding.lower().replace("x-", "").split(", "):
        body = PACKED[name](body) if name in PACKED else body
    answer = ask(films, body, encoding)
    assert answer["statusCode"] == 200
    assert json_of(answer)["scores"] == pytest.approx(expected(REQUEST), abs=1e-6)


@each
def test_streams_one_after_the_other_are_one_body(name: str) -> None:
    pack = PACKED[name]
    assert expand(pack(PLAIN[:7]) + pack(PLAIN[7:]), name, LIMIT) == PLAIN


@each
def test_bomb_is_stopped_at_the_limit(films: Function, name: str) -> None:
    bomb = PACKED[name](bytes(300_000_000))
    assert len(bomb) < 400_000
    with pytest.raises(TooMuch):
        expand(bomb, name, LIMIT)
    answer = ask(films, bomb, name)
    assert answer["statusCode"] == 413
    assert "6000000 bytes" in json_of(answer)["error"]


@each
def test_body_of_exactly_the_limit_is_taken(name: str) -> None:
    body = bytes(range(256)) * 10
    assert expand(PACKED[name](body), name, len(body)) == body
    with pytest.raises(TooMuch):
        expand(PACKED[name](body), name, len(body) - 1)


@each
@pytest.mark.parametrize("broken", [None, b"", bytes(40)])
def test_broken_stream_is_a_bad_request(films: Function, name: str, broken: bytes | None) -> None:
    body = PACKED[name](PLAIN)[:-9] if broken is None else MAGIC[name] + broken
    with pytest.raises(BadRequest, match=name):
        expand(body, name, LIMIT)
    assert ask(films, body, name)["statusCode"] == 400


@each
def test_body_that_api_gateway_has_expanded_already_is_taken_as_it_is(films: Function, name: str) -> None:
    assert json_of(ask(films, PLAIN, name))["scores"] == pytest.approx(expected(REQUEST), abs=1e-6)


@pytest.mark.parametrize("encoding", ["br", "compress", "gzip;q=1", "x" * 300])
def test_other_encodings_are_refused_by_name(films: Function, encoding: str) -> None:
    with pytest.raises(UnsupportedMediaType, match="gzip, zstd"):
        expand(zlib.compress(PLAIN), encoding, LIMIT)
    assert ask(films, PLAIN, encoding)["statusCode"] == 415


def test_zstd_is_refused_where_its_library_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compressed, "_zstd", lambda: None)
    with pytest.raises(UnsupportedMediaType, match="zstd"):
        expand(zstd.compress(PLAIN), "zstd", LIMIT)
    assert expand(gzip.compress(PLAIN), "gzip", LIMIT) == PLAIN


def test_request_without_a_body_may_name_an_encoding(films: Function) -> None:
    assert films(event("/ping", method="GET", content_encoding="gzip"), None)["statusCode"] == 200
