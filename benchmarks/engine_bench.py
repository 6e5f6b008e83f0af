"""The session engine against the reference package, on the same runtime library, in one interleaved run.

    engine_bench.py REFERENCE_PYTHON [--build FOLDER] [--rounds N] [--seconds S] [--only TEXT] [--json FILE]

REFERENCE_PYTHON  interpreter of an environment with ztu-somemodelruntime-ez-rknn-async==0.11.0; it needs nothing of ours.
--build           a build with EZ_RKNN_BUILD_TESTS and EZ_RKNN_BUILD_BENCHMARKS (build/release)

Runtimes: the scripted one of tests/fake_rt, which copies inputs and outputs as they are (`copy=1`) and takes a fixed time, none, or
a random one; and the software NPU with a model of the repository. "queue" is max_queue_size. Both packages, the C++ API and bare threads that call the
runtime in a loop (what nothing can beat) are measured by processes of their own, one after the other, round after round.
A cell is the median of the rounds; brackets hold the least and the largest ratio of a round.
"""

import argparse
import dataclasses
import json
import os
import pathlib
import statistics
import subprocess
import sys
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
OURS, THEIRS = "ez_rknn_async", "ztu_somemodelruntime_ez_rknn_async"
TINY = "copy=1"
IMAGE = "copy=1;inputs=images:1x640x640x3:NHWC:i8;outputs=scores:1x84x8400:UNDEFINED:i8;scale=0.5"
CORES = {"schedule": [0, 1, 2]}


@dataclasses.dataclass
class Case:
    name: str
    how: str  # a function of this module
    script: str = TINY  # of the scripted runtime; "" for the software NPU
    options: dict = dataclasses.field(default_factory=dict)
    dtype: str = "float32"
    figure: str = "p50_us"  # which is compared
    reference_options: dict | None = None  # where the reference has no such option
    ideal: int = 0  # bare threads to compare with
    cpp: str = ""  # mode of the C++ program

    @property
    def less_is_better(self) -> bool:
        return self.figure.endswith("_us")


def cases() -> list[Case]:
    queue = CORES | {"max_queue_size": 12}
    deep = {"max_queue_size": 32}  # the reference has no max_pending_callbacks; its own bound is 8
    free = deep | {"max_pending_callbacks": 32}
    any_core = deep | {"threads_per_core": 3, "tp_mode": "auto"}  # it has no "balanced" either
    fixed, jitter = TINY + ";delay_us=3000", TINY + ";jitter_us=20000"

    def rate(name: str, script: str, options: dict, theirs: dict | None = None, **more) -> Case:
        return Case(name, "callbacks", script, options, figure="rate", reference_options=theirs, cpp="async", **more)

    return [
        Case("run, tiny: p50", "blocking", cpp="run", ideal=1),
        Case("run, tiny: p99", "blocking", figure="p99_us", cpp="run", ideal=1),
        Case("run, 1x3x640x640 float32", "blocking", IMAGE, cpp="run", ideal=1),
        Case("run, 1x3x640x640 uint8", "blocking", IMAGE, dtype="uint8", cpp="run", ideal=1),
        rate("run_async, no run time, queue 3", TINY, CORES),
        rate("run_async, no run time, queue 12", TINY, queue),
        rate("run_async, no run time, queue 32", TINY, CORES | free, CORES | deep),
        rate("run_async, 3 ms, queue 3", fixed, CORES, ideal=3),
        rate("run_async, 3 ms, queue 12", fixed, queue, ideal=3),
        rate("run_async, 0-20 ms, queue 32", jitter, CORES | free, CORES | deep, ideal=3),
        rate("run_async, 0-20 ms, balanced, queue 32", jitter, free | {"schedule": "balanced"}, any_core, ideal=3),
        Case("dispatch_batch of 8, 3 ms", "batches", fixed, CORES, figure="rate", ideal=3),
        Case("run_pipeline, 3 ms, depth 3", "pipeline", fixed, CORES, figure="rate", ideal=3),
        Case("four threads, no run time", "threads", options=CORES, figure="rate"),
        Case("software NPU: run", "blocking", "", cpp="run", ideal=1),
        Case("software NPU: run_async", "callbacks", "", CORES, figure="rate", ideal=3, cpp="async"),
    ]


# What one process measures, the same code under either package.


