"""Time and arithmetic of every layer of a model: the runtime's own table of times beside what the file says of the work."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Mapping
from statistics import median
from typing import Any

import numpy as np

from ._file import dump
from .session import InferenceSession

MOST_RUNS = 200


def profile(
    model: str | os.PathLike[str], feed: Mapping[str, np.ndarray], *, runtime: str | None = None, seconds: float = 1.0
) -> list[dict[str, Any]]:
    """One dict a layer, in the order they run: name, type, where ("NPU" or "CPU"), dtype, microseconds (median over the runs),
    share (of the sum), macs (multiply-accumulates, 0 for layers without), gmacs_per_second.

    The runtime measures whole microseconds, so a small layer's rate is rough. Raises what InferenceSession raises.
    """
    options = {"collect_perf": True} | ({"runtime": runtime} if runtime else {})
    with InferenceSession(model, provider_options=options) as session:
        session.run(None, feed)
        runs: list[list[dict[str, Any]]] = []
        end = time.perf_counter() + seconds
        while not runs or (time.perf_counter() < end and len(runs) < MOST_RUNS):
            session.run(None, feed)
            runs.append(parse(session.get_perf_detail()))
    work = macs(model)
    rows = []
    for same in zip(*runs, strict=True):
        row = dict(same[0]) | {"microseconds": median(layer["microseconds"] for layer in same)}
        count = work.get(row["name"], 0)
        rate = count / row["microseconds"] / 1e3 if row["microseconds"] else None
        rows.append(row | {"macs": count, "gmacs_per_second": rate if count else None})
    total = sum(row["microseconds"] for row in rows)
    return [row | {"share": row["microseconds"] / total if total else 0.0} for row in rows]


def parse(table: str) -> list[dict[str, Any]]:
    """The layers of what get_perf_detail returns: a row a layer below a heading, cells parted by blanks."""
    rows: list[dict[str, Any]] = []
    columns: list[str] = []
    for line in table.splitlines():
        cells = line.split()
        if not columns and cells[:2] == ["ID", "OpType"]:
            columns = [cell.partition("(")[0] for cell in cells]
        elif columns and len(cells) >= len(columns) and cells[0].isdigit():
            row = dict(zip(columns, cells, strict=False))
            rows.append(
                {
                    "name": row["FullName"],
                    "type": row["OpType"],
                    "where": row["Target"],
                    "dtype": row["DataType"].lower(),
                    "microseconds": int(row["Time"]),
                }
            )
        elif columns and line.startswith("Total"):
            break
    return rows


def macs(model: str | os.PathLike[str]) -> dict[str, int]:
    """Multiply-accumulates of one run by node name, as the table spells it (blanks as "_"); of the first graph.

    Convolutions, transposed convolutions, fully connected layers and matrix products have some; padding counts as work.
    """
    graph = dump(os.fspath(model), False)[0]
    tensors = graph["tensors"]
    found = {}
    for node in graph["nodes"]:
        shapes = [tensors[k]["shape"] for k in node["inputs"]]
        constant = [tensors[k]["kind"] == "constant" for k in node["inputs"]]
        if not node["outputs"] or len(shapes) < 2:
            continue
        out = tensors[node["outputs"][0]]["shape"]
        count = 0
        if node["type"].startswith(("ConvTranspose", "Deconv")):
            count = math.prod(shapes[0]) * math.prod(shapes[1][1:])
        elif node["type"].startswith("Conv") and constant[1] and len(shapes[1]) == 4:
            group = node["attributes"].get("group", 1)
            per_output = math.prod(shapes[1][2:]) * (shapes[0][1] // max(group, 1))
            count = math.prod(out) * per_output
        elif node["type"].lower().startswith(("gemm", "matmul", "exmatmul")) and shapes[0]:
            count = math.prod(out) * shapes[0][-1]
        if count:
            found[node["name"].replace(" ", "_")] = count
    return found
