"""Compile an ONNX file for a chip with the vendor's rknn-toolkit2, which is installed apart (see --python). Its log goes to standard error."""

from __future__ import annotations

import argparse
import json
import time
from typing import Any

from .arguments import complete

NAME = "convert"
HELP = "compile an ONNX file with an installed rknn-toolkit2"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    complete(parser.add_argument("onnx", help="the file to compile"), "file")
    complete(parser.add_argument("output", help="the .rknn file to write"), "file")
    parser.add_argument("--target", default="rk3588", help="the chip (rk3588)")
    parser.add_argument(
        "--dataset",
        metavar="FILE",
        help="samples to quantise with, as the toolkit lists them; without it the model is fp16",
    )
    parser.add_argument("--no-quantise", action="store_true", help="fp16, even with a dataset")
    parser.add_argument("--mean", type=numbers, metavar="M,M,M", action="append", help="per channel; once per input")
    parser.add_argument("--std", type=numbers, metavar="S,S,S", action="append", help="per channel; once per input")
    parser.add_argument("--rgb2bgr", action="store_true", help="read the dataset's pictures as BGR")
    parser.add_argument("--custom-string", metavar="TEXT", help="text that the file carries")
    parser.add_argument("--remove-weight", action="store_true", help="leave the weights out")
    parser.add_argument(
        "--input",
        type=named_shape,
        metavar="NAME=1,3,224,224",
        action="append",
        help="begin the network here; once per input",
    )
    parser.add_argument("--output-node", metavar="NAME", action="append", help="end the network here; once per output")
    for stage in ("config", "load", "build"):
        parser.add_argument(
            f"--{stage}",
            type=option,
            metavar="NAME=VALUE",
            action="append",
            default=[],
            help=f"a further argument of the toolkit's {stage} call, as JSON or text; may be repeated",
        )
    parser.add_argument("--python", metavar="PATH", help="the toolkit's interpreter ($RKNN_TOOLKIT_PYTHON)")
    parser.add_argument("--timeout", type=float, default=3600, metavar="SECONDS", help="for the whole build (3600)")
    parser.add_argument(
        "--quiet", action="store_true", help="no log; an error still ends with the toolkit's last lines"
    )


def run(args: argparse.Namespace) -> int:
    from .. import convert
    from .._file import describe

    start = time.perf_counter()
    path = convert(
        args.onnx,
        args.output,
        target=args.target,
        dataset=args.dataset,
        quantise=False if args.no_quantise else None,
        mean=args.mean,
        std=args.std,
        rgb2bgr=args.rgb2bgr,
        custom_string=args.custom_string,
        remove_weight=args.remove_weight,
        inputs=dict(args.input) if args.input else None,
        outputs=args.output_node,
        config=dict(args.config),
        load=dict(args.load),
        build=dict(args.build),
        python=args.python,
        timeout=args.timeout,
        log=(lambda _line: None) if args.quiet else None,
    )
    seconds = time.perf_counter() - start
    facts = describe(str(path))
    result = {
        "output": str(path),
        "target": facts["target"],
        "compiler_version": facts["compiler_version"],
        "bytes": facts["file_bytes"],
        "seconds": round(seconds, 3),
    }
    if args.json:
        print(json.dumps(result, indent=1))
    else:
        print(f"{path}: {result['bytes']} bytes for {result['target']}, in {seconds:.1f} s")
    return 0


def numbers(text: str) -> list[float]:
    return [float(part) for part in text.split(",")]


def named_shape(text: str) -> tuple[str, list[int]]:
    name, separator, shape = text.rpartition("=")
    if not separator:
        raise ValueError(text)
    return name, [int(part) for part in shape.split(",")]


def option(text: str) -> tuple[str, Any]:
    """NAME=VALUE, where VALUE is JSON if it can be, else text."""
    name, separator, value = text.partition("=")
    if not separator:
        raise ValueError(text)
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value
