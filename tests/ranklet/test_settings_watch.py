"""`[watch]` of model.toml: what goes together, and whose values a line may tell."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from ranklet.settings.watch import Watch, every
from ranklet_features.spec import Input

INPUTS = {
    "age": Input("user", "int"),
    "country": Input("user", "string"),
    "hour": Input("context", "int"),
    "query": Input("context", "string"),
    "price": Input("item"),
    "title": Input("item", "string"),
}


def watch(**fields: Any) -> Watch:
    return msgspec.convert(fields, Watch)


def test_by_default_there_are_alarms_a_dashboard_and_lines_without_values() -> None:
    default = watch()
    assert default.alarms.on and default.dashboard and default.queries and default.phases
    assert (every(default.sample), every(default.health)) == (1000, 0)
    assert default.logged(INPUTS) == ()


@pytest.mark.parametrize(
    ("fields", "logged"),
    [
        ({"log_inputs": ["price", "age"]}, ("age", "price")),
        ({"log_inputs": ["item.*"]}, ("price", "title")),
        ({"log_inputs": ["item.*", "context.*"]}, ("hour", "query", "price", "title")),
        (
            {"log_inputs": ["item.*", "context.*", "country"], "redact": ["query", "title"]},
            ("country", "hour", "price"),
        ),
    ],
)
def test_values_are_told_of_inputs_that_are_named(fields: dict[str, Any], logged: tuple[str, ...]) -> None:
    assert watch(**fields).logged(INPUTS) == logged


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"log_inputs": ["user.*"]}, r'log_inputs has "user\.\*"'),
        ({"log_inputs": ["price"], "sample": 0.0}, "sample = 0 writes none"),
        ({"redact": ["price"]}, "redact takes inputs out of"),
        ({"log_inputs": ["price"], "redact": ["age"]}, "redact takes inputs out of"),
        ({"log_inputs": ["item.*", "price"], "redact": ["price"]}, "'price' is in log_inputs and in redact"),
        ({"reference": "rows.csv"}, "health = 0"),
        ({"sample": 1.5}, r"<= 1.0.*\$\.sample"),
        ({"health": -0.1}, r">= 0.0.*\$\.health"),
        ({"topic": "oncall"}, r"\$\.topic"),
        ({"alarms": {"errors": 101}}, r"\$\.alarms\.errors"),
        ({"alarms": {"p99_ms": -1}}, r"\$\.alarms\.p99_ms"),
        ({"alarms": {"latency": 1}}, "unknown field `latency`"),
        ({"dashboards": True}, "unknown field `dashboards`"),
    ],
)
def test_what_does_not_go_together_is_refused_by_its_field(fields: dict[str, Any], why: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=why):
        watch(**fields)


@pytest.mark.parametrize("field", ["log_inputs", "redact"])
def test_a_name_that_is_no_input_is_refused(field: str) -> None:
    fields = {"log_inputs": ["item.*"]}
    fields[field] = [*fields.get(field, []), "prize"]
    with pytest.raises(ValueError, match=rf"watch\.{field} names 'prize'"):
        watch(**fields).logged(INPUTS)


@pytest.mark.parametrize(("share", "each"), [(0.0, 0), (1.0, 1), (0.5, 2), (0.3, 3), (0.01, 100), (0.9, 1)])
def test_a_share_is_each_so_many_th(share: float, each: int) -> None:
    assert every(share) == each
