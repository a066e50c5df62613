"""Route selection by the priorities of API Gateway's documentation."""

from __future__ import annotations

import pytest

from ranklet.errors import LocalError
from ranklet.local.routes import Route, RouteTable


def table(*keys: str) -> RouteTable:
    return RouteTable([Route(key, "f") for key in keys])


def chosen(routes: RouteTable, request: str) -> str | None:
    method, path = request.split(" ")
    match = routes.match(method, path)
    return match.route.key if match else None


# The worked example of the developer guide (http-api-develop-routes, "Routing API requests"), and beyond.
DOCUMENTED = ("GET /pets/dog/1", "GET /pets/dog/{id}", "GET /pets/{proxy+}", "ANY /{proxy+}", "$default")


@pytest.mark.parametrize(
    ("request_line", "key"),
    [
        ("GET /pets/dog/1", "GET /pets/dog/1"),
        ("GET /pets/dog/2", "GET /pets/dog/{id}"),
        ("GET /pets/cat/1", "GET /pets/{proxy+}"),
        ("POST /test/5", "ANY /{proxy+}"),
        ("POST /pets/dog/1", "ANY /{proxy+}"),
        ("GET /pets", "ANY /{proxy+}"),
        ("GET /", "$default"),
    ],
)
def test_documented_requests_take_the_documented_routes(request_line: str, key: str) -> None:
    assert chosen(table(*DOCUMENTED), request_line) == key
    assert chosen(table(*reversed(DOCUMENTED)), request_line) == key


MODELS = (
    "ANY /films/{proxy+}",
    "ANY /v1/models/films",
    "ANY /v1/models/films:rank",
    "ANY /v1/models/films:predict",
    "ANY /v1/models/films/{proxy+}",
    "ANY /v1/models/films-two:rank",
)


@pytest.mark.parametrize(
    ("request_line", "key"),
    [
        ("POST /v1/models/films:rank", "ANY /v1/models/films:rank"),
        ("POST /v1/models/films:predict", "ANY /v1/models/films:predict"),
        ("POST /v1/models/films-two:rank", "ANY /v1/models/films-two:rank"),
        ("GET /v1/models/films", "ANY /v1/models/films"),
        ("GET /v1/models/films/versions/3", "ANY /v1/models/films/{proxy+}"),
        ("POST /films/v1/models/films:rank", "ANY /films/{proxy+}"),
        ("GET /v1/models/films:other", None),
        ("GET /v1/models/films/", "ANY /v1/models/films/{proxy+}"),
        ("GET /v1/models/FILMS", None),
        ("GET /films", None),
        ("GET /films/", "ANY /films/{proxy+}"),
        ("GET /v1/models//films", None),
    ],
)
def test_colons_are_literal_and_a_greedy_variable_wants_something(request_line: str, key: str | None) -> None:
    assert chosen(table(*MODELS), request_line) == key


def test_method_named_stands_above_any() -> None:
    assert chosen(table("ANY /a", "GET /a"), "GET /a") == "GET /a"
    assert chosen(table("ANY /a", "GET /a"), "POST /a") == "ANY /a"


def test_full_match_stands_above_a_greedy_one_and_a_literal_above_a_variable() -> None:
    assert chosen(table("ANY /a/{proxy+}", "ANY /{x}/b"), "GET /a/b") == "ANY /{x}/b"
    assert chosen(table("ANY /{x}/b", "ANY /a/{y}"), "GET /a/b") == "ANY /a/{y}"
    assert chosen(table("ANY /{proxy+}", "ANY /a/{proxy+}"), "GET /a/b") == "ANY /a/{proxy+}"


def test_variables_have_their_values() -> None:
    match = table("GET /users/{id}/films/{rest+}").match("GET", "/users/7/films/a/b//c")
    assert match is not None
    assert match.parameters == {"id": "7", "rest": "a/b//c"}


@pytest.mark.parametrize(
    "key", ["GET pets", "GET /a/{b}:rank", "GET /a/{b+}/c", "GET /a/x{b}", "GET", "GET /{}", "GET /a b"]
)
def test_keys_that_api_gateway_refuses_are_refused(key: str) -> None:
    with pytest.raises(LocalError, match="route key"):
        table(key)


def test_key_may_be_used_once() -> None:
    with pytest.raises(LocalError, match="more than one route has the key 'GET /a'"):
        table("GET /a", "GET /a")
