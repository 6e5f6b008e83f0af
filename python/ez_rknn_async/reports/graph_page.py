"""The page of a model: its graph from inputs to outputs, each operator coloured by where it runs."""

from __future__ import annotations

import os
from collections import Counter
from html import escape
from itertools import pairwise
from typing import Any

from .charts import svg
from .graph_layout import Vertex, lay_out
from .page import figures, page, section, table

BOX, TALL, ROW, BEND, GAP, EDGE = 190, 40, 78, 24, 22, 2
HALO = 'stroke="var(--card)" stroke-width="4" paint-order="stroke"'  # text stays legible where an edge passes under it


def graph_page(path: str, facts: dict[str, Any], graphs: list[dict[str, Any]]) -> str:
    """`facts` is what `_file.describe` says of the file, `graphs` what `_file.dump` says of its graphs."""
    subtitle = f"for {facts['target']}, compiler {facts['compiler_version'].partition('(')[0]}, format version {facts['format_version']}"
    sections = []
    for k, graph in enumerate(graphs):
        where = Counter(node["runs_on"] for node in graph["nodes"] if node["inputs"] and node["outputs"])
        numbers = [
            ("operators", str(sum(where.values()))),
            ("on the NPU", str(where["NPU"])),
            ("on the CPU", str(where["CPU"])),
            ("activations", f"{graph['arena_bytes'] / 1024:.1f} KiB"),
        ]
        if k == 0:
            numbers.insert(3, ("weights", f"{facts['weight_bytes'] / 1024:.1f} KiB"))
        name = f"Graph {k + 1} of {len(graphs)}" if len(graphs) > 1 else "Graph"
        sections.append(section(name, figures(numbers)))
        sections.append(section("Operators, in the order of execution", draw(graph), LEGEND))
        sections.append(section("Inputs and outputs", ports(facts["graphs"][k])))
    return page(os.path.basename(path), subtitle, sections)


LEGEND = (
    "Green runs on the NPU, orange on the CPU, grey are the model's inputs and outputs. An edge carries the shape and type "
    "of its tensor; point at a box for its name and attributes."
)


def ports(graph: dict[str, Any]) -> str:
    rows = [
        (
            kind,
            t["name"],
            str(t["shape"]),
            t["dtype"],
            f"{t['scale']:.6g}" if "scale" in t else "",
            str(t.get("zero_point", "")),
        )
        for kind in ("input", "output")
        for t in graph[kind + "s"]
    ]
    return table(("", "name", "shape", "type", "scale", "zero point"), rows)


def draw(graph: dict[str, Any]) -> str:
    nodes, tensors = graph["nodes"], graph["tensors"]
    maker = {tensor: k for k, node in enumerate(nodes) for tensor in node["outputs"]}
    edges, carried = [], []
    for k, node in enumerate(nodes):
        for tensor in node["inputs"]:
            if tensor in maker and maker[tensor] < k:
                edges.append((maker[tensor], k))
                carried.append(tensor)
    vertices, paths, width = lay_out(len(nodes), edges, BOX, BEND, GAP)
    parts, labels = [], []
    for path, tensor in zip(paths, carried, strict=True):
        parts.append(f'<path d="{curve(path)}" fill="none" stroke="var(--soft)" stroke-width="1.2" opacity="0.8"/>')
        end = path[-1]
        if len(end.above) == 1:  # elsewhere texts would cover each other
            text = escape(short(tensors[tensor]))
            labels.append(f'<text class="soft" x="{end.x + 6:.0f}" y="{end.row * ROW - 9}" {HALO}>{text}</text>')
    parts += labels
    parts += [box(vertex, nodes[vertex.node]) for vertex in vertices if vertex.node is not None]
    rows = max((v.row for v in vertices), default=0)
    moved = [f'<g transform="translate({EDGE} {EDGE})">', *parts, "</g>"]  # lines have a width
    return svg(max(width + 120, 600) + 2 * EDGE, rows * ROW + TALL + 2 * EDGE, moved)


def curve(path: list[Vertex]) -> str:
    """From the lower edge of the first box to the upper edge of the last."""
    points = [(v.x, v.row * ROW + (TALL if v is path[0] else 0 if v is path[-1] else TALL / 2)) for v in path]
    text = f"M{points[0][0]:.1f} {points[0][1]:.1f}"
    for (x0, y0), (x1, y1) in pairwise(points):
        middle = (y0 + y1) / 2
        text += f"C{x0:.1f} {middle:.1f} {x1:.1f} {middle:.1f} {x1:.1f} {y1:.1f}"
    return text


def box(vertex: Vertex, node: dict[str, Any]) -> str:
    port = not node["inputs"] or not node["outputs"]
    colour = "soft" if port else node["runs_on"].lower()
    x, y = vertex.x - BOX / 2, vertex.row * ROW
    name = node["name"].partition(":")[2] or node["name"]
    shown = name if len(name) <= 25 else "…" + name[-24:]
    said = "\n".join([node["name"], *(f"{key} = {value}" for key, value in node["attributes"].items())])
    kind = {"InputOperator": "input", "OutputOperator": "output"}.get(node["type"], node["type"])
    return (
        f'<g><title>{escape(said)}</title><rect x="{x:.1f}" y="{y}" width="{BOX}" height="{TALL}" rx="6" fill="var(--card)" '
        f'stroke="var(--{colour})" stroke-width="2"/>'
        f'<text x="{vertex.x:.1f}" y="{y + 17}" text-anchor="middle" font-weight="600">{escape(kind)}</text>'
        f'<text class="soft" x="{vertex.x:.1f}" y="{y + 32}" text-anchor="middle">{escape(shown)}</text></g>'
    )


def short(tensor: dict[str, Any]) -> str:
    return f"{'×'.join(map(str, tensor['shape'])) or 'scalar'} {tensor['dtype']}"
