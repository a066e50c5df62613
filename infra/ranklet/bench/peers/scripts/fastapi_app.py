"""FastAPI, for uvicorn and for Mangum.

`infer` and `predict` are as its tutorial writes them: a function that blocks is a `def`, models for what comes, a dict
for what goes. `tuned` is the quickest that we could write: nothing leaves the event loop, `data` is a list of anything,
and a model for the answer, which pydantic writes. TF Serving's rows go to the graph that has the user in every row.
"""

from functools import cache
from typing import Any

import numpy as np
import scoring
from fastapi import FastAPI
from pydantic import BaseModel

PROFILE = ("age", "days", "sessions", "clicks", "spent", "hour", "weekday", "temperature")
OFFER = ("price", "rating", "reviews", "stock", "discount", "freshness")
IDS = {"user": "user_id", "item": "item_id", "group": "category"}
INFER = f"/v2/models/{scoring.NAME}/infer"

app = FastAPI()
session = scoring.opened()
unsplit = cache(lambda: scoring.opened("unsplit"))


class Tensor(BaseModel):
    name: str
    datatype: str
    shape: list[int]
    data: list[Any]


class Request(BaseModel):
    inputs: list[Tensor]


class Answer(BaseModel):
    model_name: str
    outputs: list[Tensor]


class Instance(BaseModel):
    user_id: int
    item_id: int
    category: int
    age: float
    days: float
    sessions: float
    clicks: float
    spent: float
    hour: float
    weekday: float
    temperature: float
    price: float
    rating: float
    reviews: float
    stock: float
    discount: float
    freshness: float


class Rows(BaseModel):
    instances: list[Instance]


def feeds(request: Request) -> dict[str, Any]:
    return {one.name: np.array(one.data, scoring.KINDS[one.datatype]).reshape(one.shape) for one in request.inputs}


@app.post(INFER)
def infer(request: Request):
    found = scoring.scores(session, feeds(request))
    output = {"name": "score", "datatype": "FP32", "shape": found.shape, "data": found.tolist()}
    return {"model_name": scoring.NAME, "outputs": [output]}


@app.post(f"/tuned{INFER}")
async def tuned(request: Request) -> Answer:
    found = scoring.scores(session, feeds(request))
    output = Tensor(name="score", datatype="FP32", shape=list(found.shape), data=found.tolist())
    return Answer(model_name=scoring.NAME, outputs=[output])


@app.post(f"/v1/models/{scoring.NAME}:predict")
def predict(request: Rows):
    rows = request.instances
    tensors = {name: np.array([getattr(row, field) for row in rows], np.int64) for name, field in IDS.items()}
    for name, fields in (("profile", PROFILE), ("offer", OFFER)):
        tensors[name] = np.array([[getattr(row, field) for field in fields] for row in rows], np.float32)
    return {"predictions": scoring.scores(unsplit(), tensors).tolist()}
