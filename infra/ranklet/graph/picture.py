"""Draws a compiled model: its user, item and cross graph from left to right, and the values that cross between them.

Nodes of one side, one op and one depth are one box ("Gather × 40"), so that a model of many fields stays readable. What
is computed once per request is blue, what is stored per item green, what runs per candidate orange; the row per item,
and the values per request, stand between. Layout and drawing are networkx's and matplotlib's (extra `picture`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ranklet.graph.builder import read_anywhere
from ranklet.graph.packing import RECORD, SCALE
from ranklet.graph.records import Compiled, Piece

COLOURS = {"user": "#9ecae1", "item": "#a1d99b", "cross": "#fdae6b", "input": "#eeeeee", "record": "#74c476",
           "request": "#6baed6", "output": "#d9d9d9", "uncut": "#cccccc"}  # fmt: skip
LEGEND = {"user": "user: once per request", "item": "item: when the model is built", "cross": "cross: per candidate",
          "uncut": "uncut: per candidate"}  # fmt: skip
BETWEEN = ("record", "request")
MOST = 6
"""Shapes of a request's values that are written out."""

SUFFIXES = (".svg", ".png", ".pdf")
INSTALL = "pip install 'ranklet[picture]'"


class NoPicture(Exception):
    """The libraries that draw are not there, or the file's ending is none of SUFFIXES."""


@dataclass(frozen=True)
class Box:
    """What is drawn as one: nodes of one op at one depth of one side, or an end of the model."""

    side: str
    depth: int
    label: str


@dataclass
class Plan:
    """boxes: how many nodes each stands for. arrows: from, to. made: value → its box."""

    boxes: Counter[Box]
    arrows: dict[tuple[Box, Box], None]
    made: dict[str, Box]


def plan(compiled: Compiled) -> Plan:
    """What there is to draw; no library is needed for it."""
    found = Plan(Counter(), {}, {})
    if compiled.cross is None:
        _add(found, "uncut", compiled.whole)
    else:
        for side, piece in (("user", compiled.user), ("item", compiled.item)):
            if piece is not None:
                _add(found, side, piece)
        _between(found, compiled)
        _add(found, "cross", compiled.cross)
    for port in compiled.whole.outputs:
        _output(found, port.name)
    return found


def _add(plan: Plan, side: str, piece: Piece) -> None:
    """The nodes of one graph; a value's depth is one more than the deepest that it is made of."""
    import onnx_ir as ir

    graph = ir.from_proto(_proto(piece)).graph
    ends = {port.name: port for port in piece.inputs}
    for node in graph:
        read = [value.name or "" for value in read_anywhere(node) if not value.is_initializer()]
        before = [plan.made.get(name) or _input(plan, name) for name in read if name in plan.made or name in ends]
        if node.op_type == "Identity" and len(before) == 1:
            plan.made.update({value.name or "": before[0] for value in node.outputs})
            continue
        box = Box(side, 1 + max((b.depth + (b.side in BETWEEN) for b in before), default=0), node.op_type)
        plan.boxes[box] += 1
        plan.arrows.update({(one, box): None for one in before})
        plan.made.update({value.name or "": box for value in node.outputs})


def _proto(piece: Piece) -> Any:
    import onnx  # as slow to import as onnxruntime

    return onnx.load_from_string(piece.content)


def _shape(shape: tuple[int | None, ...]) -> str:
    return "[" + ", ".join("n" if size is None else str(size) for size in shape) + "]"


def _input(plan: Plan, name: str) -> Box:
    box = Box("input", 0, name)
    plan.boxes[box] += 1
    plan.made[name] = box
    return box


def _between(plan: Plan, compiled: Compiled) -> None:
    """The stored row stands between item and cross graph, a request's values between user and cross graph."""
    depth = 2 + max((box.depth for box in plan.boxes), default=0)
    record = compiled.record
    if record is not None and compiled.item is not None:
        label = f"row per item\n{record.width} × {record.dtype}\n{record.nbytes} bytes"
        box = _stand(plan, Box("record", depth, label), [field.name for field in record.fields])
        plan.made[RECORD] = plan.made[SCALE] = box
    if compiled.user is not None:
        ports = compiled.user.outputs
        shown = [_shape(port.shape) for port in ports[:MOST]] + (["…"] if len(ports) > MOST else [])
        names = [port.name for port in ports]
        box = _stand(plan, Box("request", depth, "\n".join(["values per request", *shown])), names)
        plan.made.update(dict.fromkeys(names, box))


