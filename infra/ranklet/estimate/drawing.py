"""Dollars a month against requests a second, every way as a line: where they cross is what one looks for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from ranklet.errors import ModelError
from ranklet.estimate.account import Account
from ranklet.estimate.usage import Usage

SUFFIXES = (".svg", ".png", ".pdf")
POINTS = 60
SPAN = 30.0
"""How far below and above the asked rate the picture goes."""


def draw(path: Path, title: str, usage: Usage, at: Callable[[Usage], Account]) -> None:
    """Write the picture. at: the account under some usage. Raises ModelError for another ending, or no matplotlib."""
    if path.suffix not in SUFFIXES:
        raise ModelError(f"{path.name}: pictures end in {', '.join(SUFFIXES)}")
    try:
        from matplotlib.figure import Figure  # an extra, and slow to import
    except ImportError as error:
        raise ModelError('pictures need matplotlib: pip install -e ".[picture]"') from error
    rates = np.geomspace(usage.rps / SPAN, usage.rps * SPAN, POINTS)
    accounts = [at(replace(usage, rps=float(rate))) for rate in rates]
    figure = Figure(figsize=(9, 5.5), layout="constrained")
    axes = figure.add_subplot()
    for place, way in enumerate(accounts[0].compute):
        style = "-" if way.name in accounts[0].chosen else "--"
        axes.plot(rates, [_whole(one, place) for one in accounts], style, label=f"Lambda, {way.name}")
    for place, way in enumerate(accounts[0].others):
        axes.plot(rates, [one.others[place].total for one in accounts], ":", label=way.name)
    axes.axvline(usage.rps, color="#999999", linewidth=0.8)
    axes.set(xscale="log", yscale="log", xlabel="requests a second", ylabel="dollars a month", title=title)
    axes.grid(visible=True, which="major", linewidth=0.4)
    axes.legend()
    figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None)


def _whole(found: Account, place: int) -> float:
    """A way to compute, with the rows and the API that model.toml has."""
    rest = [way.total for way in (*found.api, *found.rows) if way.name in found.chosen]
    return found.compute[place].total + sum(rest)
