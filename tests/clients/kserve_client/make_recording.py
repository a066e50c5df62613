"""Records what KServe's V1 client sends for the golden requests: `python tests/oracles.py kserve_client --make`.

The client asks a server on 127.0.0.1 that passes each request to the real handler, and takes the answer; what went over
the wire is stored with the client's version, for the tests of an environment without it.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import version
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

from clients_kit import film_rows, shelf_rows, write_films, write_shelves  # noqa: E402
from kserve import InferenceRESTClient  # noqa: E402
from kserve.inference_client import RESTConfig  # noqa: E402
from kserve_kit import bodies, check  # noqa: E402

from ranklet.local.event_v2 import event_v2  # noqa: E402
from ranklet_runtime.function import Function  # noqa: E402

RECORDED = ("content-type", "accept", "accept-encoding", "user-agent")


def main() -> None:
    """Write wire.json."""
    calls: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        functions = {
            "films": Function.open(write_films(folder / "films"), {}),
            "shelves": Function.open(write_shelves(folder / "shelves"), {}),
        }
        server = ThreadingHTTPServer(("127.0.0.1", 0), _recorder(functions, calls))
        threading.Thread(target=server.serve_forever, daemon=True).start()
        asyncio.run(_ask(f"http://127.0.0.1:{server.server_port}", calls))
        server.shutdown()
        server.server_close()
    document = {"client": f"kserve {version('kserve')}", "calls": calls}
    (HERE / "wire.json").write_text(json.dumps(document, indent=1) + "\n")


async def _ask(url: str, calls: list[dict[str, Any]]) -> None:
    async with InferenceRESTClient(RESTConfig(protocol="v1")) as client:
        for row in (*film_rows()[:3], *shelf_rows()):
            for name, body in bodies(row).items():
                check(await client.infer(f"{url}/{row.model}", body, model_name=row.model), row)
                calls[-1] |= {"name": name, "row": list(row.scores)}
        assert await client.is_server_live(f"{url}/films")
        assert await client.is_model_ready(f"{url}/films", "films")


def _recorder(functions: dict[str, Function], calls: list[dict[str, Any]]) -> type[BaseHTTPRequestHandler]:
    class Recorder(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            sent = {name: self.headers[name] for name in RECORDED if name in self.headers}
            answer = functions[self.path.split("/")[1]](
                event_v2(self.command, self.path, headers=sent, body=body), None
            )
            call = {"method": self.command, "path": self.path, "headers": sent, "body": body.decode()}
            calls.append({**call, "answer": answer["body"]})
            self.send_response(answer["statusCode"])
            for name, value in answer["headers"].items():
                self.send_header(name, value)
            said = answer["body"].encode()
            self.send_header("content-length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)

        do_GET = do_POST

        def log_message(self, format: str, *args: Any) -> None:
            """Nothing: what went over the wire is in the file."""

    return Recorder


if __name__ == "__main__":
    main()
