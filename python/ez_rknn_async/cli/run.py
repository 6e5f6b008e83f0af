"""Run a model once on inputs from .npy files and save its outputs as .npy files."""

from __future__ import annotations

import argparse
import json
import pathlib
import re
import time
from typing import Any

NAME = "run"
HELP = "run a model on .npy inputs"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", help="a .rknn file")
    parser.add_argument(
        "--input",
        action="append",
        default=[],
        metavar="NAME=FILE.npy",
        help="once per model input; NAME= may be left out when the model has one input",
    )
    parser.add_argument("--output", metavar="DIR", help="where to write <output name>.npy (made if missing)")
    parser.add_argument("--runtime", help='"npu", "software" or the path of a librknnrt')
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


def read_inputs(arguments: list[str], names: list[str]) -> dict[str, Any]:
    import numpy as np

    feed = {}
    for argument in arguments:
        name, separator, path = argument.partition("=")
        if not separator:
            if len(names) != 1:
                raise ValueError(
                    f"--input {argument}: the model has {len(names)} inputs, write NAME={argument} with one of {', '.join(names)}"
                )
            name, path = names[0], argument
        if name not in names:
            raise ValueError(f"--input {argument}: the model has no input {name!r}; it has {', '.join(names)}")
        feed[name] = np.load(path, allow_pickle=False)
    missing = [name for name in names if name not in feed]
    if missing:
        raise ValueError(f"no --input for {', '.join(missing)}")
    return feed


def file_name(tensor_name: str) -> str:
    """A tensor name as a file name: what could leave the folder or confuse a shell becomes '_'."""
    return re.sub(r"[^\w.+-]", "_", tensor_name).lstrip(".") or "output"


def as_text(result: dict[str, Any]) -> str:
    lines = [f"{result['provider']}: loaded in {result['load_ms']:.1f} ms, ran in {result['run_ms']:.1f} ms"]
    for row in result["outputs"]:
        line = f"  {row['name']} {row['shape']} {row['dtype']}"
        if "min" in row:
            line += f"  min {row['min']:.6g}  max {row['max']:.6g}  mean {row['mean']:.6g}"
        lines.append(line + (f"  -> {row['file']}" if "file" in row else ""))
    return "\n".join(lines)
