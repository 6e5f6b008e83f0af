"""Time a model on random inputs: latency of one inference after another, and how many a second several at once give."""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from .. import InferenceSession, NodeArg

NAME = "bench"
HELP = "time a model on random inputs"

WARM_UP = 3
Number = TypeVar("Number", int, float)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", help="a .rknn file")
    parser.add_argument("--seconds", type=positive(float), default=2.0, help="how long each part measures (default 2)")
    parser.add_argument("--threads", type=positive(int), metavar="N", help="CPU threads of a run of the software NPU")
    parser.add_argument("--in-flight", type=positive(int), default=6, metavar="N", help="requests at once (default 6)")
    parser.add_argument("--runtime", help='"npu", "software" or the path of a librknnrt')


def positive(kind: Callable[[str], Number]) -> Callable[[str], Number]:
    def parse(text: str) -> Number:
        value = kind(text)
        if not 0 < value < 1e6:
            raise ValueError
        return value

    parse.__name__ = f"positive {kind.__name__}"  # how argparse names what it expected
    return parse


def run(args: argparse.Namespace) -> int:
    from .. import InferenceSession

    if args.threads:
        os.environ["EZ_RKNN_NPU_THREADS"] = str(args.threads)  # read by the software NPU when it is loaded
    options = {"runtime": args.runtime} if args.runtime else {}
    begin = time.perf_counter()
    with InferenceSession(args.model, provider_options=options) as session:
        load = time.perf_counter() - begin
        feed = random_feed(session.get_inputs())
        for _ in range(WARM_UP):
            session.run(None, feed)
        result = {
            "provider": session.get_providers()[0],
            "load_ms": 1e3 * load,
            "latency_ms": percentiles(latencies(session, feed, args.seconds)),
            "throughput_per_second": throughput(session, feed, args.seconds, args.in_flight),
            "in_flight": args.in_flight,
        }
    print(json.dumps(result, indent=1) if args.json else as_text(result))
    return 0


def random_feed(inputs: Sequence[NodeArg]) -> dict[str, Any]:
    """The same numbers every time: in [0, 1) for reals, in the whole range for bytes, 0 or 1 for other types."""
    import numpy as np

    random = np.random.default_rng(0)
    kinds = {"tensor(float)": "float32", "tensor(float16)": "float16", "tensor(double)": "float64"}
    feed = {}
    for node in inputs:
        kind = kinds.get(node.type) or node.type.removeprefix("tensor(").removesuffix(")")
        values = random.random(node.shape) if kind.startswith("float") else random.integers(0, 2, node.shape)
        if kind in ("uint8", "int8"):
            info = np.iinfo(kind)
            values = random.integers(info.min, info.max + 1, node.shape)
        feed[node.name] = values.astype(kind)
    return feed


def latencies(session: InferenceSession, feed: dict[str, Any], seconds: float) -> list[float]:
    """Milliseconds of one run after another."""
    times: list[float] = []
    begin = time.perf_counter()
    while not times or time.perf_counter() - begin < seconds:
        one = time.perf_counter()
        session.run(None, feed)
        times.append(1e3 * (time.perf_counter() - one))
    return times


def throughput(session: InferenceSession, feed: dict[str, Any], seconds: float, in_flight: int) -> float:
    """Runs a second with `in_flight` requests queued or running."""
    from concurrent.futures import ThreadPoolExecutor

    begin = time.perf_counter()

    def work(_: int) -> int:
        count = 0
        while not count or time.perf_counter() - begin < seconds:
            session.run(None, feed)
            count += 1
        return count

    with ThreadPoolExecutor(in_flight) as pool:
        total = sum(pool.map(work, range(in_flight)))
    return total / (time.perf_counter() - begin)


def percentiles(times: list[float]) -> dict[str, float]:
    import numpy as np

    names = {"min": 0, "p50": 50, "p90": 90, "p99": 99, "max": 100}
    return {"runs": len(times)} | {name: float(np.percentile(times, p)) for name, p in names.items()}


def as_text(result: dict[str, Any]) -> str:
    latency = dict(result["latency_ms"])
    runs = latency.pop("runs")
    return "\n".join(
        (
            f"{result['provider']}: loaded in {result['load_ms']:.1f} ms",
            f"  latency     {'  '.join(f'{name} {value:.3f}' for name, value in latency.items())} ms ({runs} runs)",
            f"  throughput  {result['throughput_per_second']:.1f} a second with {result['in_flight']} in flight",
        )
    )
