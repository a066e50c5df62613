"""A model of KServe's Python server, which reads and writes V2 itself."""

import sys
from typing import Any

import scoring
import uvicorn
from kserve import InferOutput, InferRequest, InferResponse, Model, ModelServer


class Ranker(Model):
    def load(self) -> bool:
        self._session = scoring.opened()
        self.ready = True
        return True

    async def predict(self, payload: InferRequest, *_: Any, **__: Any) -> InferResponse:
        found = scoring.scores(self._session, {one.name: one.as_numpy() for one in payload.inputs})
        output = InferOutput(name="score", shape=list(found.shape), datatype="FP32")
        output.set_data_from_numpy(found, binary_data=False)
        return InferResponse(response_id=payload.id or "none", model_name=self.name, infer_outputs=[output])


class Local(uvicorn.Config):
    """KServe listens at every address and has no setting for it; a bench listens at the machine's own."""

    def __init__(self, app: Any, *, host: str, **more: Any) -> None:
        super().__init__(app, host="127.0.0.1", **more)


if __name__ == "__main__":
    uvicorn.Config = Local
    model = Ranker(scoring.NAME)
    model.load()
    server = ModelServer(http_port=int(sys.argv[1]), enable_grpc=False, workers=1, enable_latency_logging=False)
    server.start([model])
