"""The choice: by measurement, never slower, with a reason for whatever was not taken."""

from __future__ import annotations

import numpy as np
import pytest
from graph_hand import Net, load

from ranklet.graph import choose
from ranklet.graph.compiler import compile
from ranklet.graph.records import Options
from ranklet.graph.report import lines


def clock(monkeypatch: pytest.MonkeyPatch, costs: dict[tuple[str, int], float]) -> object:
    """Runs that take the given time on a clock of our own."""
    now = [0.0]
    monkeypatch.setattr(choose.time, "thread_time", lambda: now[0])

    def build(n: int) -> dict[str, object]:
        def spend(name: str) -> None:
            now[0] += costs[(name, n)]

        return {name: (lambda name=name: spend(name)) for name, m in costs if m == n}

    return build


def costs(**speedups: tuple[float, float]) -> dict[tuple[str, int], float]:
    found = {}
    for n, place in ((1, 0), (500, 1)):
        found |= {("uncut", n): n * 1e-3, ("control", n): n * 1e-3}
        found |= {(name, n): n * 1e-3 / pair[place] for name, pair in speedups.items()}
    return found


def test_fastest_on_average_ships(monkeypatch):
    found = choose.choose(clock(monkeypatch, costs(A=(1.0, 2.0), B=(1.0, 3.0))), (1, 500), force=False)
    assert found.best == "B"
    assert "1.41× on average" in found.declined["A"]
    assert found.control == pytest.approx(1)


def test_what_is_slower_at_many_candidates_never_ships(monkeypatch):
    found = choose.choose(clock(monkeypatch, costs(A=(9.0, 0.9), B=(1.0, 1.1))), (1, 500), force=False)
    assert found.best == "B"
    assert found.declined["A"] == "0.90× at N = 500: slower than uncut"


def test_uncut_ships_where_nothing_is_faster(monkeypatch):
    found = choose.choose(clock(monkeypatch, costs(A=(0.5, 1.1), B=(0.9, 0.9))), (1, 500), force=False)
    assert found.best == "uncut" and set(found.declined) == {"A", "B"}


def test_force_ships_the_best_split_all_the_same(monkeypatch):
    assert choose.choose(clock(monkeypatch, costs(A=(0.5, 0.8))), (1, 500), force=True).best == "A"


def net() -> bytes:
    net = Net()
    u, i = net.input("u", ["n", 6]), net.input("i", ["n", 4])
    return net.bytes(net.op("Relu", net.dense(net.op("Concat", u, i, axis=1), 10, 8)))


def test_off_cuts_nothing_but_tables():
    done = compile(load(net()), {"u": "user", "i": "item"}, Options(mode="off"))
    assert (done.report.shipped, done.report.reason) == ("uncut", "splitting is off")
    assert done.cross is None and done.record is None


def test_report_reads_as_sentences():
    done = compile(load(net()), {"u": "user", "i": "item"}, Options(mode="force", candidates=(1, 3)))
    text = "\n".join(lines(done))
    assert f"shipped: {done.report.shipped}" in text
    assert "pushed down: Gemm v1: a dense layer over features of several sides" in text
    assert "record per item" in text
    assert {t.n for t in done.report.timings} == {1, 3}
    accounts = done.report.accounts
    assert accounts["uncut"].flops > accounts["cross"].flops
    assert set(accounts) == {"uncut", "user", "item", "cross"}


def test_compiling_twice_gives_the_same_bytes():
    made = [compile(load(net()), {"u": "user", "i": "item"}, Options(mode="force", candidates=(3,))) for _ in range(2)]
    assert made[0].whole.content == made[1].whole.content
    assert np.array_equal(made[0].item is None, made[1].item is None)


def test_a_gain_within_the_noise_does_not_ship(monkeypatch):
    """The uncut graph differs from itself by a fifth: a split that gains a tenth is no better."""
    moved = [0.0]

    def build(n: int) -> dict[str, object]:
        def spend(cost: float) -> None:
            moved[0] += cost

        return {
            "uncut": lambda: spend(1.0),
            "control": lambda: spend(1.2),
            "A": lambda: spend(1 / 1.1),
            "B": lambda: spend(1 / 1.3),
        }

    monkeypatch.setattr(choose.time, "thread_time", lambda: moved[0])
    found = choose.choose(build, (100, 500), force=False)
    assert found.best == "B" and found.noise == pytest.approx(1.2)
    assert found.declined["A"] == "1.10× on average: no more than the noise of 1.20×"


def test_a_win_that_does_not_repeat_does_not_ship(monkeypatch):
    """B is the quicker only while all are timed; alone with the uncut graph it is slower."""
    moved = [0.0]

    def build(n: int) -> dict[str, object]:
        def spend(cost: float) -> None:
            moved[0] += cost

        def lucky() -> None:
            spend(0.1 if first[0] else 2.0)

        def other() -> None:
            spend(0.5)

        return {"uncut": lambda: spend(1.0), "control": lambda: spend(1.0), "A": other, "B": lucky}

    first = [True]
    measured = choose._measured

    def once(built: object) -> object:
        try:
            return measured(built)
        finally:
            first[0] = False

    monkeypatch.setattr(choose, "_measured", once)
    monkeypatch.setattr(choose.time, "thread_time", lambda: moved[0])
    found = choose.choose(build, (100,), force=False)
    assert found.best == "A"
    assert found.declined["B"] == "when timed again: 0.50× at N = 100: slower than uncut"


def test_what_costs_a_single_candidate_too_much_does_not_ship(monkeypatch):
    taken = costs(A=(0.5, 3.0), B=(0.9, 2.0))  # of 1 ms at N = 1: A costs another millisecond
    found = choose.choose(clock(monkeypatch, taken), (1, 500), force=False)
    assert found.best == "B"
    assert found.declined["A"] == "1000 µs slower than uncut at N = 1, at most 500 are spared"
