"""The peers: how each is started in its own environment, and what it is asked.

One more is a script in `scripts/`, its pins in `requirements/<name>.txt`, and a record here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Literal

V2: Final = "/v2/models/ranker/infer"
Form = Literal["v2", "mlflow"]


@dataclass(frozen=True)
class Peer:
    """A server of the ranker. `{port}`, `{second}` and `{third}` stand for ports that nobody has.

    package: whose version names it in the report. python: the newest minor that it supports, of those in use.
    serve: what its interpreter is given; empty for a Lambda handler. handler: of a Lambda function, which the stock
    runtime client runs. path, form: of a request. prepare: what its interpreter is given once, before. files: name →
    text, beside the scripts. environ: variables. programs: what must be there besides Python. tuned: path of the
    quickest way to serve the same. home: whose environment it has, where that is not its own. rows: whether it takes TF
    Serving's rows too, for the unsplit graph.
    """

    package: str
    python: tuple[int, int]
    serve: tuple[str, ...] = ()
    handler: str = ""
    path: str = V2
    form: Form = "v2"
    prepare: tuple[str, ...] = ()
    files: Mapping[str, str] = field(default_factory=dict)
    environ: Mapping[str, str] = field(default_factory=dict)
    programs: tuple[str, ...] = ()
    tuned: str = ""
    home: str = ""
    rows: bool = False


UVICORN = ("-m", "uvicorn", "fastapi_app:app", "--host", "127.0.0.1", "--port", "{port}", "--workers", "1")
QUIET = ("--no-access-log", "--log-level", "warning")


def _mlserver(*, workers: int) -> Peer:
    """With one worker, as it comes; with none it scores in the process of its server."""
    environ = {"HOST": "127.0.0.1", "HTTP_PORT": "{port}", "GRPC_PORT": "{second}", "METRICS_PORT": "{third}",
               "PARALLEL_WORKERS": str(workers), "DEBUG": "false"}  # fmt: skip
    return Peer(
        "mlserver",
        (3, 12),
        serve=("-c", "from mlserver.cli import main; main()", "start", "."),
        files={"model-settings.json": '{"name": "ranker", "implementation": "mlserver_runtime.Ranker"}'},
        environ={f"MLSERVER_{name}": value for name, value in environ.items()},
    )


PEERS: Mapping[str, Peer] = {
    "fastapi": Peer("fastapi", (3, 13), serve=(*UVICORN, *QUIET), tuned=f"/tuned{V2}", rows=True),
    "mangum": Peer("mangum", (3, 13), handler="mangum_handler.handler", tuned=f"/tuned{V2}"),
    "powertools": Peer("aws-lambda-powertools", (3, 13), handler="powertools_handler.handler"),
    "mlserver": _mlserver(workers=1),
    "mlserver-in-process": replace(_mlserver(workers=0), home="mlserver"),
    "kserve": Peer("kserve", (3, 13), serve=("kserve_server.py", "{port}")),
    "litserve": Peer("litserve", (3, 13), serve=("litserve_server.py", "{port}")),
    "bentoml": Peer(
        "bentoml",
        (3, 13),
        serve=("-m", "bentoml", "serve", "bentoml_service:Ranker", "--host", "127.0.0.1", "--port", "{port}"),
        environ={"BENTOML_DO_NOT_TRACK": "True", "BENTOML_HOME": "{folder}/bentoml"},
    ),
    "mlflow": Peer(
        "mlflow",
        (3, 13),
        serve=("-m", "mlflow", "models", "serve", "-m", "saved", "-h", "127.0.0.1", "-p", "{port}", "-w", "1",
               "--env-manager", "local"),
        path="/invocations",
        form="mlflow",
        prepare=("mlflow_model.py",),
        environ={"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true"},
    ),
    "ray": Peer("ray", (3, 13), serve=("ray_app.py", "{port}"), path="/", environ={"RAY_USAGE_STATS_ENABLED": "0"}),
    "torchserve": Peer(
        "torchserve",
        (3, 11),
        serve=("-m", "ts.model_server", "--start", "--foreground", "--model-store", ".", "--models", "ranker.mar",
               "--ts-config", "config.properties", "--disable-token-auth"),
        path="/predictions/ranker",
        prepare=("-m", "model_archiver.model_packaging", "--model-name", "ranker", "--version", "1", "--force",
                 "--handler", "torchserve_handler.py", "--extra-files", "ranker.onnx,scoring.py"),
        files={"config.properties": "enable_envvars_config=true\nnumber_of_netty_threads=1\n"
               "default_workers_per_model=1\ndisable_system_metrics=true\n"},
        environ={
            "TS_INFERENCE_ADDRESS": "http://127.0.0.1:{port}",
            "TS_MANAGEMENT_ADDRESS": "http://127.0.0.1:{second}",
            "TS_METRICS_ADDRESS": "http://127.0.0.1:{third}",
        },
        programs=("java",),
    ),
}  # fmt: skip
"""By the name of figures, requirements and environment."""

HELD: Final = ("fastapi", "mangum", "mlserver")
"""Those that ranklet is held to (`figures.py`), which a quick look asks."""


def chosen(names: Sequence[str], *, quick: bool) -> Mapping[str, Peer]:
    """The peers of those names; without any, all, or in a quick look those of HELD."""
    wanted = names or (HELD if quick else tuple(PEERS))
    return {name: peer for name, peer in PEERS.items() if name in wanted}