def figures(times: list[float], seconds: float) -> dict:
    times.sort()
    return {
        "p50_us": times[len(times) // 2] * 1e6,
        "p99_us": times[int(len(times) * 0.99)] * 1e6,
        "rate": len(times) / seconds,
    }


def blocking(session, feed, seconds: float) -> dict:
    times = []
    begin = now = time.perf_counter()
    while now - begin < seconds:
        session.run(None, feed)
        after = time.perf_counter()
        times.append(after - now)
        now = after
    return figures(times, now - begin)


def callbacks(session, feed, seconds: float) -> dict:
    seen, errors, last, through = [0], [], [-1], threading.Event()

    def callback(results, user_data, error):
        seen[0] += 1
        if error:
            errors.append(error)
        if seen[0] == last[0]:
            through.set()

    asked, begin = 0, time.perf_counter()
    while time.perf_counter() - begin < seconds:
        session.run_async(None, feed, callback)
        asked += 1
    last[0] = asked
    assert seen[0] == asked or through.wait(60), f"{asked - seen[0]} callbacks are missing"
    assert not errors, errors[0]
    return {"rate": asked / (time.perf_counter() - begin)}


def batches(session, feed, seconds: float) -> dict:
    import numpy as np

    feed = {name: np.concatenate([x] * 8) for name, x in feed.items()}
    options = {"ztu_modelrt_dispatch_batch": True}
    runs, begin = 0, time.perf_counter()
    while time.perf_counter() - begin < seconds:
        session.run(None, feed, options)
        runs += 8
    return {"rate": runs / (time.perf_counter() - begin)}


def pipeline(session, feed, seconds: float) -> dict:
    runs, begin = 0, time.perf_counter()
    while time.perf_counter() - begin < seconds:
        runs += session.run_pipeline(feed, 3) is not None
    return {"rate": runs / (time.perf_counter() - begin)}


def four_threads(session, feed, seconds: float) -> dict:
    counts = [0] * 4
    end = time.perf_counter() + seconds

    def work(k):
        while time.perf_counter() < end:
            session.run(None, feed)
            counts[k] += 1

    workers = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return {"rate": sum(counts) / seconds}


def child(module: str, how: str, model: str, options: str, dtype: str, seconds: str) -> None:
    import importlib

    import numpy as np

    ez = importlib.import_module(module)
    session = ez.InferenceSession(b"RKNN" + bytes(60) if model == "-" else model, provider_options=json.loads(options))
    feed = {n.name: np.ones(n.shape, dtype) for n in session.get_inputs()}
    for _ in range(20):
        session.run(None, feed)
    measure = {"threads": four_threads}.get(how) or globals()[how]
    print(json.dumps(measure(session, feed, float(seconds))))


class Bench:
    def __init__(self, arguments) -> None:
        self.reference, self.seconds = arguments.reference, arguments.seconds
        self.program = arguments.build / "benchmarks" / "engine_bench"
        self.scripted = arguments.build / "tests" / "fake_rt" / "libfake_rknnrt.so"
        import ez_rknn_async as ez

        self.software = ez.software_runtime_path()
        self.model = str(ROOT / "models" / "digits" / "digits_i8.rknn")

    def runtime(self, case: Case) -> str:
        return str(self.scripted if case.script else self.software)

    def result(self, case: Case, command: list) -> dict:
        environment = dict(os.environ) | {"EZ_FAKE_RT": case.script, "PYTHONWARNINGS": "ignore"}
        environment["EZ_RKNN_RUNTIME"] = environment["ZTU_RKNPU2_RUNTIME_LIBRARY"] = self.runtime(case)
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)
        if done.returncode:
            raise RuntimeError(f"{case.name}: {command[:4]}: {done.stderr[-2000:]}")
        return json.loads(done.stdout.splitlines()[-1])

    def python(self, case: Case, interpreter, module: str) -> dict:
        theirs = module == THEIRS and case.reference_options is not None
        options = case.reference_options if theirs else case.options
        model = "-" if case.script else self.model
        arguments = [module, case.how, model, json.dumps(options), case.dtype, str(self.seconds)]
        return self.result(case, [interpreter, __file__, "--child", *arguments])

    def native(self, case: Case, mode: str, *more: str) -> dict:
        model = "-" if case.script else self.model
        flags = ["--uint8"] if case.dtype == "uint8" else []
        return self.result(case, [self.program, mode, self.runtime(case), model, str(self.seconds), *flags, *more])

    def sides(self, case: Case) -> dict:
        """name -> how to measure it once"""
        sides = {
            "ours": lambda: self.python(case, sys.executable, OURS),
            "reference": lambda: self.python(case, self.reference, THEIRS),
        }
        if case.cpp:
            given = {k: ",".join(map(str, v)) if isinstance(v, list) else str(v) for k, v in case.options.items()}
            flags = [text for key, value in given.items() for text in (f"--{key}", value)]
            sides["cpp"] = lambda: self.native(case, case.cpp, *flags)
        if case.ideal:
            sides["bare"] = lambda: self.native(case, "bare", "--threads", str(case.ideal))
        return sides

    def measure(self, case: Case, rounds: int) -> dict:
        sides = self.sides(case)
        samples: dict[str, list[float]] = {name: [] for name in sides}
        for k in range(rounds):
            for name in sorted(sides, reverse=k % 2):
                samples[name].append(sides[name]()[case.figure])
        return {"figure": case.figure, "samples": samples}


def ratio(result: dict, above: str, below: str) -> tuple[float, float, float] | None:
    if not (above in result["samples"] and below in result["samples"]):
        return None
    each = [a / b for a, b in zip(result["samples"][above], result["samples"][below], strict=True)]
    return statistics.median(each), min(each), max(each)


HEADER = "| case | ours | reference | C++ API | bare | ours / reference | ours / bare |\n|---|---|---|---|---|---|---|"


def line(name: str, result: dict) -> str:
    unit = " us" if result["figure"].endswith("_us") else "/s"

    def cell(side: str) -> str:
        samples = result["samples"].get(side)
        return f"{statistics.median(samples):.4g}{unit}" if samples else ""

    def ratios(below: str) -> str:
        r = ratio(result, "ours", below)
        return f"{r[0]:.2f} ({r[1]:.2f}-{r[2]:.2f})" if r else ""

    cells = [name, *map(cell, ("ours", "reference", "cpp", "bare")), ratios("reference"), ratios("bare")]
    return "| " + " | ".join(cells) + " |"


def main() -> int:
    if sys.argv[1:2] == ["--child"]:
        child(*sys.argv[2:])
        return 0
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("reference", type=pathlib.Path)
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build" / "release")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=0.5)
    parser.add_argument("--only", default="")
    parser.add_argument("--json", type=pathlib.Path)
    arguments = parser.parse_args()
    bench = Bench(arguments)
    results = {}
    print(HEADER, flush=True)
    for case in cases():
        if arguments.only in case.name:
            results[case.name] = bench.measure(case, arguments.rounds)
            print(line(case.name, results[case.name]), flush=True)
    if arguments.json:
        arguments.json.write_text(json.dumps(results, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
