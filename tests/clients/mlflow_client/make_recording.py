"""Records what MLflow's own client sends for the golden requests, byte for byte: `python tests/oracles.py --make`.

The client asks a server on 127.0.0.1 that passes each request to the real handler, and takes the answer; what went over
the wire is stored with the client's version, for the tests of an environment without it.
"""

from __future__ import annotations

import base64
import json
import sys
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

from clients_kit import film_rows, shelf_rows, write_films, write_shelves  # noqa: E402
from mlflow.pyfunc.scoring_server.client import ScoringServerClient  # noqa: E402
from mlflow.version import VERSION  # noqa: E402
from mlflow_kit import asked, predictions  # noqa: E402

from ranklet.local.event_v2 import event_v2  # noqa: E402
from ranklet_runtime.function import Function  # noqa: E402

RECORDED = ("content-type", "accept", "accept-encoding", "user-agent")


def main() -> None:
    """Write wire.json."""
    functions = {}
    with tempfile.TemporaryDirectory() as folder:
        for write in (write_films, write_shelves):
            bundle = write(Path(folder) / write.__name__)
            functions[bundle.name.removeprefix("write_")] = Function.open(bundle, {})
    calls: list[dict[str, Any]] = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), _recorder(functions, calls))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    for row in (*film_rows(), *shelf_rows()):
        client = ScoringServerClient("127.0.0.1", f"{server.server_port}/{row.model}")
        for name, data in asked(row).items():
            predictions(client.invoke(data, params={"ignored": 1} if name == "frame" else None), row)
            calls[-1] |= {"name": name, "row": row.scores}
    client.ping()
    client.get_version()
    server.shutdown()
    server.server_close()
    document = {"client": f"mlflow-skinny {VERSION}", "calls": calls}
    (HERE / "wire.json").write_text(json.dumps(document, indent=1) + "\n")


def _recorder(functions: dict[str, Function], calls: list[dict[str, Any]]) -> type[BaseHTTPRequestHandler]:
    class Recorder(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            sent = {name: self.headers[name] for name in RECORDED if name in self.headers}
            model = self.path.split("/")[1]
            answer = functions[model](event_v2(self.command, self.path, headers=sent, body=body), None)
            said = base64.b64decode(answer["body"]) if answer["isBase64Encoded"] else answer["body"].encode()
            calls.append(
                {
                    "method": self.command,
                    "path": self.path,
                    "headers": sent,
                    "body": body.decode(),
                    "answer": said.decode(),
                }
            )
            self.send_response(answer["statusCode"])
            for name, value in answer["headers"].items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)

        do_GET = do_POST

        def log_message(self, *_: Any) -> None:
            """Nothing."""

    return Recorder


if __name__ == "__main__":
    main()
