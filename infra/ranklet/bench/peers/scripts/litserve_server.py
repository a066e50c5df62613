"""LitServe with one worker on the CPU."""

import sys
from typing import Any

import litserve
import scoring


class Ranker(litserve.LitAPI):
    def setup(self, device: str) -> None:
        self._session = scoring.opened()

    def decode_request(self, request: dict[str, Any]) -> dict[str, Any]:
        return scoring.feeds(request["inputs"])

    def predict(self, x: dict[str, Any]) -> Any:
        return scoring.scores(self._session, x)

    def encode_response(self, output: Any) -> dict[str, Any]:
        data = output.tolist()
        return {"outputs": [{"name": "score", "datatype": "FP32", "shape": [len(data)], "data": data}]}


if __name__ == "__main__":
    api = Ranker(api_path=f"/v2/models/{scoring.NAME}/infer")
    server = litserve.LitServer(api, accelerator="cpu", workers_per_device=1)
    server.run(
        host="127.0.0.1", port=int(sys.argv[1]), num_api_servers=1, generate_client_file=False, log_level="warning"
    )
