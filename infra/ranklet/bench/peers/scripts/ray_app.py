"""Ray Serve with one replica, in a cluster of its own on this machine."""

import signal
import sys
from typing import Any

import ray
import scoring
from ray import serve
from starlette.requests import Request


@serve.deployment(num_replicas=1, max_ongoing_requests=1)
class Ranker:
    def __init__(self) -> None:
        self._session = scoring.opened()

    async def __call__(self, request: Request) -> dict[str, Any]:
        return scoring.answered(self._session, (await request.json())["inputs"])


if __name__ == "__main__":
    ray.init(num_cpus=2, include_dashboard=False, _node_ip_address="127.0.0.1", log_to_driver=False)
    serve.start(
        http_options={"host": "127.0.0.1", "port": int(sys.argv[1])}, logging_config={"enable_access_log": False}
    )
    serve.run(Ranker.bind(), route_prefix="/")
    signal.sigwait({signal.SIGTERM, signal.SIGINT})
    ray.shutdown()
