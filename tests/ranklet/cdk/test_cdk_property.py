"""Random settings: every valid one synthesises, every invalid one is refused with its field's name.

Records are drawn by the hundred, as they cost nothing; an app with several models takes seconds, so of those there are
a few. What a table may hold stands in `drawn`.
"""

from __future__ import annotations

import copy
import tomllib
from typing import Any

import drawn
import msgspec
import pytest
from cdk_project import Assembly, never, new_project, stub_layers, write_bundle, write_model
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from ranklet import app
from ranklet.model import load
from ranklet.settings.api import Api

often = settings(max_examples=100, deadline=None)


@pytest.mark.parametrize("table", drawn.TABLES)
@often
@given(data=st.data())
def test_valid_table_is_taken_and_what_is_written_is_what_is_read(table: str, data: st.DataObject) -> None:
    record, valid = drawn.TABLES[table]
    found = data.draw(valid)
    assert tomllib.loads(drawn.toml({table: found})).get(table, {}) == found
    msgspec.convert(found, record)


def places(value: Any, path: str = "$") -> list[tuple[str, Any, Any]]:
    """(path as msgspec tells it, container, key) of everything below a table."""
    found: list[tuple[str, Any, Any]] = []
    if isinstance(value, dict):
        named = [(f"{path}.{key}", value, key) for key in value]
    else:
        named = [(f"{path}[{index}]", value, index) for index in range(len(value))]
    for place, container, key in named:
        found.append((place, container, key))
        if isinstance(container[key], dict | list):
            found += places(container[key], place)
    return found


@pytest.mark.parametrize("table", drawn.TABLES)
@often
@given(data=st.data())
def test_value_of_a_wrong_type_is_refused_with_its_field(table: str, data: st.DataObject) -> None:
    record, valid = drawn.TABLES[table]
    found = copy.deepcopy(data.draw(valid.filter(bool)))
    place, container, key = data.draw(st.sampled_from(places(found)))
    container[key] = [[1]] if isinstance(container[key], dict) else {"of no": "kind"}
    with pytest.raises(msgspec.ValidationError) as refused:
        msgspec.convert(found, record)
    assert f"`{place}" in str(refused.value)


@pytest.mark.parametrize("table", drawn.TABLES)
@often
@given(data=st.data())
def test_unknown_field_is_refused_by_its_name(table: str, data: st.DataObject) -> None:
    record, valid = drawn.TABLES[table]
    found = copy.deepcopy(data.draw(valid))
    below = [container[key] for _, container, key in places(found) if isinstance(container[key], dict)]
    data.draw(st.sampled_from([found, *below]))["surprise"] = 1
    with pytest.raises(msgspec.ValidationError, match="unknown field `surprise`"):
        msgspec.convert(found, record)


LOOSE = drawn.some(
    kind=st.sampled_from(["http", "rest", "url"]),
    auth=st.sampled_from(["iam", "jwt", "lambda", "key", "none"]),
    jwt=drawn.JWT,
    authorizer=drawn.AUTHORIZER,
    cors=drawn.CORS,
    throttle=st.fixed_dictionaries(drawn.RATES),
    rest=drawn.some(
        plan=drawn.some(rate=st.integers(1, 9), burst=st.integers(1, 9)), accounts=st.just(["210987654321"])
    ),
)


@settings(max_examples=300, deadline=None)
@given(table=LOOSE)
def test_any_mixture_of_fields_is_taken_or_refused_with_a_field_that_it_has_or_needs(table: dict[str, Any]) -> None:
    try:
        msgspec.convert(table, Api)
    except msgspec.ValidationError as refused:
        words = str(refused)
        told = {name for name in ("auth", "jwt", "authorizer", "throttle", "rest", "rate and burst") if name in words}
        assert told & {*table, "rate and burst"}


@settings(
    max_examples=4,
    deadline=None,
    derandomize=True,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(models=st.lists(drawn.settings(), min_size=6, max_size=6))
def test_models_with_any_valid_settings_synthesise(
    tmp_path_factory: pytest.TempPathFactory, models: list[dict[str, Any]]
) -> None:
    root = tmp_path_factory.mktemp("drawn")
    project = new_project(root / "project")
    for number, tables in enumerate(models):
        write_model(project, f"m{number}", more=drawn.toml(tables))
        write_bundle(project, f"m{number}")
    layer = stub_layers(root / "layers")
    found = Assembly(app.synthesise(project, out=root / "cdk.out", build=never, layer=layer))
    for number in range(len(models)):
        stack = f"m{number}"
        assert reached(found, stack, load(project.functions / stack).api)


def reached(found: Assembly, stack: str, api: Api) -> bool:
    """Whether there is what `[api] kind` asks for, and nothing of the other kinds."""
    kinds = {"http": "AWS::ApiGatewayV2::Route", "rest": "AWS::ApiGateway::RestApi", "url": "AWS::Lambda::Url"}
    return {kind for kind, resource in kinds.items() if found.resources(stack, resource)} == {api.kind}
