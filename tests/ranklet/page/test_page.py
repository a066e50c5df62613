"""What the front shows at `/`, and that nobody else's paths are touched by it."""

from __future__ import annotations

import json
import re
from http.client import HTTPConnection
from urllib.parse import urlsplit

import pytest
from page_kit import Front, front, told

from ranklet.local.http1.message import Request
from ranklet.local.pages import FILES, FOLDER, Page


@pytest.fixture(scope="module")
def served():  # type: ignore[no-untyped-def]
    with front() as one:
        yield one


def get(one: Front, path: str, method: str = "GET", body: object = None) -> tuple[int, str, bytes]:
    connection = HTTPConnection(urlsplit(one.url).netloc, timeout=30)
    headers = {"content-type": "application/json"}
    connection.request(method, path, body=None if body is None else json.dumps(body), headers=headers)
    answer = connection.getresponse()
    data = answer.read()
    connection.close()
    return answer.status, answer.headers["content-type"], data


@pytest.mark.parametrize("path", FILES)
def test_the_page_is_the_fronts_own(served: Front, path: str) -> None:
    status, kind, body = get(served, path)
    name, expected = FILES[path]
    assert (status, kind, body) == (200, expected, (FOLDER / name).read_bytes())


def test_what_it_shows_is_told_as_json(served: Front) -> None:
    assert json.loads(get(served, "/page.json")[2]) == told()


def test_other_paths_and_methods_are_the_routes_affair(served: Front) -> None:
    assert get(served, "/", "POST", {})[0] == 404
    assert get(served, "/page.py")[0] == 404
    assert get(served, "/../pages.py")[0] == 404
    status, _, body = get(served, "/films/v1/funnels/films:recommend", "POST", {"k": 2})
    assert (status, len(json.loads(body)["items"])) == (200, 2)


def test_no_resource_is_another_hosts_and_no_script_is_in_the_page() -> None:
    for name, _ in FILES.values():
        text = (FOLDER / name).read_text(encoding="utf-8")
        assert not re.search(r"(https?:)?//[a-z0-9-]+\.[a-z]", text)
    page = (FOLDER / "index.html").read_text(encoding="utf-8")
    assert re.findall(r"<script[^>]*>", page) == ['<script src="page.js" type="module">']
    assert not re.search(r"\son[a-z]+=", page)
    answer = Page({}).answer(Request("GET", "/", "HTTP/1.1", (), b""))
    assert answer is not None
    assert dict(answer.headers)["Content-Security-Policy"].startswith("default-src 'none'; script-src 'self'")


def test_every_field_has_a_label_and_every_table_says_what_it_is() -> None:
    page = (FOLDER / "index.html").read_text(encoding="utf-8")
    fields = re.findall(r"<(?:input|select) id=\"([a-z]+)\"", page)
    assert fields
    for name in fields:
        assert f'for="{name}"' in page or re.search(rf"<label><input id=\"{name}\"", page), name
    assert page.count("<caption>") == page.count("<table ")
    assert 'role="status"' in page
    assert '<html lang="en">' in page
