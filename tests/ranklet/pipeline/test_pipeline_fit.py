"""Parts that do not fit each other are named at build time, with the remedy."""

import re
from collections.abc import Callable

import pytest

from ranklet import pipeline
from ranklet.errors import ImportRefused, ModelError
from ranklet.project import Project

Edit = Callable[[str, str], None]


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ("hour          =", "our =", "input 'hour' is fed by 'hour', which nothing makes"),
        (
            "buckets = 1024",
            "buckets = 2048",
            "engine holds 1024 ids, its feature makes 2048",
        ),
        ('format = "numpy"', 'format = "numpy"\nrows = "user"', "differs by item"),
        ('vocabulary = ["de", "fr", "us"]', "buckets = 5", "'country_id' of the linear engine holds 4 ids"),
        ('kind = "time"', 'kind = "tyme"', "tyme"),
        ('of = "time", part', 'of = "tim", part', "no input 'tim'"),
        ('score = "score"', 'score = "sckore"', "output.score is 'sckore'; the steps make ['logit', 'score']"),
        ('item_key = "item_id"', 'item_key = "user_id"', "it must be an item input: ['item_id', 'price', 'tags']"),
        ('of = "price", clip', 'of = ["price", "price"], clip', "is 1 wide, its tensor 2"),
    ],
)
def test_a_part_that_does_not_fit_is_named(here: Project, edit: Edit, before: str, after: str, message: str) -> None:
    edit(before, after)
    with pytest.raises((ModelError, ImportRefused), match=re.escape(message)):
        pipeline.build(here.functions / "small", out=here.build)
