"""Print what is inside a model: tensors, nodes with their attributes, hardware tasks with their register commands. Without a filter, all of it."""

from __future__ import annotations

import argparse
import json
from typing import Any

from .arguments import add_model

NAME = "dump"
HELP = "print a model's tensors, nodes, tasks and register commands"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_model(parser)
    parser.add_argument(
        "--node", type=int, action="append", metavar="N", help="this node only, with its tensors and tasks"
    )
    parser.add_argument("--tensors", action="store_true", help="the tensors")
    parser.add_argument("--nodes", action="store_true", help="the nodes")
    parser.add_argument("--tasks", action="store_true", help="the tasks")


def run(args: argparse.Namespace) -> int:
    from .._file import describe, dump

    parts = [name for name in ("tensors", "nodes", "tasks") if getattr(args, name)] or ["tensors", "nodes", "tasks"]
    facts = describe(args.model)
    facts["graphs"] = [select(graph, args.node, parts) for graph in dump(args.model, "tasks" in parts)]
    print(json.dumps(facts, indent=1) if args.json else as_text(args.model, facts))
    return 0


def select(graph: dict[str, Any], nodes: list[int] | None, parts: list[str]) -> dict[str, Any]:
    """The parts asked for, of the nodes asked for; every entry with its number in the file as "id"."""
    numbered = {
        name: [{"id": k} | entry for k, entry in enumerate(graph[name])] for name in ("tensors", "nodes", "tasks")
    }
    if nodes is not None:
        unknown = [n for n in nodes if not 0 <= n < len(graph["nodes"])]
        if unknown:
            raise ValueError(f"--node {unknown[0]}: the model has nodes 0 to {len(graph['nodes']) - 1}")
        chosen = [numbered["nodes"][n] for n in dict.fromkeys(nodes)]
        wanted = {t for node in chosen for t in node["inputs"] + node["outputs"]}
        numbered["tensors"] = [t for t in numbered["tensors"] if t["id"] in wanted]
        numbered["tasks"] = [t for t in numbered["tasks"] if t["node"] in nodes]
        numbered["nodes"] = chosen
    kept = {key: value for key, value in graph.items() if key not in numbered}
    return kept | {name: numbered[name] for name in parts}


def as_text(path: str, facts: dict[str, Any]) -> str:
    lines = [
        f"{path}: {facts['target']}, compiler {facts['compiler_version']}, format version {facts['format_version']}",
    ]
    for k, graph in enumerate(facts["graphs"]):
        if len(facts["graphs"]) > 1:
            lines += ["", f"graph {k} of {len(facts['graphs'])}"]
        lines += ["", f"inputs {graph['inputs']}, outputs {graph['outputs']}, arena {graph['arena_bytes']} bytes"]
        if "tensors" in graph:
            lines += ["", "tensors", *map(tensor_line, graph["tensors"])]
        if "nodes" in graph:
            lines += ["", "nodes"]
            for node in graph["nodes"]:
                lines += node_lines(node)
        if "tasks" in graph:
            lines += ["", "tasks"]
            for task in graph["tasks"]:
                lines += task_lines(task)
    return "\n".join(lines)


def tensor_line(t: dict[str, Any]) -> str:
    line = f"  {t['id']:4} {t['kind']:13} {t['dtype']:8} {t['layout']:7} {t['shape']}"
    if t["native_shape"]:
        line += f" as {t['native_shape']}"
    line += f" {t['bytes']} bytes"
    if "arena_offset" in t:
        line += f" at {t['arena_offset']:#x}"
    if len(t.get("scales", ())) > 1:
        line += f", {len(t['scales'])} scales"
    elif "scale" in t:
        line += f", scale {t['scale']:.6g} zero point {t['zero_point']}"
    return f"{line}  {t['name']}"


def node_lines(n: dict[str, Any]) -> list[str]:
    where = n["runs_on"]
    if n["task_count"]:
        where += f", tasks {n['first_task']} to {n['first_task'] + n['task_count'] - 1}"
    head = f"  {n['id']:4} {n['type']} {n['name']!r} on {where}: tensors {n['inputs']} -> {n['outputs']}"
    return [head, *(f"         {name} = {value!r}" for name, value in n["attributes"].items())]


def task_lines(t: dict[str, Any]) -> list[str]:
    head = f"  {t['id']:4} of node {t['node']}: {t['blocks']} ({t['enable']:#04x}), words {t['first_word']} to {t['first_word'] + t['words'] - 1}"
    return [head, *(f"         {line}" for line in t.get("registers", ["(registers of a chip that is not known)"]))]
