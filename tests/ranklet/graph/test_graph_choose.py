"""The choice: by measurement, at no number of candidates slower, with a reason for whatever was not taken."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pytest
from graph_hand import Net, load
from hypothesis import given, settings
from hypothesis import strategies as st

from ranklet.graph import choose, times
from ranklet.graph.choose import Choice, NoRest
from ranklet.graph.compiler import compile
from ranklet.graph.records import Options
from ranklet.graph.report import lines
from ranklet.graph.times import BASE, CONTROL, REST, SHIPPED, Build, Runs

Cost = Callable[[int], float]


class Clock:
    """Runs that take the given time on a clock of our own. spent: of the number of candidates, seconds."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 0.0
        monkeypatch.setattr(times.time, "thread_time", lambda: self.now)
        self.measured: list[int] = []

    def runs(self, costs: Mapping[str, Cost]) -> Build:
        def spend(cost: Cost, n: int) -> None:
            self.now += cost(n)

        def build(n: int) -> Runs:
            self.measured.append(n)
            return {name: (lambda cost=cost: spend(cost, n)) for name, cost in costs.items()}

        return build


def uncut(n: int) -> float:
    return n * 1e-3


def by(one: float, many: float) -> Cost:
    """A split that is so many times as fast as uncut for one candidate, and for more of them."""
    return lambda n: uncut(n) / (one if n == 1 else many)


def none(name: str) -> Build:
    raise NoRest("a record of 9000 bytes is above the budget of 4096")


def chosen(
    monkeypatch: pytest.MonkeyPatch,
    numbers: tuple[int, ...] = (1, 500),
    *,
    force: bool = False,
    rest: Cost | None = None,
    control: Cost = uncut,
    **costs: Cost,
) -> Choice:
    clock, base = Clock(monkeypatch), {BASE: uncut, CONTROL: control}

    def rested(name: str) -> Build:
        return none(name) if rest is None else clock.runs({**base, name: costs[name], REST: rest})

    return choose.choose(clock.runs({**base, **costs}), numbers, force=force, rested=rested)


def test_fastest_on_average_ships(monkeypatch):
    found = chosen(monkeypatch, A=by(1.0, 2.0), B=by(1.0, 3.0))
    assert (found.best, found.below) == ("B", 0)
    assert "1.41× on average" in found.declined["A"]
    assert found.control == pytest.approx(1)


def test_what_is_slower_at_many_candidates_never_ships(monkeypatch):
    found = chosen(monkeypatch, A=by(9.0, 0.9), B=by(1.0, 1.2), rest=uncut)
    assert found.best == "B"
    assert found.declined["A"] == "0.90× at N = 500: slower than uncut"


def test_uncut_ships_where_nothing_is_faster(monkeypatch):
    found = chosen(monkeypatch, A=by(0.5, 1.1), B=by(0.9, 0.9))
    assert found.best == "uncut" and set(found.declined) == {"A", "B"}


def test_what_is_slower_for_one_candidate_does_not_ship_alone(monkeypatch):
    """However little it is, and however much it gains elsewhere."""
    found = chosen(monkeypatch, A=by(0.9, 300.0), B=by(1.0, 2.0))
    assert found.best == "B"
    assert found.declined["A"].startswith(
        "0.90× at N = 1, and no uncut graph can stand in there: a record of 9000 bytes"
    )


def test_the_rest_graph_stands_in_where_the_split_is_slower(monkeypatch):
    found = chosen(monkeypatch, A=by(0.5, 3.0), rest=uncut)
    assert (found.best, found.below) == ("A", 2)
    shipped = {t.n: t.speedup for t in found.timings if t.candidate == SHIPPED}
    assert shipped == {1: pytest.approx(1.0), 500: pytest.approx(3.0)}
    assert found.reason == "1.73× on average over N = 1, 500; the rest graph below 2 candidates"


def test_a_rest_graph_that_is_slower_than_uncut_helps_nobody(monkeypatch):
    found = chosen(monkeypatch, A=by(0.5, 3.0), rest=lambda n: uncut(n) * 1.2)
    assert found.best == "uncut"
    assert found.declined["A"] == "when timed again: 0.83× at N = 1, where the rest graph serves: slower than uncut"


@pytest.mark.parametrize("pays", [2, 3, 7, 40, 99, 100])
def test_the_threshold_is_never_below_the_number_from_which_the_split_pays(monkeypatch, pays):
    def split(n: int) -> float:
        return uncut(n) * (2 if n < pays else 0.5)

    found = chosen(monkeypatch, (1, 100, 500), A=split, rest=uncut)
    assert pays <= found.below <= min(100, 2 * pays)


