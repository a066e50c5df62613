"""Where a bucket is and how a request to it is signed, beside botocore's own requests."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any
from unittest import mock

import boto3
import pytest
from botocore.config import Config
from hypothesis import given, settings
from hypothesis import strategies as st
from snapshots_support import BUCKET, environ

from ranklet_features.errors import StoreUnavailable
from ranklet_features.stores.aws.credentials import provider
from ranklet_features.stores.aws.sigv4 import Signer
from ranklet_features.stores.snapshots.bucket import Bucket, Span, address

NOW = 1_767_225_607.0
KEYS = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x2FFF, exclude_characters="\x7f"), min_size=1)


def boto_request(bucket: str, key: str, span: Span, given: dict[str, str], style: str) -> Any:
    """The request that botocore sends for the same range at the same time."""
    client = boto3.client(
        "s3",
        region_name=given["AWS_REGION"],
        endpoint_url=given.get("AWS_ENDPOINT_URL_S3"),
        aws_access_key_id=given["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=given["AWS_SECRET_ACCESS_KEY"],
        aws_session_token=given.get("AWS_SESSION_TOKEN"),
        config=Config(s3={"addressing_style": style}, signature_version="s3v4", retries={"max_attempts": 0}),
    )
    sent: list[Any] = []

    class Stop(Exception):
        pass

    def stop(request: Any, **_: Any) -> None:
        sent.append(request)
        raise Stop

    client.meta.events.register_last("before-send.s3.GetObject", stop)
    moment = datetime.datetime.fromtimestamp(NOW, datetime.UTC).replace(tzinfo=None)
    with mock.patch("botocore.auth.get_current_datetime", return_value=moment), pytest.raises(Stop):
        client.get_object(Bucket=bucket, Key=key, Range=f"bytes={span.start}-{span.stop - 1}")
    client.close()
    return sent[0]


def our_request(bucket: str, key: str, span: Span, given: dict[str, str]) -> tuple[str, dict[str, str]]:
    """Our request's URL and headers."""
    place = address(bucket, given)
    ours = Bucket(bucket, place, Signer(given["AWS_REGION"], "s3"), provider(given), now=lambda: NOW)
    line, *lines = ours._request(key, span, 0.0).decode().split("\r\n")
    headers = dict(one.split(": ", 1) for one in lines if one)
    method, path, version = line.split(" ")
    assert (method, version) == ("GET", "HTTP/1.1")
    return f"{place.endpoint.scheme}://{headers['host']}{path}", headers


@pytest.mark.parametrize(
    ("bucket", "region", "endpoint", "style"),
    [
        ("some-bucket", "eu-west-3", None, "virtual"),
        ("some-bucket", "us-east-1", None, "virtual"),
        ("some-bucket", "cn-northwest-1", None, "virtual"),
        ("some.bucket", "eu-west-3", None, "path"),
        ("some-bucket", "eu-west-3", "http://127.0.0.1:9000", "path"),
    ],
)
def test_address_is_botocores(bucket: str, region: str, endpoint: str | None, style: str) -> None:
    given = environ(endpoint or "", Path(), AWS_REGION=region)
    if endpoint is None:
        del given["AWS_ENDPOINT_URL_S3"]
    url, headers = our_request(bucket, "tables/a b/ü+%.npy", Span(5, 17), given)
    theirs = boto_request(bucket, "tables/a b/ü+%.npy", Span(5, 17), given, style)
    # botocore keeps the old global host name for us-east-1; the region's own is the documented one.
    assert url == theirs.url.replace(f"{bucket}.s3.amazonaws.com", f"{bucket}.s3.us-east-1.amazonaws.com")
    assert headers["range"].encode() == theirs.headers["Range"]


@settings(max_examples=60, deadline=None)
@given(key=KEYS, start=st.integers(0, 2**40), size=st.integers(1, 2**30), token=st.sampled_from(["", "token/+=="]))
def test_signature_is_what_botocore_computes(key: str, start: int, size: int, token: str) -> None:
    """botocore's signer over our very headers gives our very signature."""
    import botocore.auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials

    given = environ("http://127.0.0.1:9000", Path(), AWS_SESSION_TOKEN=token)
    url, headers = our_request(BUCKET, key, Span(start, start + size), given)
    assert ("x-amz-security-token" in headers) == bool(token)
    plain = {name: headers[name] for name in ("range", "x-amz-content-sha256")}
    request = AWSRequest(method="GET", url=url, headers=plain)
    identity = Credentials(given["AWS_ACCESS_KEY_ID"], given["AWS_SECRET_ACCESS_KEY"], token or None)
    moment = datetime.datetime.fromtimestamp(NOW, datetime.UTC).replace(tzinfo=None)
    with mock.patch("botocore.auth.get_current_datetime", return_value=moment):
        botocore.auth.S3SigV4Auth(identity, "s3", given["AWS_REGION"]).add_auth(request)
    theirs = {name.lower(): value for name, value in request.headers.items()}
    assert headers["authorization"] == theirs["authorization"]
    assert headers["x-amz-date"] == theirs["x-amz-date"]


@pytest.mark.parametrize("bucket", ["", "a", "A-bucket", "a_bucket", "a/b", "a\r\nb", "-ab", "x" * 64])
def test_what_is_no_bucket_is_refused(bucket: str) -> None:
    with pytest.raises(StoreUnavailable, match="no bucket's name"):
        address(bucket, environ("http://127.0.0.1:9000", Path()))
