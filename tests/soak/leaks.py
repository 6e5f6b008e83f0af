#!/usr/bin/env python3
"""Long runs that must leave nothing behind: memory, threads, descriptors, contexts. Prints what it measured.

usage: leaks.py [--runtime PATH] [--model FILE] [--scale 1.0]

Without --runtime a model of the repository runs on the software NPU; with the scripted runtime of tests/fake_rt
(build/release/tests/fake_rt/libfake_rknnrt.so) the engine alone is measured. --scale multiplies the number of calls.
Exit status 1 when something grew.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import os
import pathlib
import sys
import time

import numpy as np

import ez_rknn_async as ez

ROOT = pathlib.Path(__file__).resolve().parents[2]
MODEL = ROOT / "models" / "fixtures" / "tiny_i8.rknn"


def resident() -> int:
    with open("/proc/self/statm") as f:
        return int(f.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def count(folder: str) -> int:
    return len(os.listdir(f"/proc/self/{folder}"))


class Target:
    """What is measured: a model on a runtime, an input it takes, and one it refuses."""

    def __init__(self, model: str | bytes | pathlib.Path, runtime: str) -> None:
        self.model, self.runtime = model, runtime
        with self.open() as session:
            (node,) = session.get_inputs()
        self.good = np.zeros(node.shape, np.float32)
        self.bad = np.zeros([*node.shape, 1], np.float32)

    def open(self, **options: object) -> ez.InferenceSession:
        return ez.InferenceSession(self.model, provider_options={"runtime": self.runtime, **options})


def runs(target: Target, n: int) -> None:
    with target.open(schedule=[0, 1, 2]) as session:
        for _ in range(n):
            session.run(None, target.good)


def callbacks(target: Target, n: int) -> None:
    seen: list[int] = []
    with target.open(schedule=[0, 1, 2]) as session:
        for k in range(n):
            session.run_async(None, target.good, lambda results, k, error: seen.append(k), k)
    assert seen == list(range(n)), "every accepted request is delivered once, in order"


def futures_and_loops(target: Target, n: int) -> None:
    async def main(session: ez.InferenceSession) -> None:
        for _ in range(n // 20):
            await asyncio.gather(*(session.arun(None, target.good) for _ in range(10)))

    with target.open(schedule=[0, 1, 2]) as session:
        asyncio.run(main(session))
        for _ in range(n // 20):
            for future in [session.submit(None, target.good) for _ in range(10)]:
                future.cancel() or future.result()


def failures(target: Target, n: int) -> None:
    options = ez.RunOptions()
    options.terminate = True
    with target.open() as session:
        for k in range(n):
            try:
                if k % 2:
                    session.run(None, target.bad)
                else:
                    session.run_async(None, target.good, print, run_options=options)
            except (ez.InvalidArgument, ez.Cancelled):
                continue
            raise AssertionError("a call that must fail did not")


def limits(target: Target, n: int) -> None:
    with target.open(schedule=[0, 1, 2]) as session:
        for k in range(n):
            try:
                session.run(None, target.good, timeout=1e-6 if k % 2 else 60)
            except ez.Timeout:
                continue


def sessions(target: Target, n: int) -> None:
    for _ in range(n):
        session = target.open(schedule=[0, 1, 2])
        session.run(None, target.good)
        session.run_async(None, target.good, lambda *_: None)
        session.run_pipeline(target.good)


CYCLES = {  # name -> what to do, how often at scale 1
    "run": (runs, 100_000),
    "run_async": (callbacks, 10_000),
    "arun and submit": (futures_and_loops, 10_000),
    "failing submissions": (failures, 1_000),
    "time limits": (limits, 2_000),
    "sessions": (sessions, 200),
}
ALLOWED = 4 << 20  # bytes an allocator may keep


def wait_for_threads(n: int) -> None:
    """Until the kernel shows no more than `n`, for ten seconds: one that was joined still is there for a moment."""
    end = time.monotonic() + 10
    while count("task") > n and time.monotonic() < end:
        time.sleep(0.005)


def measure(target: Target, scale: float, say=print) -> list[str]:
    """Does everything once to warm up, then again in full. Returns what grew."""
    grown = []
    for name, (work, n) in CYCLES.items():
        n = max(20, int(n * scale))
        work(target, max(20, n // 10))
        gc.collect()
        before, begin = (resident(), count("task"), count("fd")), time.monotonic()
        work(target, n)
        seconds = time.monotonic() - begin
        gc.collect()
        wait_for_threads(before[1])
        after = (resident(), count("task"), count("fd"))
        more = [a - b for a, b in zip(after, before, strict=True)]
        say(
            f"{name:20} {n:7} times {seconds:7.1f} s   resident {before[0] / 1e6:6.1f} MB {more[0] / 1e3:+7.0f} kB"
            f"   threads {more[1]:+d}   descriptors {more[2]:+d}"
        )
        if more[0] > ALLOWED or more[1] > 0 or more[2] > 0:
            grown.append(name)
    return grown


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--runtime", default="software")
    parser.add_argument("--model", default=None)
    parser.add_argument("--scale", type=float, default=1.0)
    arguments = parser.parse_args()
    scripted = arguments.runtime not in ("software", "npu", "auto")
    model = arguments.model or (b"RKNN" + bytes(60) if scripted else MODEL)
    grown = measure(Target(model, arguments.runtime), arguments.scale)
    print("grew: " + ", ".join(grown) if grown else "nothing grew")
    return 1 if grown else 0


if __name__ == "__main__":
    sys.exit(main())
