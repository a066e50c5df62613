"""The page in a browser, by keyboard: `pytest -m browser`, with Chromium on the machine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from chromium_kit import Browser, browser
from page_kit import Front, front

pytestmark = pytest.mark.browser

TITLES = "[...document.querySelectorAll('#films tbody .title')].map((one) => one.textContent)"
FOCUS = "((one) => one.id || one.getAttribute('aria-label') || one.textContent)(document.activeElement)"


@pytest.fixture(scope="module")
def served() -> Iterator[Front]:
    with front() as one:
        yield one


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browser(tmp_path_factory.mktemp("profile")) as page:
        yield page


@pytest.fixture
def page(served: Front, chromium: Browser) -> Iterator[Browser]:
    served.requests.clear()
    chromium.errors.clear()
    chromium.open(f"{served.url}/")
    yield chromium
    assert chromium.errors == []


def tab_to(page: Browser, wanted: str) -> None:
    """Press Tab until something has the focus."""
    for _ in range(80):
        page.press("Tab")
        if str(page.run(FOCUS)) == wanted:
            return
    raise AssertionError(f"Tab never comes to {wanted!r}")


def test_it_shows_titles_stage_scores_and_times_at_once(page: Browser) -> None:
    titles = page.run(TITLES)
    assert titles[0] == "Film 30 <b>&"
    assert len(titles) == 10
    stages = page.run("[...document.querySelectorAll('#stages tbody tr')].map((one) => one.innerText.split(/\\s+/))")
    assert [one[0] for one in stages] == ["retrieve", "rank"]
    assert "10 films in" in page.run("document.getElementById('status').textContent")
    assert page.run("document.querySelectorAll('#films thead th').length") == 6


def test_a_person_is_chosen_by_keyboard_and_what_they_saw_is_left_out(page: Browser, served: Front) -> None:
    tab_to(page, "person")
    page.press("ArrowDown")
    page.wait(f"{TITLES}[0] === 'Film 31 <b>&'")
    verb, body = served.requests[-1]
    assert verb == "recommend"
    assert body["user"] == {"age": 49, "gender": "M", "occupation": "writer", "history": [3, 4]}
    assert body["seen"] == [40, 39, 30]
    assert body["context"] == {"timestamp": 893286600}
    assert page.run("document.querySelectorAll('#liked li').length") == 2


def test_similar_films_are_one_key_away_and_there_is_a_way_back(page: Browser, served: Front) -> None:
    tab_to(page, "Films similar to Film 29 <b>&")
    page.press("Enter")
    page.wait("document.querySelectorAll('#similar-films li').length === 10")
    assert page.run(FOCUS) == "similar"
    assert page.run("document.getElementById('similar-title').textContent") == "Similar to Film 29 <b>&"
    assert served.requests[-1] == ("similar", {"item": 29, "k": 10})
    tab_to(page, "back")
    page.press("Enter")
    assert page.run(FOCUS) == "results"


def test_the_context_can_be_changed_by_keyboard(page: Browser, served: Front) -> None:
    tab_to(page, "where-genre")
    page.press("ArrowDown")
    page.wait("document.getElementById('results').getAttribute('aria-busy') === null")
    assert served.requests[-1][1]["filter"] == {"where": {"genre": ["Drama"]}}
    tab_to(page, "age")
    page.press("ArrowUp")
    page.press("Enter")
    page.wait("document.getElementById('status').textContent.includes('films in')")
    assert served.requests[-1][1]["user"]["age"] == 25


def test_a_refusal_is_told(page: Browser, served: Front) -> None:
    served.first.fault = ValueError("no")
    try:
        page.run("document.getElementById('ask').requestSubmit()")
        page.wait("document.getElementById('status').textContent.startsWith('Not answered: 500')")
    finally:
        served.first.fault = None
    page.errors.clear()  # the browser tells of the 500 itself


def test_it_fits_a_narrow_screen_and_every_control_has_a_name(page: Browser) -> None:
    page.call("Emulation.setDeviceMetricsOverride", width=360, height=740, deviceScaleFactor=1, mobile=True)
    try:
        assert page.run("document.documentElement.scrollWidth <= 360")
    finally:
        page.call("Emulation.clearDeviceMetricsOverride")
    page.call("Accessibility.enable")
    nodes = page.call("Accessibility.getFullAXTree")["nodes"]
    controls = {"button", "link", "textbox", "combobox", "spinbutton", "checkbox", "DisclosureTriangle"}
    named = [one for one in nodes if one.get("role", {}).get("value") in controls and not one.get("ignored")]
    assert len(named) > 20
    assert all(one["name"]["value"].strip() for one in named)


def test_a_picture_of_it(page: Browser, tmp_path: Path) -> None:
    (tmp_path / "page.png").write_bytes(page.picture())
    assert (tmp_path / "page.png").stat().st_size > 10_000
