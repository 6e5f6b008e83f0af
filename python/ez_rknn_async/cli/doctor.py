"""Say which runtime would be used and why, whether there is an NPU and who may use it, whether a model loads, and what to do about it. Exit code 1 when nothing can run."""

from __future__ import annotations

import argparse
import json
from typing import Any

from .arguments import add_model, add_runtime
from .terminal import style

NAME = "doctor"
HELP = "find out why a model does not run, or not on the NPU"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_model(parser, nargs="?", help="a .rknn file to try")
    add_runtime(parser)


def run(args: argparse.Namespace) -> int:
    from ..diagnosis import examine

    facts = examine(args.model, args.runtime)
    print(json.dumps(facts, indent=1) if args.json else as_text(facts))
    return 0 if facts["usable"] else 1


def as_text(facts: dict[str, Any]) -> str:
    lines = [
        style("runtime", "bold"),
        *runtime_lines(facts["runtime"], facts["npu"]),
        "",
        style("NPU", "bold"),
        *npu_lines(facts["npu"]),
    ]
    if "model" in facts:
        lines += ["", style("model", "bold"), *model_lines(facts["model"])]
    lines += ["", style("advice", "bold"), *(f"  - {text}" for text in facts["advice"] or ["nothing to do"])]
    return "\n".join(lines)


def runtime_lines(runtime: dict[str, Any], npu: dict[str, Any]) -> list[str]:
    if runtime["asked_by"]:
        why = f"{runtime['asked_by']} asks for it"
    else:
        why = "there is an NPU" if npu["present"] else "there is no NPU"
        if npu["present"] and runtime["software"]:
            why += ", but no vendor's library"
    kind = "the software NPU" if runtime["software"] else "a librknnrt"
    lines = [f"  {'used':8} {runtime['path']}, {kind}: {why}" if runtime["path"] else f"  {'used':8} none: {why}"]
    for attempt in runtime["attempts"]:
        lines.append(f"  {'tried':8} {attempt['path']}: {attempt['why_not'] or 'loaded'}")
    return lines


def npu_lines(npu: dict[str, Any]) -> list[str]:
    lines = [f"  {'chip':8} {npu['chip'] or 'not a Rockchip board, as far as the device tree says'}"]
    for d in npu["devices"]:
        if d["exists"]:
            allowed = "may be opened" if d["may_open"] else "may NOT be opened"
            lines.append(f"  {'device':8} {d['path']} {d['mode']} {d['owner']}:{d['group']}, {allowed} by this user")
        else:
            lines.append(f"  {'device':8} {d['path']}: {d['why_not']}")
    if not npu["devices"]:
        lines.append(f"  {'device':8} none")
    lines.append(f"  {'driver':8} {npu['driver'] or 'version not known'}")
    if npu["container"]:
        lines.append(f"  {'place':8} inside a container")
    return lines


def model_lines(model: dict[str, Any]) -> list[str]:
    lines = [f"  {'file':8} {model['path']}"]
    if "target" in model:
        lines.append(
            f"  {'made':8} for {model['target']} by {model['compiler_version']}, format version {model['format_version']}"
        )
    if "runtime_version" in model:
        lines.append(
            f"  {'loads':8} {style('yes', 'green')}, in runtime {model['runtime_version']}, driver {model['driver_version']}"
        )
    elif "error" in model:
        lines.append(f"  {'loads':8} {style('NO', 'red')}: {model['error']}")
    return lines