@settings(max_examples=60, deadline=None)
@given(
    st.floats(0, 3000), st.floats(0.05, 1.5), st.floats(0.9, 1.1), st.sets(st.integers(1, 2000), min_size=1, max_size=5)
)
def test_what_ships_is_slower_at_no_number_that_was_measured(fixed, share, rest, numbers):
    """fixed: what the split makes per user, in µs; share: of the uncut graph's work per candidate."""

    def split(n: int) -> float:
        return fixed * 1e-6 + uncut(n) * share

    def stand_in(n: int) -> float:
        return uncut(n) / rest

    with pytest.MonkeyPatch.context() as patch:
        found = chosen(patch, tuple(sorted(numbers)), A=split, rest=stand_in)
    if found.best == BASE:
        return
    for n in numbers:
        taken = stand_in(n) if n < found.below else split(n)
        assert taken <= uncut(n) * times.SAME[1]


def test_numbers_may_come_in_any_order(monkeypatch):
    found = chosen(monkeypatch, (500, 1, 100), A=by(0.5, 3.0), rest=uncut)
    assert (found.best, found.below) == ("A", 2)


def test_force_ships_the_best_split_all_the_same(monkeypatch):
    found = chosen(monkeypatch, A=by(0.5, 0.8), B=by(0.5, 0.7), force=True)
    assert found.best == "A" and set(found.declined) == {"B"}


def test_the_rest_graph_is_not_timed_where_many_candidates_are_split(monkeypatch):
    clock = Clock(monkeypatch)
    base = {BASE: uncut, CONTROL: uncut, "A": by(0.5, 3.0)}
    seen: list[int] = []

    def slow(n: int) -> float:
        seen.append(n)
        return uncut(n)

    choose.choose(clock.runs(base), (1, 100, 500), force=False, rested=lambda name: clock.runs({**base, REST: slow}))
    assert max(seen) == 100


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
    assert {t.n for t in done.report.timings} >= {1, 3}
    accounts = done.report.accounts
    assert accounts["uncut"].flops > accounts["cross"].flops
    assert set(accounts) >= {"uncut", "user", "item", "cross"}
    assert all(account.opens_ms > 0 for account in accounts.values())


def test_compiling_twice_gives_the_same_bytes():
    options = Options(only="A", below=4)
    made = [compile(load(net()), {"u": "user", "i": "item"}, options) for _ in range(2)]
    for kind in ("whole", "user", "item", "cross", "rest"):
        assert getattr(made[0], kind).content == getattr(made[1], kind).content


def test_a_user_part_that_is_kept_is_never_joined_to_the_rest():
    options = Options(mode="force", candidates=(1, 3), apart=True)
    done = compile(load(net()), {"u": "user", "i": "item"}, options)
    assert done.report.shipped in ("A", "B") and done.fused is None
    assert not any("+" in t.candidate for t in done.report.timings)


def test_a_gain_within_the_noise_does_not_ship(monkeypatch):
    """The uncut graph differs from itself by a fifth: a split that gains a tenth is no better."""
    found = chosen(monkeypatch, (100, 500), control=lambda n: uncut(n) * 1.2, A=by(1.1, 1.1), B=by(1.3, 1.3))
    assert found.best == "B" and found.noise == pytest.approx(1.2)
    assert found.declined["A"] == "1.10× on average, B gives 1.30×"
    alone = chosen(monkeypatch, (100, 500), control=lambda n: uncut(n) * 1.2, A=by(1.1, 1.1))
    assert alone.declined["A"] == "1.10× on average: no more than the noise of 1.20×"


def test_a_win_that_does_not_repeat_does_not_ship(monkeypatch):
    """B is the quicker only while all are timed; alone with the uncut graph it is slower."""
    clock, calls = Clock(monkeypatch), [0]

    def lucky(n: int) -> float:
        return uncut(n) * (0.1 if calls[0] == 1 else 2.0)

    costs = {BASE: uncut, CONTROL: uncut, "A": by(2.0, 2.0), "B": lucky}

    def build(n: int) -> Runs:
        calls[0] += 1
        return clock.runs(costs)(n)

    found = choose.choose(build, (100,), force=False, rested=none)
    assert found.best == "A"
    assert found.declined["B"] == "when timed again: 0.50× at N = 100: slower than uncut"


def test_record_and_row_of_what_ships_are_the_candidates_own():
    done = compile(load(net()), {"u": "user", "i": "item"}, Options(only="A", below=4))
    assert done.rest is not None and done.record is not None
    assert done.report.below == 4 and done.record.width == 8 + 4 and done.report.grown == 4
    plain = compile(load(net()), {"u": "user", "i": "item"}, Options(only="A"))
    assert plain.rest is None and plain.record is not None and plain.record.width == 8
    assert np.isclose(done.report.worst, plain.report.worst, atol=1e-5)
