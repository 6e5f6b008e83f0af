"""Compare a compiled model with the ONNX model it was made of, layer by layer: cosine, largest difference, relative error of every
tensor whose name both have. Runs on the software NPU and ONNX Runtime."""

from __future__ import annotations

import argparse
import json
from typing import Any

from .arguments import add_file, add_inputs, add_model, read_inputs
from .terminal import Progress, style

NAME = "compare"
HELP = "say how far each layer is from the ONNX model"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_model(parser)
    add_file(parser, "--onnx", required=True, help="the model it was compiled from")
    add_inputs(parser, "; without any, random numbers within each input's range")
    parser.add_argument("--seed", type=int, default=0, help="of the random inputs (default 0)")
    parser.add_argument("--worst", type=int, metavar="N", help="only the N tensors with the largest relative error")


def run(args: argparse.Namespace) -> int:
    from .._file import describe
    from ..accuracy import compare

    inputs = None
    if args.input:
        inputs = read_inputs(args.input, [t["name"] for t in describe(args.model)["graphs"][0]["inputs"]])
    try:
        with Progress("comparing") as progress:
            result = compare(args.model, args.onnx, inputs, seed=args.seed, progress=progress)
    except ImportError as e:
        raise RuntimeError(str(e)) from None
    if args.worst is not None:
        result["tensors"] = sorted(result["tensors"], key=lambda row: -row["relative"])[: args.worst]
    print(json.dumps(result, indent=1) if args.json else as_text(result))
    return 0


def as_text(result: dict[str, Any]) -> str:
    rows = result["tensors"]
    if not rows:
        return "no tensor has the same name in both models"
    width = max(len("tensor"), *(len(row["name"]) for row in rows))
    kind = max(len("made by"), *(len(row["type"]) for row in rows))
    heading = f"{'tensor':{width}}  {'made by':{kind}}  {'type':7}    cosine    max diff  of range  relative   steps"
    lines = [style(heading, "bold")]
    for row in rows:
        of_range = f"{row['max_abs'] / row['range']:8.2%}" if row["range"] else f"{'':8}"
        steps = f"{row['max_steps']:8.2f}" if "max_steps" in row else ""
        lines.append(
            f"{row['name']:{width}}  {row['type']:{kind}}  {row['dtype']:7}  {row['cosine']:8.6f}  {row['max_abs']:10.4g}  "
            f"{of_range}  {row['relative']:8.2%}{steps}".rstrip()
        )
    if result["unmatched"]:
        lines.append(f"only in the .rknn: {', '.join(result['unmatched'])}")
    if result["inputs"] == "random":
        lines.append("The inputs were random numbers; real ones (--input) say more.")
    return "\n".join(lines)
