"""Shared objects without what only debuggers and linkers read: symbol tables, debug information, section headers.

The loader of a system looks at program headers alone (ELF-64 object file format, "Program loading"): what no loadable
segment covers may go, and segments move up where that leaves a hole. `strip` would do it, but not every engineer has
one that knows Lambda's other architecture, and it has broken libraries whose segments were moved by patchelf, as wheels
have them. A file that looks different from what is understood here stays as it is.
"""

from __future__ import annotations

import struct
from pathlib import Path

HEADER, SEGMENT = struct.Struct("<16sHHIQQQIHHHHHH"), struct.Struct("<IIQQQQQQ")
IDENT = b"\x7fELF\x02\x01"
"""64 bits, little-endian."""
SHARED, LOAD = 3, 1
WORTH = 4096
"""Bytes that must be won: else the file is the wheel's own, to the bit."""


def lighten(path: Path) -> int:
    """Rewrite a shared object in place; the bytes that it lost."""
    before = path.read_bytes()
    after = lightened(before)
    if len(before) - len(after) < WORTH:
        return 0
    path.write_bytes(after)
    return len(before) - len(after)


def lightened(data: bytes) -> bytes:
    """The object's loadable part; the very same bytes where its form is not understood."""
    if len(data) < HEADER.size or not data.startswith(IDENT):
        return data
    head = list(HEADER.unpack_from(data))
    kind, place, size, count = head[1], head[5], head[9], head[10]
    if kind != SHARED or size != SEGMENT.size or place + size * count > len(data):
        return data
    segments = [list(SEGMENT.unpack_from(data, place + size * number)) for number in range(count)]
    loads = sorted((one for one in segments if one[0] == LOAD), key=lambda one: one[2])
    starts = _starts(loads, len(data))
    if not starts or loads[0][2] or loads[0][5] < place + size * count or not all(_inside(s, loads) for s in segments):
        return data
    out = bytearray(starts[-1] + loads[-1][5])
    for load, start in zip(loads, starts, strict=True):
        out[start : start + load[5]] = data[load[2] : load[2] + load[5]]
    shifts = [(load[3], load[3] + load[6], start - load[2]) for load, start in zip(loads, starts, strict=True)]
    for number, one in enumerate(segments):
        one[2] += next((shift for first, end, shift in shifts if first <= one[3] < end), 0)
        SEGMENT.pack_into(out, place + size * number, *one)
    head[6] = head[12] = head[13] = 0  # section headers: where, how many, their names
    HEADER.pack_into(out, 0, *head)
    return bytes(out)


def _starts(loads: list[list[int]], length: int) -> list[int]:
    """Where each loadable segment may begin: as early as its address modulo its alignment allows. [] for odd ones."""
    starts, end, old_end = [], 0, 0
    for _, _, offset, address, _, inside, _, align in loads:
        page = max(align, 1)
        if offset < old_end or offset + inside > length or (offset - address) % page:
            return []
        starts.append(end + (address - end) % page)
        if starts[-1] > offset:
            return []
        end, old_end = starts[-1] + inside, offset + inside
    return starts


def _inside(segment: list[int], loads: list[list[int]]) -> bool:
    """Whether a segment's bytes lie in a loadable one, at the same place in file and memory."""
    _, _, offset, address, _, inside, _, _ = segment
    return inside == 0 or any(
        load[2] <= offset and offset + inside <= load[2] + load[5] and offset - load[2] == address - load[3]
        for load in loads
    )
