"""Triton's own client, unmodified: JSON and bytes, sync and asyncio, below a stage, a model's prefix or neither."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Any

import numpy as np
import pytest
from clients_kit import COUNTRIES, VECTORS, Row
from tritonclient.http import InferenceServerClient, InferInput, InferRequestedOutput, InferResult
from tritonclient.http import aio as asynchronous
from tritonclient.utils import InferenceServerException, np_to_triton_dtype

WIDE, NARROW = {float: np.float64, int: np.int64, str: np.object_}, {float: np.float32, int: np.int32, str: np.object_}
OUTPUTS = {"films": ["score"], "shelves": ["genre", "score", "margin"]}


@pytest.fixture
def client(served: str) -> Iterator[Callable[[str], InferenceServerClient]]:
    """Opens the client below a model's prefix; "" for the fleet's URL."""
    opened = []

    def make(model: str) -> InferenceServerClient:
        opened.append(InferenceServerClient(address(served, model)))
        return opened[-1]

    yield make
    for one in opened:
        one.close()


def address(served: str, model: str = "") -> str:
    """As tritonclient wants it: without a scheme, with what comes before `/v2`."""
    return f"{served}/{model}".removeprefix("http://").rstrip("/")


def array(values: list[Any], kinds: Mapping[type, Any] = WIDE) -> np.ndarray[Any, Any]:
    first = values[0][0] if isinstance(values[0], list) else values[0]
    return np.array(values, kinds[type(first)])


def inputs(row: Row, *, binary: bool, module: Any = None, kinds: Mapping[type, Any] = WIDE) -> list[Any]:
    kind = InferInput if module is None else module.InferInput
    found = []
    for name, values in row.columns.items():
        tensor = array(values, kinds)
        one = kind(name, list(tensor.shape), np_to_triton_dtype(tensor.dtype))
        found.append(one.set_data_from_numpy(tensor, binary_data=binary))
    return found


def check(result: InferResult, row: Row, *, bound: float = 1e-6) -> None:
    """The golden scores, and what is told beside them; a word that is not told is None in JSON, and no bytes."""
    scores = result.as_numpy("score")
    assert (scores.dtype, scores.shape) == (np.float32, (len(row.scores),))
    assert scores.tolist() == pytest.approx(list(row.scores), abs=bound)
    for name, wanted in row.outputs.items():
        found = result.as_numpy(name).tolist()
        if isinstance(wanted[0], float):
            assert found == pytest.approx(list(wanted), abs=bound)
        else:
            assert [one.decode() if isinstance(one, bytes) else one or "" for one in found] == [
                one or "" for one in wanted
            ]


@pytest.mark.parametrize("binary", [False, True])
@pytest.mark.parametrize("told", [None, False, True])
def test_sync_client_gets_the_golden_scores(
    client: Callable[[str], InferenceServerClient], golden: list[Row], binary: bool, told: bool | None
) -> None:
    fleet = client("")
    for row in golden:
        outputs = None if told is None else [InferRequestedOutput(name, told) for name in OUTPUTS[row.model]]
        for at, version in ((fleet, ""), (client(row.model), "3")):
            result = at.infer(
                row.model, inputs(row, binary=binary), version, outputs=outputs, request_id="7", parameters={"mine": 1}
            )
            check(result, row)
            response = result.get_response()
            assert (response["id"], response["model_name"], response["model_version"]) == ("7", row.model, "3")
            named = [one["name"] for one in response["outputs"]]
            assert named == (["score", *row.outputs] if told is None else OUTPUTS[row.model])


@pytest.mark.parametrize("binary", [False, True])
def test_asyncio_client_gets_the_golden_scores(served: str, golden: list[Row], binary: bool) -> None:
    async def ask() -> list[InferResult]:
        async with asynchronous.InferenceServerClient(address(served)) as opened:
            asked: list[Awaitable[InferResult]] = [
                opened.infer(row.model, inputs(row, binary=binary, module=asynchronous)) for row in golden
            ]
            return list(await asyncio.gather(*asked))

    for result, row in zip(asyncio.run(ask()), golden, strict=True):
        check(result, row)


def test_greenlets_get_the_golden_scores(served: str, golden: list[Row]) -> None:
    with InferenceServerClient(address(served), concurrency=4) as opened:
        asked = [opened.async_infer(row.model, inputs(row, binary=True)) for row in golden]
        for one, row in zip(asked, golden, strict=True):
            check(one.get_result(), row)


def test_narrow_datatypes_and_compressed_requests_are_read(
    client: Callable[[str], InferenceServerClient], golden: list[Row]
) -> None:
    fleet = client("")
    for row in golden:
        narrow = inputs(row, binary=True, kinds=NARROW)
        check(fleet.infer(row.model, narrow), row)
        for algorithm in ("gzip", "deflate"):
            check(fleet.infer(row.model, narrow, request_compression_algorithm=algorithm), row)


def test_users_rows_and_columns_of_one_are_taken(
    client: Callable[[str], InferenceServerClient], golden: list[Row]
) -> None:
    """As clients of Triton batch: every input of [n, 1], the user's repeated."""
    for row in (row for row in golden if row.model == "films"):
        count = len(row.scores)
        repeated = {name: values * count if name in row.once else values for name, values in row.columns.items()}
        tensors = {name: array(values).reshape(count, 1) for name, values in repeated.items()}
        given = [
            InferInput(name, list(tensor.shape), np_to_triton_dtype(tensor.dtype)).set_data_from_numpy(tensor)
            for name, tensor in tensors.items()
        ]
        check(client("films").infer("films", given), row)