def _stand(plan: Plan, box: Box, names: list[str]) -> Box:
    plan.boxes[box] += 1
    for name in names:
        if name in plan.made:
            plan.arrows[plan.made[name], box] = None
    return box


def _output(plan: Plan, name: str) -> None:
    if name in plan.made:
        last = plan.made[name]
        box = Box("output", last.depth + 1, name)
        plan.boxes[box] += 1
        plan.arrows[last, box] = None


def draw(compiled: Compiled, path: Path, title: str) -> None:
    """Write the picture; SVG keeps text as text. Raises NoPicture."""
    if path.suffix not in SUFFIXES:
        raise NoPicture(f"{path.name}: a picture ends in {', '.join(SUFFIXES)}")
    try:
        import matplotlib as mpl  # half a second, and an extra
        import networkx as nx
        from matplotlib.figure import Figure
    except ImportError as error:
        raise NoPicture(f"drawing needs matplotlib and networkx: {INSTALL}") from error
    found = plan(compiled)
    graph = nx.DiGraph()
    graph.add_nodes_from(found.boxes)
    graph.add_edges_from(found.arrows)
    places = _places(nx, graph)
    depth, most = max(b.depth for b in found.boxes), max(Counter(b.depth for b in found.boxes).values())
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "ranklet", "font.size": 7}):
        figure = Figure(figsize=(2 + 1.2 * (depth + 1), 1.2 + 0.55 * most))
        axes = figure.add_subplot()
        _paint(nx, axes, graph, places, found)
        axes.set_title(title, loc="left", fontsize=9)
        _legend(axes, {box.side for box in found.boxes})
        axes.set_axis_off()
        figure.savefig(path, bbox_inches="tight", dpi=130, metadata={"Date": None} if path.suffix == ".svg" else None)


def _places(nx: Any, graph: Any) -> Mapping[Box, tuple[float, float]]:
    """Layers by depth; within one, boxes in the order of what they are made of, sides apart."""
    order = {"user": 0.0, "request": 0.0, "cross": 1.0, "output": 1.0, "uncut": 1.0, "record": 2.0, "item": 2.0}
    height: dict[Box, float] = {}
    places: dict[Box, tuple[float, float]] = {}
    for layer in nx.topological_generations(_layered(graph)):
        boxes = [box for box in layer if isinstance(box, Box)]
        wanted = {}
        for box in boxes:
            own = order.get(box.side, 1.0)
            if box.side == "input":
                sides = [order.get(other.side, 1.0) for other in graph.successors(box)]
                own = sum(sides) / max(1, len(sides))
            before = [height[b] for b in graph.predecessors(box) if b in height]
            wanted[box] = (own, sum(before) / len(before) if before else 0.0, box.label)
        for place, box in enumerate(sorted(boxes, key=wanted.__getitem__)):
            apart = 1.6 if box.side in BETWEEN else 1.0
            height[box] = (place - (len(boxes) - 1) / 2) * apart
            places[box] = (float(box.depth), -height[box])
    return places


def _layered(graph: Any) -> Any:
    """The graph with a backbone, so that every box falls into the generation of its depth."""
    wide = graph.copy()
    for box in graph:
        for depth in range(box.depth):
            wide.add_edge(("depth", depth), ("depth", depth + 1))
        if box.depth:
            wide.add_edge(("depth", box.depth - 1), box)
    return wide


def _paint(nx: Any, axes: Any, graph: Any, places: Mapping[Box, tuple[float, float]], found: Plan) -> None:
    nx.draw_networkx_edges(
        graph, places, ax=axes, node_size=1400, arrowsize=6, width=0.6, edge_color="#777777",
        connectionstyle="arc3,rad=0.06",
    )  # fmt: skip
    for box, count in found.boxes.items():
        text = box.label if count == 1 else f"{box.label} × {count}"
        style = {"boxstyle": "round,pad=0.3", "facecolor": COLOURS[box.side], "edgecolor": "#555555", "linewidth": 0.6}
        axes.text(*places[box], text, ha="center", va="center", bbox=style)


def _legend(axes: Any, sides: set[str]) -> None:
    from matplotlib.patches import Patch

    patches = [Patch(facecolor=COLOURS[side], label=text) for side, text in LEGEND.items() if side in sides]
    axes.legend(handles=patches, loc="upper left", bbox_to_anchor=(0, -0.02), ncols=len(patches), frameon=False)
