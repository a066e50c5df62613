"""A model of MLServer, its own codecs between JSON and NumPy."""

import scoring
from mlserver import MLModel
from mlserver.codecs import NumpyCodec
from mlserver.types import InferenceRequest, InferenceResponse


class Ranker(MLModel):
    async def load(self) -> bool:
        self._session = scoring.opened()
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        tensors = {one.name: NumpyCodec.decode_input(one) for one in payload.inputs}
        found = scoring.scores(self._session, tensors)
        return InferenceResponse(model_name=self.name, outputs=[NumpyCodec.encode_output("score", found)])
