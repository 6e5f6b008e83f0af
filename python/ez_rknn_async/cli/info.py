"""Say what a model is: target chip, compiler, inputs and outputs, operators and where each runs, memory; or draw its graph. Nothing is executed."""

from __future__ import annotations

import argparse
import json
from collections import Counter
from typing import Any

from .arguments import add_file, add_model, write_page
from .terminal import style

NAME = "info"
HELP = "say what a model is"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_model(parser)
    add_file(parser, "--html", help="also draw the graph, with where each operator runs, one self-contained file")


def run(args: argparse.Namespace) -> int:
    from .._file import describe

    facts = describe(args.model)
    if args.html:
        from .._file import dump
        from ..reports.graph_page import graph_page

        facts["html"] = write_page(args.html, graph_page(args.model, facts, dump(args.model, False)))
    print(json.dumps(facts, indent=1) if args.json else as_text(args.model, facts))
    return 0


def as_text(path: str, facts: dict[str, Any]) -> str:
    lines = [
        style(path, "bold"),
        f"  target     {facts['target']} ({facts['npu']}, cores: {facts['cores']})",
        f"  compiler   {facts['compiler_version']}, format version {facts['format_version']}, from {facts['framework'] or 'an unnamed framework'}",
        f"  memory     {size(facts['weight_bytes'])} weights, {size(max(g['arena_bytes'] for g in facts['graphs']))} activations, "
        f"{size(facts['file_bytes'])} file",
    ]
    if facts["custom_string"]:
        lines.append(f"  custom     {facts['custom_string']}")
    if facts["batch"] > 1:
        lines.append(f"  batch      {facts['batch']}")
    if facts["weights_removed"]:
        lines.append("  weights    removed: needs use_weight_from at run time")
    for k, graph in enumerate(facts["graphs"]):
        lines += ["", f"graph {k} of {len(facts['graphs'])}"] if len(facts["graphs"]) > 1 else [""]
        lines += [f"  input      {tensor_line(t)}" for t in graph["inputs"]]
        lines += [f"  output     {tensor_line(t)}" for t in graph["outputs"]]
        lines += ["", *operator_lines(graph["nodes"])]
    if "html" in facts:
        lines += ["", f"wrote {facts['html']}"]
    return "\n".join(lines)


def tensor_line(tensor: dict[str, Any]) -> str:
    text = f"{tensor['name']} {tensor['shape']} {tensor['dtype']} {tensor['layout']}"
    if "scale" in tensor:
        text += f" scale {tensor['scale']:.6g} zero point {tensor['zero_point']}"
    if "mean" in tensor:
        text += f" mean {tensor['mean']} std {tensor['std']}"
    return text


def operator_lines(nodes: list[dict[str, Any]]) -> list[str]:
    counts = Counter((n["type"], n["runs_on"]) for n in nodes)
    width = max((len(kind) for kind, _ in counts), default=8)
    lines = [style(f"  {'operator':{width}}  where  count", "bold")]
    for (kind, where), count in sorted(counts.items(), key=lambda item: (-item[1], item[0])):
        shown = style(f"{where:5}", "green" if where == "NPU" else "yellow")
        lines.append(f"  {kind:{width}}  {shown}  {count:5}")
    return lines


def size(count: int) -> str:
    """1536 -> '1.5 KiB'"""
    amount, units = float(count), ["B", "KiB", "MiB", "GiB"]
    while amount >= 1024 and len(units) > 1:
        amount /= 1024
        units.pop(0)
    return f"{amount:.4g} {units[0]}"
