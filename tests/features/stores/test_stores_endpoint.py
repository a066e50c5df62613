from __future__ import annotations

import pytest

from ranklet_features.errors import StoreUnavailable
from ranklet_features.stores.aws.endpoint import Endpoint, endpoint, parse, region


@pytest.mark.parametrize(
    ("environ", "origin"),
    [
        ({}, Endpoint("https", "dynamodb.eu-west-3.amazonaws.com", 443, "dynamodb.eu-west-3.amazonaws.com")),
        ({"AWS_ENDPOINT_URL": "http://127.0.0.1:8000"}, Endpoint("http", "127.0.0.1", 8000, "127.0.0.1:8000")),
        (
            {"AWS_ENDPOINT_URL": "http://a:1", "AWS_ENDPOINT_URL_DYNAMODB": "https://b/"},
            Endpoint("https", "b", 443, "b"),
        ),
        ({"AWS_ENDPOINT_URL_DYNAMODB": "", "AWS_ENDPOINT_URL": "http://A:80"}, Endpoint("http", "a", 80, "a")),
        ({"AWS_ENDPOINT_URL": "http://[::1]:443"}, Endpoint("http", "::1", 443, "[::1]:443")),
    ],
)
def test_the_more_particular_variable_names_the_endpoint(environ: dict[str, str], origin: Endpoint) -> None:
    assert endpoint(environ, "eu-west-3") == origin


def test_china_has_its_own_domain() -> None:
    assert endpoint({}, "cn-northwest-1").host == "dynamodb.cn-northwest-1.amazonaws.com.cn"


@pytest.mark.parametrize(
    "url",
    [
        "ftp://a",
        "a:8000",
        "http://",
        "http://a/path",
        "http://a?x=1",
        "http://user:pw@a",
        "http://a:99999",
        "http://[::1",
    ],
)
def test_what_is_no_origin_is_refused(url: str) -> None:
    with pytest.raises(StoreUnavailable, match="AWS_ENDPOINT_URL"):
        parse(url, "AWS_ENDPOINT_URL")


def test_the_region_comes_from_the_environment() -> None:
    assert region({"AWS_REGION": "eu-west-3", "AWS_DEFAULT_REGION": "us-east-1"}) == "eu-west-3"
    assert region({"AWS_DEFAULT_REGION": "us-east-1"}) == "us-east-1"
    for bad in ("", "evil.example/", "eu west", "eu-west-3\r\n"):
        with pytest.raises(StoreUnavailable, match="AWS_REGION"):
            region({"AWS_REGION": bad})
