"""Where the nodes of a directed graph go on paper: rows by longest path, order within a row by the neighbours' mean, in sweeps."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise

SWEEPS = 8


@dataclass
class Vertex:
    """A node of the graph, or (`node` None) a bend of an edge that passes a row."""

    node: int | None
    row: int
    width: float
    x: float = 0.0  # centre
    above: list[Vertex] = field(default_factory=list, repr=False)
    below: list[Vertex] = field(default_factory=list, repr=False)


def lay_out(
    count: int, edges: list[tuple[int, int]], width: float, bend: float, gap: float
) -> tuple[list[Vertex], list[list[Vertex]], float]:
    """Vertices of the `count` nodes, every edge as the vertices it passes, and the width of it all.

    edges   (from, to), from < to: the nodes are in an order of execution. `width` is that of a node, `bend` of an edge in passing.
    """
    rows_of = [0] * count
    for a, b in sorted(edges):
        rows_of[b] = max(rows_of[b], rows_of[a] + 1)
    following: dict[int, int] = {}
    for a, b in edges:
        following[a] = min(following.get(a, rows_of[b]), rows_of[b])
    has_input = {b for _, b in edges}
    for node in range(count):  # a source stands just above what it feeds
        if node not in has_input and node in following:
            rows_of[node] = following[node] - 1
    vertices = [Vertex(node, rows_of[node], width) for node in range(count)]
    rows: list[list[Vertex]] = [[] for _ in range(max(rows_of, default=0) + 1)]
    for vertex in vertices:
        rows[vertex.row].append(vertex)
    paths = []
    for a, b in edges:
        path = [vertices[a]]
        for passed in range(rows_of[a] + 1, rows_of[b]):
            path.append(Vertex(None, passed, bend))
            rows[passed].append(path[-1])
        path.append(vertices[b])
        for upper, lower in pairwise(path):
            upper.below.append(lower)
            lower.above.append(upper)
        paths.append(path)
    for row in rows:
        pack(row, gap)
    for sweep in range(SWEEPS):
        down = sweep % 2 == 0
        order: Iterable[list[Vertex]] = rows if down else reversed(rows)
        for row in order:
            wanted = {id(v): mean(v.above if down else v.below, v.x) for v in row}
            row.sort(key=lambda v: wanted[id(v)])
            for vertex in row:
                vertex.x = wanted[id(vertex)]
            spread(row, gap)
    left = min((v.x - v.width / 2 for row in rows for v in row), default=0.0)
    for row in rows:
        for vertex in row:
            vertex.x -= left
    return vertices, paths, max((v.x + v.width / 2 for row in rows for v in row), default=0.0)


def mean(vertices: list[Vertex], otherwise: float) -> float:
    return sum(v.x for v in vertices) / len(vertices) if vertices else otherwise


def pack(row: list[Vertex], gap: float) -> None:
    """Beside each other, around 0."""
    at = -(sum(v.width for v in row) + gap * (len(row) - 1)) / 2
    for vertex in row:
        vertex.x = at + vertex.width / 2
        at += vertex.width + gap


def spread(row: list[Vertex], gap: float) -> None:
    """Move apart what overlaps, in place and in order: groups that touch share the mean of what their members wish."""
    groups: list[list[Vertex]] = []
    for vertex in row:
        groups.append([vertex])
        while len(groups) > 1 and end(groups[-2]) + gap > begin(groups[-1]) + 1e-6:
            merged = groups[-2] + groups[-1]
            groups[-2:] = [merged]
            centre = sum(v.x for v in merged) / len(merged)
            pack(merged, gap)
            for member in merged:
                member.x += centre


def begin(group: list[Vertex]) -> float:
    return group[0].x - group[0].width / 2


def end(group: list[Vertex]) -> float:
    return group[-1].x + group[-1].width / 2
