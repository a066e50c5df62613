"""The local cloud: a cloud assembly in, an HTTP front and callable functions out, and nothing left behind.

What starts, in this order, and stops in the reverse: the tables' DynamoDB and S3 → one pool per function → Lambda's
Invoke → the HTTP front. `async with LocalCloud(…)` inside a loop, `with LocalCloud(…).running() as cloud` outside one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping
from contextlib import AsyncExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import orjson

from ranklet.errors import LocalError
from ranklet.local import memory, template
from ranklet.local.environment import Launch
from ranklet.local.function import Function, Invoked
from ranklet.local.gateway import Auth, Gateway
from ranklet.local.host_layers import LayerFolder, built_for_host, substitute
from ranklet.local.hosted import Hosted
from ranklet.local.lambda_api import LambdaApi
from ranklet.local.lambdas import InvocationType, Lambdas
from ranklet.local.logs import LogLine, LogSink, to_stderr
from ranklet.local.pages import Page
from ranklet.local.pool import Pool
from ranklet.local.routes import Route
from ranklet.local.runtime_client import runtime_folder
from ranklet.local.secrets import LocalSecrets
from ranklet.local.stats import Stats
from ranklet.local.stores import Dynamo, Stores
from ranklet.local.template import Deployment

T = TypeVar("T")


class LocalCloud:
    """API Gateway, Lambda and DynamoDB for the functions of one assembly.

    assembly: the folder that a synthesis wrote, or what `template.read` made of it. functions: names, none for all.
    port: of the front, 0 for any free one. tables: the folder of built tables (`<physical>/table.json`), None when no
    function reads DynamoDB. build: where layers and the runtime client are kept, by default beside `tables` or the
    assembly. layers: layer name → folder to use here; by default the project's layers are built for this machine.
    cap: the most environments of a function, provisioned ones included; idle_s: seconds that one may rest.
    auth: `required` refuses callers without an Authorization header on routes that have an authorizer.
    environment: variables for every function, above the template's. dynamo: one with faults, say, not yet started.
    page: what the front shows to a browser.
    """

    def __init__(
        self,
        assembly: Path | Deployment,
        *,
        functions: Collection[str] = (),
        port: int = 0,
        tables: Path | None = None,
        build: Path | None = None,
        layers: LayerFolder | None = None,
        cap: int = 10,
        idle_s: float = 300.0,
        auth: Auth = "open",
        region: str = "us-east-1",
        environment: Mapping[str, str] | None = None,
        dynamo: Dynamo | None = None,
        log: LogSink = to_stderr,
        page: Page | None = None,
    ) -> None:
        self._assembly, self._chosen, self._port, self._tables = assembly, functions, port, tables
        self._build, self._layers, self._cap, self._idle_s = build, layers, cap, idle_s
        self._auth, self._region, self._log = auth, region, log
        self._environment, self._page = dict(environment or {}), page
        self._stack = AsyncExitStack()
        self._stores = Stores(tables, dynamo, say=self._say)
        self._secrets, self._extra = LocalSecrets(), dict[str, str]()
        self._launch: Callable[[Function], Launch] | None = None
        self._lambdas: Lambdas | None = None
        self._front: Gateway | None = None
        self._doors: dict[str, Gateway] = {}
        self._api: LambdaApi | None = None

    async def start(self) -> None:
        """Start everything. Raises LocalError or PackagingError, after what was started has been stopped."""
        try:
            await self._start()
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """Stop everything and wait until no child is left. Safe to call twice."""
        stack, self._stack = self._stack, AsyncExitStack()
        await stack.aclose()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def running(self) -> Hosted:
        """A context manager that runs this cloud in a thread of its own, for callers that have no event loop."""
        return Hosted(self)

    @property
    def url(self) -> str:
        """Where HTTP clients call."""
        return _started(self._front).url

    def url_of(self, name: str) -> str:
        """Where HTTP clients call a function: its own API, or the front that functions share."""
        return self._doors[name].url if name in self._doors else self.url

    @property
    def lambda_url(self) -> str:
        """The endpoint of Lambda's Invoke, for an AWS SDK."""
        return _started(self._api).url

    @property
    def pids(self) -> tuple[int, ...]:
        """The process ids of all children."""
        return _started(self._lambdas).pids

    def stats(self) -> dict[str, Stats]:
        """Function name → counts and times so far."""
        return _started(self._lambdas).stats()

    async def invoke(self, name: str, event: Any, *, kind: InvocationType = "RequestResponse") -> Invoked:
        """Invoke a function by name, as Lambda's Invoke does. event: what becomes JSON, or bytes that are JSON."""
        payload = event if isinstance(event, bytes) else orjson.dumps(event)
        return await _started(self._lambdas).invoke(name, payload, kind=kind)

    async def deploy(self, assembly: Path | Deployment, *, tables: Path | None = None) -> dict[str, str]:
        """Deploy the functions of another assembly while requests run, as `cdk deploy` does; the versions now live.

        A function that differs from the one that is live becomes its next version, and the alias is moved to it; what
        runs is not touched, and the version before stays for `move` to go back to. Routes stay as they are. tables: the
        folder of built tables; those that are not served yet are, before any alias is moved.
        Raises LocalError for a function that does not run here, and for one that cannot be initialised.
        """
        lambdas, deployment = _started(self._lambdas), self._deployment(assembly)
        functions = await asyncio.to_thread(self._for_this_machine, deployment.functions)
        await self._stores.add(tables or self._tables)
        self._extra |= await self._secrets.start(self._stack, functions)
        for function in functions:
            versions = lambdas.versions(function.name)
            live = versions.live.function
            if replace(function, version=live.version) != live:
                published = replace(function, version=versions.next)
                await versions.publish(self._pool(published))
                await self.move(function.name, published.version)
        return {function.name: lambdas.versions(function.name).live.function.version for function in functions}

    async def move(self, name: str, version: str) -> None:
        """Move a function's alias to one of its versions: a rollback, say. What comes afterwards is that version's.

        Raises LocalError for a function or a version that is not there; the alias then stays.
        """
        await _started(self._lambdas).versions(name).move(version)
        self._say(f"{name}: the alias names version {version}")

    async def _start(self) -> None:
        deployment = self._deployment(self._assembly)
        for reason in deployment.skipped:
            self._say(reason)
        if not deployment.functions:
            raise LocalError("the assembly has no function to serve; synthesise a model's stack")
        functions = await asyncio.to_thread(self._for_this_machine, deployment.functions)
        runtime = await asyncio.to_thread(runtime_folder, self._cache / "runtime")
        extra = self._extra = {**await self._stores.start(self._stack)}
        extra |= await self._secrets.start(self._stack, functions)
        self._launch = partial(Launch, runtime=runtime, region=self._region, extra=extra, log=self._log)
        lambdas = self._lambdas = Lambdas({one.name: self._pool(one) for one in functions})
        self._stack.push_async_callback(lambdas.close)
        api = self._api = LambdaApi(lambdas)
        self._stack.push_async_callback(api.close)
        # Functions call other versions of themselves through it; what the caller says of the environment goes above.
        extra |= {"AWS_ENDPOINT_URL_LAMBDA": await api.start(), **self._environment}
        await lambdas.start()
        front = self._front = Gateway(
            deployment.routes, lambdas.deliver, api=deployment.api, auth=self._auth, log=self._log, page=self._page
        )
        self._stack.push_async_callback(front.close)
        self._say(f"front {await front.start(self._port)}, Lambda {api.url}")
        for door in deployment.doors:
            own = Gateway(door.routes, lambdas.deliver, api=door.api, auth=self._auth, log=self._log)
            self._stack.push_async_callback(own.close)
            self._doors[door.function] = own
            kind = "REST API" if door.api.kind == "rest" else "URL"
            self._say(f"{kind} of {door.function}: {await own.start()}")
        if self._auth == "open" and any(route.auth != "NONE" for route in _all_routes(deployment)):
            self._say("callers are not authenticated here; AWS will ask for what the routes' authorizers want")

    def _deployment(self, assembly: Path | Deployment) -> Deployment:
        if isinstance(assembly, Deployment):
            return assembly
        return template.read(assembly, region=self._region, only=self._chosen)

    def _for_this_machine(self, functions: Collection[Function]) -> list[Function]:
        if not memory.enforceable():
            self._say("memory limits are not enforced on this system, which has no /proc")
        folder = self._layers or built_for_host(self._cache / "layers", self._log)
        return [self._within_cap(substitute(function, folder, self._log)) for function in functions]

    def _within_cap(self, function: Function) -> Function:
        if function.provisioned <= self._cap:
            return function
        self._say(f"{function.name}: {self._cap} of {function.provisioned} provisioned environments, the cap here")
        return replace(function, provisioned=self._cap)

    def _pool(self, function: Function) -> Pool:
        return Pool(_started(self._launch)(function), cap=self._cap, idle_s=self._idle_s)

    @property
    def _cache(self) -> Path:
        if self._build is not None:
            return self._build
        if self._tables is not None:
            return self._tables.parent
        return self._assembly.parent if isinstance(self._assembly, Path) else Path(".build")

    def _say(self, text: str) -> None:
        self._log(LogLine("cloud", text, platform=True))


def _all_routes(deployment: Deployment) -> list[Route]:
    return [*deployment.routes, *(route for door in deployment.doors for route in door.routes)]


def _started(part: T | None) -> T:
    if part is None:
        raise LocalError("the local cloud is not running; enter it with `async with`, or `with cloud.running()`")
    return part
