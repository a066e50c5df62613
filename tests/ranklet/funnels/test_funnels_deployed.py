"""A funnel as the CDK writes it, in one function and in functions apart, and both served: the same answers by HTTP."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from funnels_kit import expected, new_project
from host_layer_kit import host_layer

from ranklet import app
from ranklet.funnels import building
from ranklet.local.cloud import LocalCloud
from ranklet.local.logs import LogLine
from ranklet.project import Project

RECOMMEND = "/films/v1/funnels/films:recommend"
ROW = {"user": {"history": [110, 111, 112], "age": 6.0}, "context": {"hour": 4.0}, "k": 5}


class Deployed:
    """A project with its assembly."""

    def __init__(self, root: Path, functions: str, **fields: str) -> None:
        self.project: Project = new_project(root / "project")
        path = self.project.functions / "films" / "funnel.toml"
        path.write_text(path.read_text().replace("version = 2", f'version = 2\nfunctions = "{functions}"'))
        for before, after in fields.items():
            assert before in path.read_text()
            path.write_text(path.read_text().replace(before, after))
        building.build(self.project, self.project.functions / "films")
        self.layer = host_layer(root / "layer")
        out = root / "cdk.out"
        self.folder = app.synthesise(
            self.project, out=out, context={"models": "films"}, layer=lambda name, architecture: self._stub(root, name)
        )
        self.template: dict[str, Any] = json.loads((self.folder / "films.template.json").read_text())

    def of(self, kind: str) -> dict[str, dict[str, Any]]:
        """Logical id → properties."""
        return {
            name: one.get("Properties", {}) for name, one in self.template["Resources"].items() if one["Type"] == kind
        }

    def cloud(self, lines: list[LogLine]) -> LocalCloud:
        tables = self.project.build / "tables"
        return LocalCloud(
            self.folder, tables=tables, build=self.project.build, layers=lambda _: self.layer, log=lines.append
        )

    def _stub(self, root: Path, name: str) -> Path:
        package = root / f"stub-{name}" / "python" / f"stub_{name}"
        if not package.is_dir():
            package.mkdir(parents=True)
            (package / "__init__.py").write_text("")
        return root / f"stub-{name}"


@pytest.fixture(scope="module")
def one(tmp_path_factory: pytest.TempPathFactory) -> Deployed:
    return Deployed(tmp_path_factory.mktemp("one"), "auto")


@pytest.fixture(scope="module")
def each(tmp_path_factory: pytest.TempPathFactory) -> Deployed:
    return Deployed(tmp_path_factory.mktemp("each"), "each")


def statements(deployed: Deployed, action: str) -> Iterator[Any]:
    for policy in deployed.of("AWS::IAM::Policy").values():
        for statement in policy["PolicyDocument"]["Statement"]:
            if (
                action in statement["Action"]
                if isinstance(statement["Action"], list)
                else action == statement["Action"]
            ):
                yield statement["Resource"]


def test_one_function_has_the_funnels_entry_its_routes_and_the_tables_of_its_stages(one: Deployed) -> None:
    (function,) = one.of("AWS::Lambda::Function").values()
    assert function["Handler"] == "ranklet_runtime.funnel.handler.handler"
    assert "RANKLET_STAGES" not in function["Environment"]["Variables"]
    assert not list(statements(one, "lambda:InvokeFunction"))
    assert {route["RouteKey"] for route in one.of("AWS::ApiGatewayV2::Route").values()} == {
        "ANY /films",
        "ANY /films/{proxy+}",
        "ANY /v1/funnels/films",
        "ANY /v1/funnels/films:recommend",
        "ANY /v1/funnels/films:similar",
    }
    assert {route["AuthorizationType"] for route in one.of("AWS::ApiGatewayV2::Route").values()} == {"AWS_IAM"}
    (tables,) = statements(one, "dynamodb:BatchGetItem")
    assert ":table/ranklet-films-" in json.dumps(tables)
    assert set(one.template["Outputs"]) == {"Recommend", "Alias"}


def test_the_dashboard_shows_what_each_stage_takes_and_leaves_out(one: Deployed) -> None:
    shown = json.dumps(list(one.of("AWS::CloudWatch::Dashboard").values()))
    assert all(name in shown for name in ("StageLatency", "Late", "Failed", "Unscored"))
    assert all(f"{stage} p99" in shown for stage in ("retrieve", "pre-rank", "rank"))


def test_functions_apart_are_called_by_exact_aliases_and_no_others(each: Deployed) -> None:
    functions = each.of("AWS::Lambda::Function")
    assert len(functions) == 4
    (front,) = [name for name, one in functions.items() if "RANKLET_STAGES" in one["Environment"]["Variables"]]
    aliases = {name: one["FunctionName"]["Ref"] for name, one in each.of("AWS::Lambda::Alias").items()}
    stages = {name for name, function in aliases.items() if function != front}
    told = json.dumps(functions[front]["Environment"]["Variables"]["RANKLET_STAGES"])
    assert all(f'"Ref": "{name}"' in told for name in stages)
    (exact,) = statements(each, "lambda:InvokeFunction")
    assert sorted(json.dumps(one) for one in exact) == sorted(f'{{"Ref": "{name}"}}' for name in stages)
    (tables,) = statements(each, "dynamodb:BatchGetItem")
    assert "films" in json.dumps(tables)
    called = {one["Environment"]["Variables"].get("RANKLET_METRICS") for one in functions.values()}
    assert called == {None, "films/find", "films/warm", "films/hot"}


def ask(url: str, path: str, body: Any) -> tuple[int, Any]:
    connection = http.client.HTTPConnection(url.split("/")[2], timeout=60)
    connection.request("POST", path, json.dumps(body), {"content-type": "application/json"})
    answer = connection.getresponse()
    told = json.loads(answer.read())
    connection.close()
    return answer.status, told


def settled(url: str, body: Any) -> Any:
    """An answer with all stages warm."""
    for _ in range(20):
        status, answer = ask(url, RECOMMEND, body)
        if status == 200 and "degraded" not in answer:
            return answer
    raise AssertionError((status, answer))


@pytest.mark.parametrize("layout", ["one", "each"])
def test_served_it_answers_as_computed_by_hand(layout: str, request: pytest.FixtureRequest) -> None:
    deployed: Deployed = request.getfixturevalue(layout)
    lines: list[LogLine] = []
    with deployed.cloud(lines).running() as running:
        answer = settled(running.url, ROW)
        wanted = expected([110, 111, 112], 6.0, 4.0)
        assert [one["id"] for one in answer["items"]] == [name for name, _ in wanted]
        for item, (_, scores) in zip(answer["items"], wanted, strict=True):
            assert list(item["scores"].values()) == pytest.approx(scores, abs=1e-6)
        assert [(stage["model"], stage["version"], stage["in"], stage["out"]) for stage in answer["stages"]] == [
            ("find", "4", None, 20),
            ("warm", "1", 20, 10),
            ("hot", "7", 10, 5),
        ]
        status, refused = ask(running.url, RECOMMEND, {"user": {"age": "x", "history": [110]}})
        assert (status, refused["path"]) == (400, "$.user.age")
        status, refused = ask(running.url, RECOMMEND, {"filter": {"where": {"year": [1]}}})
        assert (status, refused["path"]) == (400, "$.filter.where.year")
        status, like = ask(running.url, "/v1/funnels/films:similar", {"item": 110, "k": 3})
        assert (status, len(like["items"])) == (200, 3)
        assert ask(running.url, "/v1/funnels/films:similar", {"item": 5})[0] == 404
        status, west = ask(running.url, RECOMMEND, {"user": {"history": [101]}, "filter": {"allow": []}})
        assert (status, west["items"]) == (200, [])
    assert not [line.text for line in lines if "Traceback" in line.text]


def test_a_stage_whose_function_is_not_ready_in_time_is_left_out(each: Deployed, tmp_path: Path) -> None:
    # A function's first start takes longer than a ranker's 60 ms here, retrieval has 10 s.
    hurried = Deployed(tmp_path, "each")
    path = hurried.project.functions / "films" / "funnel.toml"
    text = path.read_text()
    for model, k in (("warm", 10), ("hot", 5)):
        text = text.replace(
            f'model = "{model}"\nk = {k}\ndeadline_ms = 10_000', f'model = "{model}"\nk = {k}\ndeadline_ms = 60'
        )
    path.write_text(text)
    building.build(hurried.project, hurried.project.functions / "films")
    hurried.folder = app.synthesise(
        hurried.project,
        out=tmp_path / "again.out",
        context={"models": "films"},
        layer=lambda name, _: hurried._stub(tmp_path, name),
    )
    with hurried.cloud([]).running() as running:
        status, answer = ask(running.url, RECOMMEND, ROW)
        assert status == 200
        assert [(one["name"], one["late"]) for one in answer["stages"]] == [
            ("retrieve", False),
            ("pre-rank", True),
            ("rank", True),
        ]
        assert answer["degraded"] == {"late:pre-rank": 1, "late:rank": 1}
        assert len(answer["items"]) == 5
        assert {one["scores"]["rank"] for one in answer["items"]} == {None}
