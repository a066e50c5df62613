"""Random features over a fixed set of inputs, one strategy for each kind; a further kind is one more line in `KIND`.

The inputs cover every side, type and shape. `rows` draws values for them, `narrow` ones fit 32-bit buffers.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from features_support import MemoryStore, plan_of, table
from hypothesis import strategies as st

from ranklet_features import Feature, FeaturePlan, Input

WORDS = ["a", "b", "c", "żółw", "", "a\x00"]
INPUTS = {
    "u_int": Input("user", "int"),
    "u_float": Input("user", "float"),
    "u_word": Input("user", "string"),
    "u_ints": Input("user", "int", list=True),
    "u_words": Input("user", "string", list=True),
    "u_vector": Input("user", "float", length=3),
    "c_time": Input("context", "int"),
    "i_int": Input("item", "int"),
    "i_float": Input("item", "float"),
    "i_word": Input("item", "string"),
    "i_ints": Input("item", "int", list=True),
    "i_words": Input("item", "string", list=True),
    "i_floats": Input("item", "float", list=True),
    "i_vector": Input("item", "int", length=2),
}
FAR_APART = (1e30, 1.0, -1e30)
"""Summed in another order, these give another sum."""
STORES = (
    MemoryStore(table("ints", dim=3), {i: (i / 3, -i, 0.1) for i in range(12)}),
    MemoryStore(
        table("far", dim=1, placement="dynamodb", missing="row", default=(0.7,)),
        {i: (FAR_APART[i % 3],) for i in range(9)},
    ),
    MemoryStore(table("words", key="string", dim=2), {word: (i / 3, 0.3) for i, word in enumerate(WORDS)}),
)


def one_of(*names: str) -> st.SearchStrategy[tuple[str]]:
    return st.sampled_from(names).map(lambda name: (name,))


def some(**options: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=options)


def _expression(of: tuple[str, ...], expr: str, **options: Any) -> Feature:
    return Feature("expression", of, {"expr": expr, **options})


OOV = st.one_of(st.just({}), st.sampled_from([{"oov_index": -1}, {"oov_index": 0}, {"oov": "hash", "oov_buckets": 3}]))
VOCABULARIES = {"int": [3, 1, 4, 10**6], "string": WORDS[:3]}
LENGTH = some(length=st.integers(1, 4), keep=st.sampled_from(["first", "last"]), mask=st.booleans())


def ids_of(name: str) -> st.SearchStrategy[dict[str, Any]]:
    """Options that make ids of one input."""
    known: list[dict[str, Any]] = [{"vocabulary": VOCABULARIES[INPUTS[name].type]}]
    known += [{"size": 9}] if INPUTS[name].type == "int" else []
    buckets = st.builds(lambda n, seed: {"buckets": n, "seed": seed}, st.integers(1, 10**6), st.integers(0, 9))
    return st.one_of(st.builds(lambda a, b: a | b, st.sampled_from(known), OOV), buckets)


def encoded(kind: str, *names: str, more: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[Feature]:
    def of(name: str) -> st.SearchStrategy[Feature]:
        return st.builds(lambda a, b: Feature(kind, (name,), a | b), ids_of(name), more)

    return st.sampled_from(names).flatmap(of)


def looked_up(name: str, table_name: str, more: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[Feature]:
    return more.map(lambda options: Feature("embedding", (name,), {"table": table_name, **options}))


NUMBERS = ("u_int", "u_float", "u_vector", "c_time", "i_int", "i_float", "i_vector")
POOL = st.builds(lambda a, b: a | b, LENGTH, some(pool=st.sampled_from(["none", "sum", "mean"])))
PARTS = st.sampled_from(["hour", "weekday", "day", "month", "hour_of_week", "minute_of_day"])
DENSE = st.one_of(
    st.builds(lambda mean, std: {"mean": mean, "std": std}, st.floats(-9, 9), st.floats(0.1, 9)),
    st.just({"clip": [-0.5, 1e6], "log": True}),
    st.just({"clip": [0, 10], "log": True, "mean": 1 / 3, "std": 0.7}),
    st.just({}),
)
BOUNDARIES = st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=5, unique=True).map(sorted)
CROSSED = ("u_int", "u_word", "i_int", "i_word", "a_bag", "a_bucket", "a_user_bag", "an_hour")

KIND: dict[str, st.SearchStrategy[Feature]] = {
    "dense": st.builds(
        lambda of, options: Feature("dense", tuple(of), options),
        st.lists(st.sampled_from(NUMBERS), min_size=1, max_size=3),
        DENSE,
    ),
    "category": encoded("category", "u_int", "u_word", "i_int", "i_word", more=st.just({})),
    "bag": encoded("bag", "u_ints", "u_words", "i_ints", "i_words", more=LENGTH),
    "bucket": st.builds(
        lambda of, boundaries: Feature("bucket", of, {"boundaries": boundaries}),
        one_of("u_int", "u_float", "i_int", "i_float"),
        BOUNDARIES,
    ),
    "cross": st.builds(
        lambda of, buckets: Feature("cross", tuple(of), {"buckets": buckets}),
        st.lists(st.sampled_from(CROSSED), min_size=2, max_size=3),
        st.integers(1, 10**6),
    ),
    "time": st.builds(
        lambda options, part: Feature("time", ("c_time",), {"part": part, **options}),
        some(unit=st.sampled_from(["s", "ms"]), utc_offset_minutes=st.integers(-1439, 1439), cyclic=st.booleans()),
        PARTS,
    ),
    "embedding": st.one_of(
        looked_up("u_int", "ints", st.just({})),
        looked_up("i_int", "far", st.just({})),
        looked_up("i_word", "words", st.just({})),
        looked_up("u_ints", "ints", POOL),
        looked_up("i_ints", "ints", POOL),
        looked_up("i_ints", "far", POOL),
        looked_up("i_words", "words", POOL),
    ),
    # Numbers, then what the stored tables are of; for a user alone, and for all.
    "catboost": st.sampled_from(
        [
            Feature("catboost", of, {"vocabulary": "catboost.npz", "numbers": 2})
            for of in (
                ("u_float", "i_float", "u_word", "i_word", "i_int"),
                ("u_float", "u_int", "u_word", "u_word", "u_int"),
            )
        ]
    ),
    "expression": st.sampled_from(
        [
            _expression(("i_float", "u_float"), '["call","+",[["field","i_float"],["field","u_float"]],{}]'),
            _expression(("u_float",), '["call","ln",[["call","abs",[["field","u_float"]],{}]],{"missing":7}]'),
            _expression(("u_int",), '["check",["field","u_int"],{"intervals":[[0,9,"closedOpen"]]},"value",3]'),
            _expression(("i_word",), '["call","uppercase",[["field","i_word"]],{}]', vocabulary=["A", "B"]),
            _expression(("i_word", "u_word"), '["call","equal",[["field","i_word"],["field","u_word"]],{}]'),
            _expression(("u_word",), '["map",[["field","u_word"]],[[["a"],1.5]],"double",-1,null]'),
            _expression(
                ("i_int",),
                '["discretize",["field","i_int"],[[null,0,"openOpen","low"]],"string","high",null]',
                vocabulary=["high", "low"],
            ),
        ]
    ),
    "terms": st.builds(
        lambda name, index: Feature(
            "terms",
            (name,),
            {"expr": f'["field","{name}"]', "index": index, "vocabulary": "terms.json"},
        ),
        st.sampled_from(["u_word", "i_word", "i_int"]),
        st.sampled_from(["{}", '{"distance":1,"weight":"log"}', '{"words":"\\\\b[a-z]","view":true}']),
    ),
    # Of integers: not every text is a name, and those have tests of their own.
    "vw": st.builds(
        lambda of, options: Feature("vw", of, options),
        one_of("u_int", "i_int", "u_ints", "i_ints"),
        st.builds(
            lambda bits, more: {"bits": bits, **more},
            st.integers(1, 32),
            some(seed=st.integers(0, 2**32 - 1), before=st.sampled_from(["", "m=", "7"]), plain=st.booleans()),
        ),
    ),
}
PARTS_OF_CROSSES: Mapping[str, Feature] = {
    "a_bag": Feature("bag", ("i_words",), {"vocabulary": WORDS[:3], "oov_index": -1}),
    "a_user_bag": Feature("bag", ("u_ints",), {"size": 9, "length": 3, "keep": "last"}),
    "a_bucket": Feature("bucket", ("i_float",), {"boundaries": [0, 10]}),
    "an_hour": Feature("time", ("c_time",), {"part": "hour"}),
}


def plan_with(features: Mapping[str, Feature]) -> FeaturePlan:
    return plan_of(INPUTS, {**PARTS_OF_CROSSES, **features}, *STORES)


def value_of(declared: Input, narrow: bool) -> st.SearchStrategy[Any]:
    """One row's value for an input; small integers are frequent, so that vocabularies and tables are hit."""
    wide = st.integers(-(2**31), 2**31 - 1) if narrow else st.integers(-(2**63), 2**63 - 1)
    numbers = st.floats(-1e9, 1e9, width=32 if narrow else 64)
    one: st.SearchStrategy[Any] = {
        "int": st.integers(0, 12) | wide,
        "float": numbers | st.sampled_from([0.0, -0.0, 1.0]),
        "string": st.sampled_from(WORDS) | st.text(st.characters(exclude_categories=["Cs"]), max_size=6),
    }[declared.type]
    if declared.list:
        return st.lists(one, max_size=12 if declared.type == "int" else 4)
    return one if declared.length is None else st.lists(one, min_size=declared.length, max_size=declared.length)


@st.composite
def columns(draw: st.DrawFn, *, narrow: bool, min_rows: int = 0) -> dict[str, list[Any]]:
    """A column of values for every input, all of one length."""
    count = draw(st.integers(min_rows, 5))
    return {
        name: draw(st.lists(value_of(declared, narrow), min_size=count, max_size=count))
        for name, declared in INPUTS.items()
    }
