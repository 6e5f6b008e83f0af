"""Run a model once on inputs from .npy files and save its outputs as .npy files."""

from __future__ import annotations

import argparse
import json
import pathlib
import re
import time
from typing import Any

from .arguments import add_inputs, add_model, add_runtime, complete, read_inputs
from .terminal import style

NAME = "run"
HELP = "run a model on .npy inputs"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_model(parser)
    add_inputs(parser, "")
    output = parser.add_argument("--output", metavar="DIR", help="where to write <output name>.npy (made if missing)")
    complete(output, "directory")
    add_runtime(parser)
    parser.add_argument("--native", action="store_true", help="keep the model's own output types instead of float32")


def run(args: argparse.Namespace) -> int:
    import numpy as np

    from .. import InferenceSession

    options = {
        key: value
        for key, value in (("runtime", args.runtime), ("output_dtype", "native" if args.native else None))
        if value
    }
    start = time.perf_counter()
    session = InferenceSession(args.model, provider_options=options)
    loaded = time.perf_counter()
    outputs = session.run(None, read_inputs(args.input, session.input_names))
    done = time.perf_counter()

    directory = pathlib.Path(args.output) if args.output else None
    if directory:
        directory.mkdir(parents=True, exist_ok=True)
    rows = []
    for name, value in zip(session.output_names, outputs, strict=True):
        row: dict[str, Any] = {"name": name, "shape": list(value.shape), "dtype": str(value.dtype)}
        if directory:
            row["file"] = str(directory / (file_name(name) + ".npy"))
            np.save(row["file"], value)
        if value.size:
            row |= {"min": float(value.min()), "max": float(value.max()), "mean": float(value.mean(dtype=np.float64))}
        rows.append(row)
    result = {
        "provider": session.get_providers()[0],
        "load_ms": 1e3 * (loaded - start),
        "run_ms": 1e3 * (done - loaded),
        "outputs": rows,
    }
    print(json.dumps(result, indent=1) if args.json else as_text(result))
    return 0


def file_name(tensor_name: str) -> str:
    """A tensor name as a file name: what could leave the folder or confuse a shell becomes '_'."""
    return re.sub(r"[^\w.+-]", "_", tensor_name).lstrip(".") or "output"


def as_text(result: dict[str, Any]) -> str:
    lines = [
        f"{style(result['provider'], 'bold')}: loaded in {result['load_ms']:.1f} ms, ran in {result['run_ms']:.1f} ms"
    ]
    for row in result["outputs"]:
        line = f"  {row['name']} {row['shape']} {row['dtype']}"
        if "min" in row:
            line += f"  min {row['min']:.6g}  max {row['max']:.6g}  mean {row['mean']:.6g}"
        lines.append(line + (f"  -> {row['file']}" if "file" in row else ""))
    return "\n".join(lines)
