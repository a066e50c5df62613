"""Hands a model's graph to the compiler with the author's options, and remembers the choice that measuring made.

Times vary from run to run, and what ships must not: the choice is noted beside the bundle under a digest of everything
that it depends on (graph, sides, options, onnxruntime's version), and a later build of the same takes it unmeasured.
`[split] variant` does the same across machines.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import msgspec
import onnx_ir as ir
import orjson

from ranklet.graph.compiler import compile as compile_graph
from ranklet.graph.dead import drop
from ranklet.graph.records import Compiled, Options, Sides
from ranklet.graph.times import BASE
from ranklet.model import Model
from ranklet.splitting.subject import Subject
from ranklet_features.spec import VectorType

BYTES_PER_NUMBER = 4
"""The compiler counts an item's row as float32."""


@dataclass(frozen=True)
class Choice:
    """What was measured. key: of what it depends on. shipped: `uncut`, `A`, `A+`, `B` or `B+`. below: as a report's."""

    key: str
    shipped: str
    reason: str
    declined: Mapping[str, str] = field(default_factory=dict)
    timings: tuple[Mapping[str, Any], ...] = ()
    control: float = 1.0
    below: int = 0


def options(subject: Subject) -> Options:
    """What model.toml says, and what the features know of the graph's inputs."""
    split, limits = subject.model.split, subject.model.limits
    numbers = tuple(n for n in split.candidates if n <= limits.items) or (limits.items,)
    return Options(
        mode="force" if split.mode == "force" else "auto",
        cut_rows=split.cut_rows,
        limits=_limits(subject),
        extents=_extents(subject),
        candidates=numbers,
        row_bytes=_numbers(split.row_bytes, split.row_dtype) * BYTES_PER_NUMBER,
        seed=split.seed,
        apart=bool(split.user_cache_entries),  # only a user part of its own can be kept
    )


def compiled(subject: Subject, sides: Sides, known: Choice | None) -> Compiled:
    """The compiler's answer; what is known already, or named in model.toml, is not measured again."""
    return compile_graph(_graph(subject), sides, _only(subject.model, options(subject), known))


def _graph(subject: Subject) -> ir.Model:
    """The graph with the outputs that model.toml names."""
    import onnx  # as slow to import as onnxruntime

    assert subject.exported.content is not None, "a graph has content"
    graph = ir.from_proto(onnx.load_from_string(subject.exported.content))
    if subject.exported.outside is not None:
        ir.external_data.set_base_dir(graph.graph, subject.exported.outside)
    wanted = {end.name for end in subject.exported.outputs}
    for value in [value for value in graph.graph.outputs if value.name not in wanted]:
        graph.graph.outputs.remove(value)
    drop(graph.graph)
    return graph


def digest(subject: Subject, sides: Sides) -> str:
    """Of all that a choice depends on, but the machine."""
    asked = [sides, asdict(options(subject)), [end.name for end in subject.exported.outputs], version("onnxruntime")]
    content = subject.exported.content or b""
    return hashlib.sha256(hashlib.sha256(content).digest() + msgspec.json.encode(asked, order="sorted")).hexdigest()


def remembered(path: Path, key: str) -> Choice | None:
    """The choice of an earlier build of the same; None without one."""
    try:
        found = msgspec.json.decode(path.read_bytes(), type=dict[str, Any]).get("choice")
        choice = msgspec.convert(found, Choice)
    except (OSError, msgspec.MsgspecError, AttributeError):
        return None
    return choice if choice.key == key else None


def choice(key: str, made: Compiled) -> Choice:
    """The choice that a compiled model records."""
    report = made.report
    return Choice(
        key,
        report.shipped,
        report.reason,
        dict(report.declined),
        tuple(map(asdict, report.timings)),
        report.control,
        report.below,
    )


def note(path: Path, choice: Choice | None, made: Compiled, outcome: Mapping[str, Any]) -> None:
    """Write outcome and the whole report beside the bundle, and the choice that a later build may take."""
    document = {"choice": choice, "outcome": outcome, "report": made.report}
    path.write_bytes(orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))


def _only(model: Model, given: Options, known: Choice | None) -> Options:
    named: str | None = model.split.variant
    below = model.split.uncut_below
    if named is None and known is not None:
        named, below = known.shipped, known.below
    if named is None:
        return given
    if named == BASE:
        return replace(given, mode="off")
    return replace(given, only=named, below=below)  # type: ignore[arg-type]


def _limits(subject: Subject) -> dict[str, int]:
    """Ids that features make lie below their number."""
    found = {}
    for end in subject.exported.inputs:
        feature = subject.owners[subject.tensor(end.name)]
        own = feature.ids if next(iter(feature.signature)) == subject.tensor(end.name) else None
        bounds = [bound for bound in (own, end.limit) if bound is not None]
        if bounds:
            found[end.name] = min(bounds)
    return found


def _extents(subject: Subject) -> dict[str, int]:
    """Sizes that the graph leaves open and the features fix (`length` of a bag)."""
    import onnx  # as above

    assert subject.exported.content is not None, "a graph has content"
    graph = onnx.load_from_string(subject.exported.content).graph
    found: dict[str, set[int | None]] = {}
    for value in graph.input:
        if value.name not in {end.name for end in subject.exported.inputs}:
            continue
        tail = subject.signature(value.name).shape
        dims = value.type.tensor_type.shape.dim[1:]
        for axis, dim in enumerate(dims, start=1):
            if not dim.HasField("dim_value"):
                size = tail[axis - 1] if len(tail) == len(dims) else None
                found.setdefault(dim.dim_param or f"{value.name}.{axis}", set()).add(size)
    return {label: size for label, (size, *more) in found.items() if size is not None and not more}


def _numbers(row_bytes: int, dtype: VectorType) -> int:
    """How many numbers of a dtype fit a row; int8 rows have a scale of four bytes."""
    return max(1, {"f32": row_bytes // 4, "f16": row_bytes // 2, "int8": row_bytes - 4}[dtype])