def test_metadata_and_health(client: Callable[[str], InferenceServerClient]) -> None:
    films = client("films")
    assert films.is_server_live()
    assert films.is_server_ready()
    assert films.is_model_ready("films")
    assert films.is_model_ready("films", "3")
    assert not films.is_model_ready("other")
    assert films.get_server_metadata()["extensions"] == ["binary_tensor_data"]
    metadata = client("").get_model_metadata("films", "3")
    assert [one["name"] for one in metadata["inputs"]] == ["age", "country", "hour", "id", "price", "rating"]
    assert metadata["outputs"] == [{"name": "score", "datatype": "FP32", "shape": [-1]}]
    assert client("").get_model_metadata("films") == metadata


def test_a_request_can_be_made_of_the_metadata_alone(
    client: Callable[[str], InferenceServerClient], golden: list[Row]
) -> None:
    """As tools that know no model do: datatypes and shapes are what the server says."""
    for row in golden:
        given = []
        for one in client(row.model).get_model_metadata(row.model)["inputs"]:
            tensor = array(row.columns[one["name"]])
            assert len(one["shape"]) == tensor.ndim
            assert all(size in (-1, real) for size, real in zip(one["shape"], tensor.shape, strict=True))
            given.append(InferInput(one["name"], list(tensor.shape), one["datatype"]).set_data_from_numpy(tensor))
        check(client(row.model).infer(row.model, given), row)


def test_the_graphs_own_tensors_may_be_sent_as_the_metadata_names_them(
    client: Callable[[str], InferenceServerClient], golden: list[Row]
) -> None:
    films = client("films")
    told = {one["name"]: one for one in films.get_model_metadata("films")["parameters"]["tensors"]}
    for row in (row for row in golden if row.model == "films"):
        country = row.user["country"]
        values = {
            **{name: row.columns[name] for name in ("age", "hour", "price", "rating")},
            "country": [COUNTRIES.index(country) if country in COUNTRIES else len(COUNTRIES)],
            "vector": [VECTORS.get(key, (0.0, 0.0)) for key in row.items["id"]],
        }
        assert values.keys() == told.keys()
        given = []
        for name, column in values.items():
            tensor = np.array(column, np.int64 if told[name]["datatype"] == "INT64" else np.float32)
            tensor = tensor.reshape(len(column), *told[name]["shape"][1:])
            given.append(InferInput(name, list(tensor.shape), told[name]["datatype"]).set_data_from_numpy(tensor))
        check(films.infer("films", given), row)


def test_refusals_reach_the_client_with_status_and_place(
    client: Callable[[str], InferenceServerClient], golden: list[Row]
) -> None:
    row = golden[0]
    wrong = [one for one in inputs(row, binary=True) if one.name() != "price"]
    tensor = np.array(row.items["price"][:2])
    short = InferInput("price", [2], "FP64").set_data_from_numpy(tensor)
    for model, given, version, status, message in (
        ("films", wrong, "", "400", "$.inputs.price: missing"),
        ("films", [*wrong, short], "", "400", "$.inputs.price: 2 values"),
        ("films", inputs(row, binary=True), "99", "404", "no version '99'"),
    ):
        with pytest.raises(InferenceServerException) as refused:
            client("").infer(model, given, version)
        assert refused.value.status() == status
        assert refused.value.message().startswith(message)
