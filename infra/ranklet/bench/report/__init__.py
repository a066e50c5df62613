"""A report as one HTML file that needs nothing else: no script, no font, no image from anywhere.

page.py   the page: headline figures, a section a bench      plots.py  which plots a bench's rows make
svg.py    the plots                                          style.css  its colours, light and dark
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ranklet.bench.documents import Document
from ranklet.bench.report.page import page


def write(documents: Sequence[Document], path: Path) -> None:
    """Write the report."""
    path.write_text(page(documents), encoding="utf-8")
