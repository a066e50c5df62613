"""Tables of model.toml that have to do with deployment, drawn at random: as a TOML reader gives them.

A further table is a strategy of valid ones and a line in TABLES; what two tables must agree on stands in `settings`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from hypothesis import strategies as st

from ranklet.settings.api import ALLOWED, Api
from ranklet.settings.function import Function
from ranklet.settings.release import Release
from ranklet.settings.warmth import Warmth
from ranklet.settings.watch import Watch

Table = dict[str, Any]
Draw = Callable[[st.SearchStrategy[Any]], Any]

ORIGINS = st.sampled_from(["https://a.example", "https://b.example:8443", "http://localhost:3000"])
HEADER = st.sampled_from(["content-type", "authorization", "x-own"])
CIDR = st.sampled_from(["203.0.113.0/24", "10.0.0.0/8", "2001:db8::/32"])
ARN = "arn:aws:lambda:eu-west-1:210987654321:function:who"


def few(of: st.SearchStrategy[Any], *, least: int = 1) -> st.SearchStrategy[list[Any]]:
    return st.lists(of, min_size=least, max_size=3, unique=True)


def some(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Table]:
    """Any of the fields, or none."""
    return st.fixed_dictionaries({}, optional=fields)


def digits(prefix: str, count: int) -> st.SearchStrategy[str]:
    return st.text("0123456789abcdef", min_size=count, max_size=count).map(lambda text: prefix + text)


JWT = st.fixed_dictionaries(
    {"issuer": st.just("https://issuer.example"), "audience": few(st.sampled_from(["ranking", "batch"]))}
)
AUTHORIZER = st.fixed_dictionaries(
    {"function": st.sampled_from(["who", "who:live", ARN])},
    optional={
        "identity": few(st.sampled_from(["header.Authorization", "header.X-Who", "query.token"])),
        "ttl": st.integers(0, 3600),
    },
)
CORS = st.fixed_dictionaries(
    {"origins": st.just(["*"]) | few(ORIGINS)}, optional={"headers": few(HEADER), "max_age": st.integers(0, 86_400)}
)
RATES = {"rate": st.integers(1, 5000), "burst": st.integers(1, 5000)}
PLAN = st.builds(
    lambda rates, quota: {**rates, **quota},
    st.just({}) | st.fixed_dictionaries(RATES),
    some(quota=st.integers(1, 10**6), period=st.sampled_from(["day", "week", "month"])),
)
REST = some(
    waf_rate=st.integers(10, 10**6),
    vpc_endpoints=few(digits("vpce-", 17)),
    cidrs=few(CIDR),
    validate=st.sampled_from(["none", "body"]),
)


@st.composite
def api(draw: Draw) -> Table:
    """A valid `[api]`."""
    kind = draw(st.sampled_from(sorted(ALLOWED)))
    auth = draw(st.sampled_from(ALLOWED[kind]))
    table: Table = {"kind": kind, "auth": auth, **draw(some(cors=CORS, versions=st.booleans()))}
    if auth == "jwt":
        table["jwt"] = draw(JWT)
    if auth == "lambda":
        table["authorizer"] = draw(AUTHORIZER)
    if kind == "rest":
        table |= draw(some(throttle=st.fixed_dictionaries(RATES), rest=REST))
        if auth == "key" and draw(st.booleans()):
            table["rest"] = {**table.get("rest", {}), "plan": draw(PLAN)}
        if auth == "iam" and draw(st.booleans()):
            table["rest"] = {**table.get("rest", {}), "accounts": ["210987654321"]}
    return table


VPC = st.fixed_dictionaries({"subnets": few(digits("subnet-", 17), least=2), "security_groups": few(digits("sg-", 17))})


@st.composite
def function(draw: Draw) -> Table:
    """A valid `[function]`."""
    return draw(
        some(
            memory=st.integers(128, 10_240),
            tmp=st.integers(512, 10_240),
            timeout=st.integers(1, 29),
            reserved=st.integers(1, 1000),
            architecture=st.sampled_from(["x86_64", "arm64"]),
            log_days=st.sampled_from([1, 14, 365]),
            vpc=VPC,
            kms_key=st.just("arn:aws:kms:eu-west-1:123456789012:key/0a-1b"),
            tracing=st.booleans(),
            client=st.sampled_from(["ranklet", "stock"]),
        )
    )


@st.composite
def warmth(draw: Draw) -> Table:
    """A valid `[warmth]`."""
    kind = draw(st.sampled_from(["none", "provisioned", "snapstart"]))
    if kind != "provisioned":
        return {"kind": kind}
    count = draw(st.integers(1, 20))
    table: Table = {"kind": kind, "count": count}
    if draw(st.booleans()):
        table["max"] = draw(st.integers(count, 40))
        table |= draw(some(utilisation=st.sampled_from([0.1, 0.5, 0.9])))
    if draw(st.booleans()):
        schedule = {"cron": "0 8 ? * MON-FRI *", "min": draw(st.integers(1, count)), "timezone": "Europe/Vienna"}
        table["schedules"] = [schedule]
    return table


RELEASE_ALARMS = some(
    errors=st.integers(0, 100),
    p99_ms=st.integers(0, 5000),
    throttles=st.integers(0, 50),
    degraded=st.integers(0, 100),
)


@st.composite
def release(draw: Draw) -> Table:
    """A valid `[release]`. Drift is asked for by none: it takes golden scores, which models without weights lack."""
    strategy = draw(st.sampled_from(["all-at-once", "canary", "linear"]))
    shadow = st.fixed_dictionaries({"share": st.sampled_from([0.01, 0.5, 1.0])})
    table: Table = {"strategy": strategy, **draw(some(shadow=shadow, every=st.integers(1, 1000)))}
    if strategy != "all-at-once":
        table |= draw(some(percent=st.integers(1, 99), minutes=st.integers(1, 29), check=st.just(False)))
        table["alarms"] = {"score_shift": 0, **draw(RELEASE_ALARMS)}
        table.setdefault("check", False)
    return table


@st.composite
def watch(draw: Draw) -> Table:
    """A valid `[watch]`."""
    table = draw(
        some(
            alarms=some(on=st.booleans(), errors=st.integers(0, 100), p99_ms=st.integers(0, 5000)),
            topic=st.just("arn:aws:sns:eu-west-1:123456789012:oncall"),
            dashboard=st.booleans(),
            queries=st.booleans(),
            phases=st.booleans(),
            sample=st.sampled_from([0.001, 1.0]),
        )
    )
    if draw(st.booleans()):
        table["log_inputs"] = draw(few(st.sampled_from(["age", "movie_id", "context.*"])))
    return table


TABLES: Mapping[str, tuple[type[msgspec.Struct], st.SearchStrategy[Table]]] = {
    "api": (Api, api()),
    "function": (Function, function()),
    "warmth": (Warmth, warmth()),
    "release": (Release, release()),
    "watch": (Watch, watch()),
}
"""Table → its record, and valid ones."""


@st.composite
def settings(draw: Draw) -> dict[str, Table]:
    """All tables of one model, as they go together."""
    tables = {name: draw(valid) for name, (_, valid) in TABLES.items()}
    most = msgspec.convert(tables["warmth"], Warmth).most
    if tables["function"].get("reserved", most) < most:
        del tables["function"]["reserved"]
    if tables["warmth"]["kind"] == "snapstart":
        tables["function"].pop("tmp", None)
    return tables


def toml(tables: Mapping[str, Any], *, below: str = "") -> str:
    """Tables as model.toml has them."""
    text = ""
    for name, value in tables.items():
        path = f"{below}{name}"
        if isinstance(value, dict):
            plain = {key: one for key, one in value.items() if not _is_table(one)}
            text += f"\n[{path}]\n" + "".join(f"{key} = {json.dumps(one)}\n" for key, one in plain.items())
            text += toml({key: one for key, one in value.items() if _is_table(one)}, below=f"{path}.")
        else:
            for one in value:
                text += f"\n[[{path}]]\n" + "".join(f"{key} = {json.dumps(item)}\n" for key, item in one.items())
    return text


def _is_table(value: Any) -> bool:
    return isinstance(value, dict) or (isinstance(value, list) and any(isinstance(one, dict) for one in value))
