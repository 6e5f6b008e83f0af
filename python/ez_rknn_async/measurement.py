"""How long a model takes on this machine: latency of one run after another, runs a second over cores, time of every layer.

Timed through the session as programs use it, so conversion of inputs and outputs is included. `ez-rknn bench` prints what this returns.
"""

from __future__ import annotations

import itertools
import os
import platform
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from . import layers, peak
from ._file import describe
from .session import InferenceSession

WARM_UP = 3
PERCENTILES = {"min": 0, "p50": 50, "p90": 90, "p95": 95, "p99": 99, "max": 100}

Progress = Callable[[float, str], None]


def measure(
    model: str | os.PathLike[str],
    *,
    inputs: Mapping[str, np.ndarray] | None = None,
    seconds: float = 2.0,
    cores: Sequence[int] | None = None,
    in_flight: int | None = None,
    runtime: str | None = None,
    profile: bool = False,
    progress: Progress = lambda fraction, text: None,
) -> dict[str, Any]:
    """Everything as plain values; times in milliseconds, rates a second.

    inputs     arrays by input name; left out, random ones that are the same every time
    seconds    how long each part measures: latency, and each row of the table over cores
    cores      numbers of cores to measure the throughput with (None: 1 to as many as the chip has)
    in_flight  tasks queued or running at once (None: two for every core)
    profile    also the layers, see layers.profile, and the machine's peak, see peak.gemm_peaks

    Raises what InferenceSession raises.
    """
    facts = describe(os.fspath(model))
    options = {"runtime": runtime} if runtime else {}
    counts = list(cores) if cores else list(range(1, facts["cores"] + 1))
    parts = 1 + len(counts) + 2 * profile

    def part(k: int, text: str) -> Callable[[float], None]:
        return lambda fraction: progress((k + min(fraction, 1.0)) / parts, text)

    begin = time.perf_counter()
    with InferenceSession(model, provider_options=options) as session:
        load = time.perf_counter() - begin
        used = session.get_runtime()
        feed = dict(inputs) if inputs is not None else random_feed(session.get_inputs())
        for _ in range(WARM_UP):
            session.run(None, feed)
        times = latencies(session, feed, seconds, part(0, "latency"))
        result: dict[str, Any] = {
            "model": os.fspath(model),
            "target": facts["target"],
            "cores": facts["cores"],
            "provider": session.get_providers()[0],
            "runtime": {"version": used["version"], "path": used["path"]},
            "machine": {"cpu": cpu_name(), "cpus": len(os.sched_getaffinity(0))},
            "inputs": "random" if inputs is None else "given",
            "load_ms": 1e3 * load,
            "latency_ms": summary(times),
            "percentiles_ms": [float(v) for v in np.percentile(times, range(101))],
            "throughput": [],
        }
    for k, count in enumerate(counts):
        depth = in_flight or 2 * count
        wanted = options | {"schedule": list(range(count)), "max_queue_size": depth}
        with InferenceSession(model, provider_options=wanted) as session:
            session.warmup()
            rate = throughput(session, feed, seconds, depth, part(1 + k, f"{count} cores"))
        first = result["throughput"][0]["per_second"] if result["throughput"] else rate
        result["throughput"].append({"cores": count, "in_flight": depth, "per_second": rate, "speed_up": rate / first})
    if profile:
        part(parts - 2, "layers")(0)
        result["layers"] = layers.profile(model, feed, runtime=runtime, seconds=seconds)
        part(parts - 1, "peak")(0)
        result["peak_gmacs"] = peak.gemm_peaks(used["path"]) if used["path"] else {}
        for row in result["layers"]:
            most = result["peak_gmacs"].get("int8" if row["dtype"] == "int8" else "float")
            if most and row["gmacs_per_second"]:
                row["of_peak"] = row["gmacs_per_second"] / most
    return result


def random_feed(inputs: Sequence[Any]) -> dict[str, np.ndarray]:
    """For a session's inputs, the same numbers every time: in [0, 1) for reals, any byte for bytes, 0 or 1 for other types."""
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


def latencies(session: InferenceSession, feed: Any, seconds: float, progress: Callable[[float], None]) -> list[float]:
    """Milliseconds of one run after another; at least one."""
    times: list[float] = []
    begin = now = time.perf_counter()
    while not times or now - begin < seconds:
        before = time.perf_counter()
        session.run(None, feed)
        now = time.perf_counter()
        times.append(1e3 * (now - before))
        progress((now - begin) / seconds)
    return times


def throughput(
    session: InferenceSession, feed: Any, seconds: float, depth: int, progress: Callable[[float], None]
) -> float:
    """Runs a second with `depth` tasks queued or running: from the first submission until the last result is there."""
    begin = time.perf_counter()

    def feeds() -> Iterator[Any]:
        for k in itertools.count():
            spent = time.perf_counter() - begin
            if k and spent >= seconds:
                return
            progress(spent / seconds)
            yield feed

    count = sum(1 for _ in session.map(feeds(), depth=depth))
    return count / (time.perf_counter() - begin)


def summary(times: Sequence[float]) -> dict[str, float]:
    values = {name: float(np.percentile(times, p)) for name, p in PERCENTILES.items()}
    return {"runs": len(times)} | values | {"mean": float(np.mean(times))}


def cpu_name() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as lines:
            for line in lines:
                if line.startswith(("model name", "Model")):
                    return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.machine()
