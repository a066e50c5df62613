"""What the synthesised stacks would deploy, as far as it answers requests: functions, layers, and ways to them.

The template is the source, not model.toml: what is served here has the handler, memory, timeout, concurrency,
variables and routes that AWS would get, and a mistake in a construct shows before it is deployed.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ranklet.errors import LocalError
from ranklet.local.assembly import Json, Stack, read_assembly
from ranklet.local.call import Api
from ranklet.local.cors import Cors, of_settings
from ranklet.local.doors import Door, doors, shared_routes
from ranklet.local.function import Function, Layer
from ranklet.local.intrinsics import references, ssm_parameter, text
from ranklet.local.routes import Route
from ranklet.releasing import CANDIDATE
from ranklet_runtime import hook

HOOK = f"{hook.__name__}.handler"


@dataclass(frozen=True)
class Deployment:
    """What there is to serve. routes and api: of the shared API. doors: what leads to one function alone. skipped: what
    was left out, each with its reason.
    """

    functions: tuple[Function, ...]
    routes: tuple[Route, ...]
    api: Api
    skipped: tuple[str, ...] = ()
    doors: tuple[Door, ...] = ()


def read(folder: Path, *, region: str = "us-east-1", only: Collection[str] = ()) -> Deployment:
    """Read a cloud assembly. only: the names of the functions wanted, none for all.

    A function is named like its stack, or `stack/LogicalId` where a stack has several.
    Raises LocalError when the assembly is incomplete, or a name in `only` is none of its functions.
    """
    return _Reader(read_assembly(folder), region).deployment(only)


class _Reader:
    """All stacks at once, since what one publishes another looks up."""

    def __init__(self, stacks: Sequence[Stack], region: str) -> None:
        self._stacks, self._region = stacks, region
        self._published = {
            properties["Name"]: (stack, properties.get("Value"))
            for stack in stacks
            for _, properties in stack.of_type("AWS::SSM::Parameter")
            if isinstance(properties.get("Name"), str)
        }
        self._skipped: list[str] = []

    def deployment(self, only: Collection[str]) -> Deployment:
        functions: dict[str, Function] = {}
        routes: list[Route] = []
        own: list[Door] = []
        for stack in self._stacks:
            named = self._functions(stack)
            functions |= {function.name: function for function in named.values()}
            routes += self._routes(stack, named)
            own += doors(stack, named, region=self._region)
        if unknown := sorted(set(only) - set(functions)):
            raise LocalError(f"no function {unknown[0]!r} in the assembly; there are {', '.join(sorted(functions))}")
        wanted = set(only) or set(functions)
        return Deployment(
            functions=tuple(function for name, function in functions.items() if name in wanted),
            routes=tuple(route for route in routes if route.function in wanted),
            api=Api(stage=self._stage(), region=self._region, cors=self._cors()),
            skipped=tuple(self._skipped),
            doors=tuple(door for door in own if door.function in wanted),
        )

    def _functions(self, stack: Stack) -> dict[str, Function]:
        """Logical id → function, of the functions of one stack that can be run here."""
        found = [
            (logical, properties)
            for logical, properties in stack.of_type("AWS::Lambda::Function")
            if self._can_run(stack, logical, properties)
        ]
        functions = {}
        for logical, properties in found:
            name = stack.name if len(found) == 1 else f"{stack.name}/{logical}"
            functions[logical] = self._with_alias(stack, logical, self._function(stack, name, properties))
        return functions

    def _can_run(self, stack: Stack, logical: str, properties: Json) -> bool:
        if properties.get("Handler") == HOOK:
            self._skipped.append(f"{stack.name}/{logical}: CodeDeploy, which asks it, is not played")
            return False
        runtime = str(properties.get("Runtime", "an image"))
        if runtime.startswith("python") and "S3Key" in properties.get("Code", {}):
            return True
        self._skipped.append(f"{stack.name}/{logical}: {runtime} without a code asset is not played")
        return False

    def _function(self, stack: Stack, name: str, properties: Json) -> Function:
        return Function(
            name=name,
            handler=str(properties["Handler"]),
            code=self._asset(stack, properties["Code"]["S3Key"], f"the code of {name}"),
            layers=tuple(self._layer(stack, layer) for layer in properties.get("Layers", ())),
            environment={
                **_logging(properties.get("LoggingConfig", {})),
                **self._environment(stack, name, properties.get("Environment", {}).get("Variables", {})),
            },
            memory_mb=int(properties.get("MemorySize", 128)),
            timeout_s=float(properties.get("Timeout", 3)),
            runtime=str(properties["Runtime"]),
            reserved=_optional_int(properties.get("ReservedConcurrentExecutions")),
            description=str(properties.get("Description", "")),
            snapstart=properties.get("SnapStart", {}).get("ApplyOn") == "PublishedVersions",
        )

    def _with_alias(self, stack: Stack, logical: str, function: Function) -> Function:
        for _, alias in stack.of_type("AWS::Lambda::Alias"):
            # What is here is all that there is: beside it no earlier version could be live.
            if logical in references(alias.get("FunctionName")) and alias["Name"] != CANDIDATE:
                provisioned = alias.get("ProvisionedConcurrencyConfig", {}).get("ProvisionedConcurrentExecutions", 0)
                return replace(function, alias=str(alias["Name"]), version="1", provisioned=int(provisioned))
        return function

    def _environment(self, stack: Stack, name: str, variables: Mapping[str, Any]) -> dict[str, str]:
        values = {}
        for key, value in variables.items():
            try:
                values[key] = text(value, stack, region=self._region, parameter=self._parameter)
            except LocalError as error:
                raise LocalError(f"the variable {key} of {name}: {error}") from error
        return values

    def _layer(self, stack: Stack, value: Any) -> Layer:
        """A layer by a reference within the stack, or through the SSM parameter that another stack writes."""
        if (parameter := ssm_parameter(value, stack)) is not None:
            owner, published = self._publication(parameter)
            return Layer(_layer_name(parameter), self._layer_folder(owner, published))
        logical = next(references(value), "")
        properties = stack.resources.get(logical, {}).get("Properties", {})
        return Layer(str(properties.get("LayerName", logical)), self._layer_folder(stack, value))

    def _layer_folder(self, stack: Stack, value: Any) -> Path:
        layers = dict(stack.of_type("AWS::Lambda::LayerVersion"))
        logical = next((name for name in references(value) if name in layers), None)
        if logical is None:
            raise LocalError(f"{value!r} in the stack {stack.name} is no layer of this assembly")
        return self._asset(stack, layers[logical].get("Content", {}).get("S3Key"), f"the layer {logical}")

    def _routes(self, stack: Stack, functions: Mapping[str, Function]) -> list[Route]:
        routes = []
        for logical, route in shared_routes(stack, functions):
            if route is None:
                self._skipped.append(f"{stack.name}/{logical}: it leads to no function that is played")
            else:
                routes.append(route)
        return routes

    def _stage(self) -> str:
        stages = [stage for stack in self._stacks for _, stage in stack.of_type("AWS::ApiGatewayV2::Stage")]
        return str(stages[0].get("StageName", "$default")) if stages else "$default"

    def _cors(self) -> Cors | None:
        apis = [api for stack in self._stacks for _, api in stack.of_type("AWS::ApiGatewayV2::Api")]
        return of_settings(apis[0].get("CorsConfiguration")) if apis else None

    def _asset(self, stack: Stack, key: Any, what: str) -> Path:
        path = stack.assets.get(str(key))
        if path is None or not path.is_dir():
            raise LocalError(f"{what}: the assembly has no folder for the asset {key}; synthesise again")
        return path

    def _publication(self, name: str) -> tuple[Stack, Any]:
        if name not in self._published:
            raise LocalError(
                f"no stack of the assembly writes the SSM parameter {name}; synthesise the shared stack too"
            )
        return self._published[name]

    def _parameter(self, name: str) -> str:
        owner, value = self._publication(name)
        return text(value, owner, region=self._region, parameter=self._parameter)


def _logging(config: Json) -> dict[str, str]:
    """The variables by which Lambda tells the runtime client how to log."""
    named = {"LogFormat": "AWS_LAMBDA_LOG_FORMAT", "ApplicationLogLevel": "AWS_LAMBDA_LOG_LEVEL"}
    return {variable: str(config[key]) for key, variable in named.items() if key in config}


def _layer_name(parameter: str) -> str:
    """`features` of `/ranklet/layers/features/x86_64`; the last part of a name that has no `layers`."""
    parts = parameter.strip("/").split("/")
    if "layers" in parts[:-1]:
        return parts[parts.index("layers") + 1]
    return parts[-1]


def _optional_int(value: Any) -> int | None:
    return None if value is None else int(value)
