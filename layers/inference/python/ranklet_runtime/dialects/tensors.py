"""The tensors of the Open Inference Protocol: their datatypes, in JSON and as bytes after it.

    read_bytes(FP32, b"\\0\\0\\x80?", 1)  → array([1.], float32)      no copy: the array is the message's memory
    read_json(INT64, [[1], [2]], (2, 1)) → array([1, 2])            `data` may be flat or nested as the shape says

What comes out is flat, in row-major order: an array, or a list of str. JSON numbers are held to the datatype they claim
(0.1 as FP32 is what 0.1 is in 32 bits), so that both ways of writing a tensor give the same scores. A null in JSON is a
missing value, and makes the column a list with None.
Sources: kserve/open-inference-protocol `inference_rest.md`, triton-inference-server/server `extension_binary_data.md`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from struct import Struct, pack
from struct import error as StructError
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ranklet_runtime.errors import BadRequest, Unprocessable

Sort = Literal["bool", "int", "float", "string"]
Flat = NDArray[Any] | list[Any]


class Datatype(NamedTuple):
    """dtype: of its elements as bytes, "V" for BYTES. letter: of `struct`, "" for what is not packed from JSON.

    plain: every pattern of bits is a value that features take.
    """

    name: str
    sort: Sort
    dtype: np.dtype[Any]
    letter: str = ""
    plain: bool = True

    @property
    def size(self) -> int:
        """Bytes of an element."""
        return self.dtype.itemsize


DATATYPES: Mapping[str, Datatype] = {
    one.name: one
    for one in (
        Datatype("BOOL", "bool", np.dtype("?"), plain=False),
        Datatype("UINT8", "int", np.dtype("u1"), "B"),
        Datatype("UINT16", "int", np.dtype("<u2"), "H"),
        Datatype("UINT32", "int", np.dtype("<u4"), "I"),
        Datatype("UINT64", "int", np.dtype("<u8"), "Q", plain=False),
        Datatype("INT8", "int", np.dtype("i1"), "b"),
        Datatype("INT16", "int", np.dtype("<i2"), "h"),
        Datatype("INT32", "int", np.dtype("<i4"), "i"),
        Datatype("INT64", "int", np.dtype("<i8"), "q"),
        Datatype("FP16", "float", np.dtype("<f2"), "e"),
        Datatype("FP32", "float", np.dtype("<f4"), "f"),
        Datatype("FP64", "float", np.dtype("<f8"), "d"),
        Datatype("BF16", "float", np.dtype("<u2"), plain=False),
        Datatype("BYTES", "string", np.dtype("V"), plain=False),
    )
}
FP32, FP64, INT64, BOOL, BYTES = (DATATYPES[name] for name in ("FP32", "FP64", "INT64", "BOOL", "BYTES"))

LENGTH = Struct("<I")
"""Of what precedes each element of BYTES."""

HIGHEST = np.iinfo(np.int64).max


def read_bytes(kind: Datatype, body: bytes, count: int, *, start: int, size: int, path: str) -> Flat:
    """The `count` elements that lie in `size` bytes of the body from `start` on.

    Raises BadRequest with `path` where size and count disagree, or for what no such element is.
    """
    if start + size > len(body):
        raise BadRequest(f"binary_data_size is {size}, but {len(body) - start} bytes are left", path=path)
    if kind is BYTES:
        return _texts(body[start : start + size], count, path)
    if size != count * kind.size:
        raise BadRequest(
            f"binary_data_size is {size}, must be {count * kind.size} for {count} of {kind.name}", path=path
        )
    if not count:
        return np.empty(0, np.float32 if kind.name == "BF16" else kind.dtype)
    array: NDArray[Any] = np.frombuffer(body, kind.dtype, count, start)
    return array if kind.plain else _checked(array, kind, path)


def read_json(kind: Datatype, data: Any, shape: Sequence[int], *, path: str) -> Flat:
    """The elements of `data`, flat or nested.

    Raises BadRequest with `path` for a value that the datatype does not have, Unprocessable where data and shape
    disagree.
    """
    values = _flat(data, shape, path)
    if kind.sort == "string":
        return values
    if kind.sort == "bool":
        if not {bool}.issuperset(map(type, values)):
            raise BadRequest("BOOL in JSON is true or false", path=path)
        return np.array(values, bool)
    if not kind.letter:
        raise BadRequest(f"{kind.name} has no form in JSON; send it as binary data", path=path)
    try:
        array = np.frombuffer(pack(f"{len(values)}{kind.letter}", *values), kind.dtype)
    except (StructError, TypeError, OverflowError):
        return _one_by_one(kind, values, path)
    if _may_hold_bools(array) and bool in set(map(type, values)):
        return values
    return array if kind.plain or not len(array) else _checked(array, kind, path)


def write_bytes(kind: Datatype, column: Flat) -> bytes:
    """A column as bytes; None in BYTES is written as an empty element, as it has no other way."""
    if kind.sort != "string":
        return np.ascontiguousarray(column, kind.dtype).tobytes()
    # What repeats, as labels do, is encoded once.
    encoded = {word: _element(word) for word in set(column)}
    return b"".join([encoded[word] for word in column])


def _element(word: str | None) -> bytes:
    text = (word or "").encode("utf-8", "replace")
    return LENGTH.pack(len(text)) + text


def _texts(part: bytes, count: int, path: str) -> list[str]:
    """Elements of BYTES, which are texts here: no model reads others."""
    found: list[str] = []
    at, take = 0, LENGTH.unpack_from
    try:
        for _ in range(count):
            end = at + 4 + take(part, at)[0]
            found.append(part[at + 4 : end].decode())
            at = end
    except StructError:
        at = -1
    except UnicodeDecodeError as error:
        raise BadRequest("not valid UTF-8", path=f"{path}[{len(found)}]") from error
    if at != len(part):
        raise BadRequest(f"{len(part)} bytes do not hold {count} of BYTES, each after its length", path=path)
    return found


def _flat(data: Any, shape: Sequence[int], path: str) -> list[Any]:
    if type(data) is not list:
        raise BadRequest("must be a list of values, or the tensor has binary_data_size", path=path)
    if data and type(data[0]) is list:
        data = _unnested(data, shape, path)
    count = len(data)
    wanted = 1
    for size in shape:
        wanted *= size
    if count != wanted:
        raise Unprocessable(f"{count} values for the shape {list(shape)}, which has {wanted}", path=path)
    found: list[Any] = data
    return found


def _unnested(data: list[Any], shape: Sequence[int], path: str) -> list[Any]:
    for depth, size in enumerate(shape):
        if depth:
            if not {list}.issuperset(map(type, data)) or not {size}.issuperset(map(len, data)):
                raise Unprocessable(f"must be flat, or nested as the shape {list(shape)} says", path=path)
            data = list(chain.from_iterable(data))
        elif len(data) != size:
            raise Unprocessable(f"{len(data)} rows for the shape {list(shape)}", path=path)
    return data


def _may_hold_bools(array: NDArray[Any]) -> bool:
    """`pack` takes True for 1, so only where a number is 0 or 1 the types are looked at."""
    return len(array) < 100 or bool(((array == 0) | (array == 1)).any())


def _one_by_one(kind: Datatype, values: list[Any], path: str) -> list[Any]:
    """Values among which one is missing or wrong; what is no number at all is left to the feature, which names it."""
    for at, value in enumerate(values):
        if type(value) in (int, float) and not (kind.sort == "int" and type(value) is float):
            try:
                pack(kind.letter, value)
            except (StructError, OverflowError) as error:
                raise BadRequest(f"{str(value)[:40]} is beyond {kind.name}", path=f"{path}[{at}]") from error
    if kind.sort == "int":
        return values
    narrow = kind.dtype.type
    return [float(narrow(value)) if type(value) in (int, float) else value for value in values]


def _checked(array: NDArray[Any], kind: Datatype, path: str) -> NDArray[Any]:
    """What is not plain as what features take: nothing holds more than 63 bits and a sign."""
    if kind.name == "BF16":  # the upper half of the 32 bits of a FP32
        return (array.astype("<u4") << 16).view("<f4")
    if kind is BOOL:
        if array.view(np.uint8).max() > 1:
            raise BadRequest("the bytes of BOOL are 0 and 1", path=path)
    elif int(array.max()) > HIGHEST:
        raise BadRequest("an int beyond 64 bits (signed)", path=f"{path}[{int(array.argmax())}]")
    return array


def kind_of(labels: Iterable[Any]) -> Datatype:
    """The datatype of values that are one of these."""
    types = set(map(type, labels))
    if types == {bool}:
        return BOOL
    if types == {int}:
        return INT64
    return FP64 if types and types <= {int, float} else BYTES
