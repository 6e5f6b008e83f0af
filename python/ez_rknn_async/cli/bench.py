"""Time a model: latency of one inference after another, throughput over 1, 2, 3 cores with several in flight, time of every layer."""

from __future__ import annotations

import argparse
import json
import os
from typing import Any

from .arguments import add_file, add_inputs, add_model, add_runtime, counts, positive, read_inputs, write_page
from .terminal import Progress, style

NAME = "bench"
HELP = "time a model, and its layers"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_model(parser)
    add_inputs(parser, "; without any, random numbers")
    add_runtime(parser)
    parser.add_argument("--seconds", type=positive(float), default=2.0, help="how long each part measures (default 2)")
    parser.add_argument("--threads", type=positive(int), metavar="N", help="CPU threads of a run of the software NPU")
    parser.add_argument(
        "--cores", type=counts, metavar="N,N", help="numbers of cores to measure with (default: 1 to what the chip has)"
    )
    parser.add_argument(
        "--in-flight", type=positive(int), metavar="N", help="requests at once (default: two for every core)"
    )
    parser.add_argument(
        "--profile", action="store_true", help="every layer: time, GMAC/s, share of what a large matrix product reaches"
    )
    add_file(parser, "--html", help="also write a report with charts, one self-contained file")


def run(args: argparse.Namespace) -> int:
    from .._file import describe
    from ..measurement import measure

    if args.threads:
        os.environ["EZ_RKNN_NPU_THREADS"] = str(args.threads)  # read by the software NPU when it is loaded
    facts = describe(args.model)
    most = facts["cores"]
    if args.cores and max(args.cores) > most:
        raise ValueError(f"--cores {max(args.cores)}: {facts['target']} has {most}; accepted: 1 to {most}")
    inputs = read_inputs(args.input, [t["name"] for t in facts["graphs"][0]["inputs"]]) if args.input else None
    with Progress("measuring") as progress:
        result = measure(
            args.model,
            inputs=inputs,
            seconds=args.seconds,
            cores=args.cores,
            in_flight=args.in_flight,
            runtime=args.runtime,
            profile=args.profile,
            progress=progress,
        )
    if args.html:
        from ..reports.bench_page import bench_page

        result["html"] = write_page(args.html, bench_page(result))
    print(json.dumps(result, indent=1) if args.json else as_text(result))
    return 0


def as_text(result: dict[str, Any]) -> str:
    latency = dict(result["latency_ms"])
    runs = latency.pop("runs")
    lines = [
        f"{style(result['provider'], 'bold')}: loaded in {result['load_ms']:.1f} ms",
        f"  latency  {'  '.join(f'{name} {value:.3f}' for name, value in latency.items())} ms ({runs} runs)",
        "",
        style("  cores  in flight  a second  speed-up", "bold"),
    ]
    for row in result["throughput"]:
        lines.append(f"  {row['cores']:5}  {row['in_flight']:9}  {row['per_second']:8.1f}  {row['speed_up']:7.2f}x")
    if "layers" in result:
        lines += ["", *layer_lines(result["layers"])]
        peaks = ", ".join(f"{kind} {value:.1f} GMAC/s" for kind, value in result["peak_gmacs"].items())
        if peaks:
            lines.append(f"  peak (a large matrix product): {peaks}")
    if "html" in result:
        lines += ["", f"wrote {result['html']}"]
    return "\n".join(lines)


def layer_lines(layers: list[dict[str, Any]]) -> list[str]:
    width = max([8, *(len(row["type"]) for row in layers)])
    lines = [style(f"  {'operator':{width}}  where       us   share  GMAC/s  of peak  name", "bold")]
    for row in layers:
        rate = f"{row['gmacs_per_second']:6.2f}" if row["gmacs_per_second"] else " " * 6
        share = f"{row['of_peak']:6.0%}" if "of_peak" in row else " " * 6
        where = style(f"{row['where']:5}", "green" if row["where"] == "NPU" else "yellow")
        lines.append(
            f"  {row['type']:{width}}  {where}  {row['microseconds']:7.0f}  {row['share']:6.1%}  {rate}   {share}  {row['name']}"
        )
    return lines
