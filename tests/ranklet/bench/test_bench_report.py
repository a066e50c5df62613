"""A report is one file that loads nothing, is well-formed, and says every number in text too."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from ranklet.bench import documents, figures, report
from ranklet.bench.base import Report, Row, absent
from ranklet.bench.documents import Document
from ranklet.bench.report import svg
from ranklet.bench.report.plots import plots
from ranklet.bench.report.svg import Bar, Part, Point
from ranklet.errors import BenchError

MACHINE = {"processor": "A <fast> one", "cores": 2, "system": "Linux", "python": "3.13.0", "load": 0.5}
TIMES = [Row(f"handler-us-{form}", n, float(n + 50), "µs", (n + 40.0, n + 70.0)) for form in ("json", "msgpack")
         for n in (1, 100, 500)]  # fmt: skip
RATIOS = [Row("handler-over-run-json", n, 1.3, "ratio", (1.2, 1.44), "session.run") for n in (100, 500)]
PARTS = (("python", 9.0), ("python-wall", 10.0), ("numpy", 80.0))
STAGES = [Row(f"waterfall-onnx-{name}", None, ms, "ms", None) for name, ms in PARTS]
ROWS = [*TIMES, *RATIOS, *STAGES, Row("din", 500, 4.0, "speedup", (3.5, 4.5)), absent("x-vs-<gone>", n=1)]


def document(bench: str = "warm", **more: Any) -> Document:
    return Document.of(bench, Report(ROWS, more.pop("noisy", False), MACHINE, "2026-01-02T03:04:05+00:00", **more))


class Tags(HTMLParser):
    """Every tag and attribute; refuses a page whose tags do not close."""

    VOID = ("meta", "circle", "line", "rect", "polyline", "polygon", "br")

    def __init__(self, text: str) -> None:
        super().__init__()
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self._open: list[str] = []
        self.feed(text)
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag


def test_a_page_is_well_formed_and_loads_nothing(tmp_path: Path) -> None:
    report.write(
        [document(noisy=True, over=("b is 6 & more",)), Document("gone", [], error="it <fell>")], tmp_path / "r"
    )
    text = (tmp_path / "r").read_text()
    tags = Tags(text)
    names = {tag for tag, _ in tags.seen}
    assert not names & {"script", "link", "img", "iframe", "object", "embed", "base", "image", "use"}
    assert not {name for _, attrs in tags.seen for name in attrs} & {"src", "srcset", "onclick", "xlink:href"}
    assert all((attrs["href"] or "").startswith("#") for _, attrs in tags.seen if "href" in attrs)
    assert not re.search(r"https?://|url\(|@import", text)
    targets = {attrs["id"] for _, attrs in tags.seen if "id" in attrs}
    assert {attrs["href"] for _, attrs in tags.seen if "href" in attrs} <= {f"#{target}" for target in targets}
    assert "prefers-color-scheme: dark" in text and 'lang="en"' in text
    for said in ("A &lt;fast&gt; one", "it &lt;fell&gt;", "b is 6 &amp; more", "x-vs-&lt;gone&gt;", "absent", "Noisy"):
        assert said in text


def test_every_figure_stands_in_a_table(tmp_path: Path) -> None:
    text = report.page([document()])
    for row in ROWS:
        assert f">{row.figure}<".replace("<gone>", "&lt;gone&gt;") in text
    assert "1.44" in text


def test_each_picture_is_xml_with_a_title_and_a_sentence() -> None:
    pictures = re.findall(r"<svg role.*?</svg>", "".join(plots("warm", ROWS)), re.DOTALL)
    roots = [ElementTree.fromstring(picture) for picture in pictures]
    assert [root[0].tag for root in roots] == ["title"] * 4 and [root[1].tag for root in roots] == ["desc"] * 4
    waterfall, times, ratio, speedup = (root[1].text or "" for root in roots)
    assert waterfall == "python: 9 ms from 0; numpy: 80 ms from 9"
    assert "handler-us-json: 51 at 1, 150 at 100, 550 at 500" in times
    assert ratio == "handler-over-run-json: 1.3 (1.2 to 1.44)"
    assert speedup == "din: 4 (3.5 to 4.5)"


def test_series_differ_by_mark_and_dash_and_the_legend_shows_both() -> None:
    text = "".join(plots("warm", TIMES))
    assert text.count('<ul class="legend">') == 1
    legend = text.split('<ul class="legend">')[1]
    assert "<circle" in legend and "<polygon" in legend
    assert len({svg.mark(number, 0, 0).split("class")[0] + str(number % 4) for number in range(8)}) >= 4


def test_places_on_an_axis_are_in_order_and_inside() -> None:
    series = {"a": [Point(1, 2.0, 1.5, 3.0), Point(2000, 9000.0, 8000.0, 10_000.0)], "b": [Point(1, 0.0, 0.0, 0.0)]}
    root = ElementTree.fromstring(svg.lines("t", series, x="n", y="µs"))
    (line, *_) = [one for one in root.iter("polyline") if one.get("points")]
    (x1, y1), (x2, y2) = (map(float, place.split(",")) for place in (line.get("points") or "").split())
    assert svg.LEFT < x1 < x2 < svg.WIDTH and svg.TOP <= y2 < y1 <= svg.HEIGHT - svg.BOTTOM


@pytest.mark.parametrize("values", [(0.0,), (1e-9, 1e9), (1.0, 1.0), (5e-3,), ()])
def test_any_values_can_be_drawn(values: tuple[float, ...]) -> None:
    bars = [Bar(f"b{at}", value, value / 2, value * 2) for at, value in enumerate(values)]
    ElementTree.fromstring(svg.bars("t", bars, unit="ratio"))
    ElementTree.fromstring(
        svg.lines("t", {"a": [Point(5, bar.value, bar.least, bar.greatest) for bar in bars]}, x="", y="")
    )
    ElementTree.fromstring(svg.waterfall("t", [Part(bar.label, 0.0, bar.value) for bar in bars], unit="ms"))


def test_reports_are_read_as_they_were_printed(tmp_path: Path) -> None:
    one, all_ = tmp_path / "warm.json", tmp_path / "all.json"
    plain = Report(ROWS, True, MACHINE, "2026-01-02T03:04:05+00:00")
    one.write_text(json.dumps(plain.document()))
    failed = Document("tables", [], date="2026-01-02", error="wrong", seconds=1.5, quick=True)
    all_.write_text(json.dumps(documents.joined([document(noisy=True), failed], MACHINE, "2026-01-02")))
    (read,) = documents.read(one)
    assert read == Document.of("warm", plain) or list(read.rows) == ROWS
    first, second = documents.read(all_)
    assert (first.bench, list(first.rows), first.noisy) == ("warm", ROWS, True)
    assert (second.error, second.seconds, second.quick, second.rows) == ("wrong", 1.5, True, [])


@pytest.mark.parametrize("content", [b"", b"[]", b'{"rows": 1}', b'{"rows": [{"figure": "a"}], "noisy": false}'])
def test_what_is_no_report_is_refused_by_its_name(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.json").write_bytes(content)
    with pytest.raises(BenchError, match=r"^x\.json is no report"):
        documents.read(tmp_path / "x.json")
    with pytest.raises(BenchError, match=r"^y\.json is no report"):
        documents.read(tmp_path / "y.json")


def test_the_table_has_every_figure_with_its_verdict() -> None:
    rows = [
        Row("handler-over-run-json", 500, 1.2, "ratio", (1.1, 1.3), "session.run"),
        Row("handler-over-run-json", 100, 1.4, "ratio", (1.3, 1.9), "session.run"),
        Row("handler-over-run-msgpack", 500, 1.21, "ratio", None, "session.run"),
    ]
    peers = [Row("v2-json-vs-mangum", 100, 0.2, "ratio", (0.1, 0.25), "mangum"), absent("cold-vs-mlserver", n=100)]
    sizes = [
        Row(f"layers-{name}-unzipped-mb", None, size, "MB", None) for name, size in (("onnx", 91.5), ("numpy", 44.0))
    ]
    given = [
        Document("warm", rows, True, MACHINE, "2026-01-02T03:04:05+00:00", quick=True),
        Document("peers", peers, False, MACHINE, "2026-01-03T03:04:05+00:00"),
        Document("cold", sizes, False, {**MACHINE, "load": 9}, "2026-01-04T03:04:05+00:00"),
    ]
    text = "\n".join(figures.markdown(given))
    assert "N = 500 | ≤ 1.45 | ≤ 1.25 | 1.2 (1.1 – 1.3) | aim reached |" in text
    assert "N = 100 | ≤ 1.5 | ≤ 1.3 | 1.4 (1.3 – 1.9) | must reached |" in text
    assert "msgpack, N = 500 | ≤ 1.2 | ≤ 1.1 | 1.21 | **missed** |" in text
    assert "N = 100 | ≤ 1/3.5 | ≤ 1/5 | 1/5 (1/10 – 1/4) | aim reached |" in text
    assert "MLServer | ≤ 1/8 | ≤ 1/15 | absent | peer absent |" in text
    assert "| ≤ 105 MB | ≤ 90 MB | 91.5 MB | must reached |" in text and "| ≤ 65 MB | ≤ 45 MB | 44 MB |" in text
    assert "| not measured: `ranklet bench tables` |  |" in text
    assert text.count("not measured") == len(figures.FIGURES) - 7
    assert "`warm` (noisy, quick) 2026-01-02T03:04, `peers` 2026-01-03T03:04" in text
    assert text.count("A <fast> one, 2 cores, Linux, Python 3.13.0.") == 1
    assert "Load before the benches 0.5 to 9." in text


def test_the_last_report_of_a_figure_counts() -> None:
    old, new = (Document("warm", [Row("telemetry-us", None, value, "µs", None)]) for value in (50.0, 2.0))
    (found,) = [one for one in figures.found([old, new]) if one.value is not None]
    assert found.value == 2.0 and found.verdict == "must"


def test_the_table_replaces_the_one_between_its_marks_and_nothing_else(tmp_path: Path) -> None:
    page = tmp_path / "README.md"
    page.write_text("# A\n\n<!-- figures -->\nold\n<!-- /figures -->\n\nend\n")
    for _ in range(2):
        figures.put(["| new |"], page)
        assert page.read_text() == "# A\n\n<!-- figures -->\n| new |\n<!-- /figures -->\n\nend\n"
    page.write_text("<!-- figures -->\n")
    with pytest.raises(BenchError, match=r"README\.md has no place"):
        figures.put(["| new |"], page)
