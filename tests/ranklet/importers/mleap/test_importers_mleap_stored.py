"""Imported bundles answer as Spark and scikit-learn did: stored answers, of rows with unknown and missing values."""

from __future__ import annotations

import mleap_kit as kit
import pytest

NAMES = kit.names()


@pytest.mark.parametrize("name", NAMES)
def test_bundles_answer_as_their_library_does(name: str) -> None:
    bundle, rows, answers = kit.stored(name)
    proposal = kit.proposed(bundle, **kit.options(name))
    found = kit.answers(proposal, rows)
    for column, wanted in answers.items():
        worst = max(map(kit.apart, found[column], wanted))
        exact = all(one is None or isinstance(one, str) or float(one).is_integer() for one in wanted)
        assert worst <= (0 if exact else kit.RELATIVE), column


def test_there_are_many_of_them() -> None:
    assert len(NAMES) >= 60
