"""Record real requests as a trace for ui.perfetto.dev: the wait in the queue, each core at work, the callbacks in order."""

from __future__ import annotations

import argparse
import json
import os
import pathlib
import tempfile
import threading
from typing import Any

from .arguments import add_file, add_inputs, add_model, add_runtime, positive, read_inputs
from .terminal import Progress, style

NAME = "trace"
HELP = "record requests over queue, cores and callbacks for Perfetto"
MOST = 32768  # what a recording keeps


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_model(parser)
    add_inputs(parser, "; without any, random numbers")
    add_runtime(parser)
    add_file(parser, "--output", default="trace.json", help="the trace to write (trace.json)")
    parser.add_argument("--requests", type=positive(int), default=64, metavar="N", help="how many (default 64)")
    parser.add_argument(
        "--cores", type=positive(int), metavar="N", help="cores to use (default: all that the chip has)"
    )
    parser.add_argument("--queue", type=positive(int), default=3, metavar="N", help="max_queue_size (default 3)")


def run(args: argparse.Namespace) -> int:
    from .. import InferenceSession
    from .._file import describe
    from ..measurement import random_feed

    facts = describe(args.model)
    cores = args.cores or facts["cores"]
    if cores > facts["cores"]:
        raise ValueError(f"--cores {cores}: {facts['target']} has {facts['cores']}")
    if args.requests > MOST:
        raise ValueError(f"--requests {args.requests}; accepted: 1 to {MOST}, which is what a recording keeps")
    options: dict[str, Any] = {"schedule": list(range(cores)), "max_queue_size": args.queue}
    options |= {"runtime": args.runtime} if args.runtime else {}
    target = pathlib.Path(args.output)
    with (
        InferenceSession(args.model, provider_options=options) as session,
        # beside the target, so that it only has to be renamed when it is complete
        tempfile.TemporaryDirectory(prefix=".ez-rknn-trace-", dir=target.absolute().parent) as folder,
        Progress("tracing") as progress,
    ):
        feed = read_inputs(args.input, session.input_names) if args.input else random_feed(session.get_inputs())
        session.warmup()
        session.start_profiling(os.path.join(folder, "trace"))
        failures = send(session, feed, args.requests, progress)
        os.replace(session.end_profiling(), target)
        stats = session.stats()
    result = {
        "trace": str(target),
        "requests": args.requests,
        "failed": len(failures),
        "wait_ms": stats["wait_ms"],
        "run_ms": stats["run_ms"],
        "cores": stats["cores"],
    }
    print(json.dumps(result, indent=1) if args.json else as_text(result))
    if failures:
        raise RuntimeError(f"{len(failures)} of {args.requests} requests failed; the first: {failures[0]}")
    return 0


def send(session: Any, feed: Any, requests: int, progress: Progress) -> list[str]:
    """Queue them all with callbacks, return when the last has been called; the errors."""
    done, left, failures = threading.Event(), requests, []

    def callback(_results: Any, _index: int, error: str) -> None:  # never two at once
        nonlocal left
        left -= 1
        if error:
            failures.append(error)
        if not left:
            done.set()

    for k in range(requests):
        session.run_async(None, feed, callback, k)
        progress(k / requests)
    done.wait()
    return failures


def as_text(result: dict[str, Any]) -> str:
    wait, work = result["wait_ms"], result["run_ms"]
    lines = [
        f"{style(result['trace'], 'bold')}: {result['requests']} requests; open it at https://ui.perfetto.dev",
        f"  wait  p50 {wait['p50']:.3f}  p99 {wait['p99']:.3f} ms in the queue",
        f"  run   p50 {work['p50']:.3f}  p99 {work['p99']:.3f} ms",
    ]
    lines += [f"  core {c['core']}  {c['tasks']} tasks, {c['busy_ms']:.1f} ms at work" for c in result["cores"]]
    return "\n".join(lines)
