#!/usr/bin/env python3
"""Load of every kind at once, counted: requests in, deliveries out, and every result against the expected one.

usage: load.py [--seconds 20] [--threads 6] [--fake-runtime PATH] [--seed 1]

Threads mix every way to call (run, limits, batches, run_async, futures, coroutines, map, pipelines, bindings) over sessions of the
scripted runtime (tests/fake_rt: none, fixed and random run times, failures, a lost core) and of the software NPU; they
give wrong inputs, let limits pass, cancel, and close and open sessions again with work in flight. Without
--fake-runtime it is built in build/release.

Exit status 1 when a request was lost, doubled, answered wrongly or out of order, when a session's own counters disagree,
or when memory, threads or descriptors grew.
"""

from __future__ import annotations

import argparse
import asyncio
import collections
import concurrent.futures
import ctypes
import gc
import os
import pathlib
import random
import sys
import threading
import time
from functools import partial

import numpy as np

import ez_rknn_async as ez

ROOT = pathlib.Path(__file__).resolve().parents[2]
MODEL = ROOT / "models" / "fixtures" / "tiny_i8.rknn"
ALLOWED = 24 << 20  # bytes an allocator may keep, over a minute or more of load


def resident() -> int:
    with open("/proc/self/statm") as f:
        return int(f.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def count(folder: str) -> int:
    return len(os.listdir(f"/proc/self/{folder}"))


class Wrong(Exception):
    """What must never happen."""


class Ledger:
    """Counts of one thread: how requests of each style ended. Callbacks of its requests add to it too, under the lock."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.accepted: collections.Counter[str] = collections.Counter()
        self.ended: collections.Counter[str] = collections.Counter()
        self.outcomes: collections.Counter[str] = collections.Counter()

    def take(self, style: str, n: int = 1) -> None:
        with self.lock:
            self.accepted[style] += n

    def end(self, style: str, outcome: str, n: int = 1) -> None:
        with self.lock:
            self.ended[style] += n
            self.outcomes[outcome] += n


class Target:
    """Sessions of one kind, replaced now and then: a model, its options, inputs and the outputs expected for them."""

    def __init__(self, name: str, model: bytes | pathlib.Path, may_fail: bool, **options: object) -> None:
        self.name, self.model, self.may_fail, self.options = name, model, may_fail, options
        self.lock = threading.Lock()
        self.counts: collections.Counter[str] = collections.Counter()
        self.session = self.open()
        self.cases: list[tuple[np.ndarray, np.ndarray]] = []

    def open(self) -> ez.InferenceSession:
        return ez.InferenceSession(self.model, provider_options=self.options)

    def case(self, rng: random.Random) -> tuple[np.ndarray, np.ndarray]:
        return rng.choice(self.cases)

    def check(self, result: list[np.ndarray], expected: np.ndarray) -> None:
        if not np.array_equal(result[0], expected):
            raise Wrong(f"{self.name}: {result[0].ravel()[:4]} instead of {expected.ravel()[:4]}")

    def retire(self, session: ez.InferenceSession) -> None:
        """After its end, a session's own books must balance."""
        if not session.close():
            raise Wrong(f"{self.name}: a session did not close")
        s = session.stats()
        if s["submitted"] != s["completed"] + s["failed"] + s["cancelled"] + s["timed_out"]:
            raise Wrong(f"{self.name}: {s}")
        if s["waiting"] or s["running"] or s["abandoned"] or s["undelivered"] or s["waiting_for_room"]:
            raise Wrong(f"{self.name}: something is left after close: {s}")
        self.counts.update(
            {k: s[k] for k in ("submitted", "completed", "failed", "cancelled", "timed_out", "delivered")}
        )

    def replace(self) -> None:
        with self.lock:
            before, self.session = self.session, self.open()
        self.retire(before)


EXPECTED_ERRORS = (ez.DeviceError, ez.Timeout, ez.Cancelled, ez.Closed, ez.QueueFull)


class Mixer(threading.Thread):
    """One thread of load."""

    def __init__(self, number: int, targets: list[Target], until: float, seed: int) -> None:
        super().__init__(name=f"mixer {number}")
        self.ledger, self.targets, self.until = Ledger(), targets, until
        self.rng = random.Random(seed * 1000 + number)
        self.loop = asyncio.new_event_loop()
        self.failure: BaseException | None = None
        self.orders = 0

    def run(self) -> None:
        styles = [self.blocking, self.limited, self.batch, self.callbacks, self.callbacks, self.callbacks, self.futures]
        styles += [self.coroutines, self.mapped, self.pipelined, self.bound, self.refused, self.terminated]
        try:
            while time.monotonic() < self.until:
                target = self.rng.choice(self.targets)
                with target.lock:
                    session = target.session
                self.rng.choice(styles)(target, session)
        except BaseException as e:
            self.failure = e
        finally:
            self.loop.close()

    def judge(self, style: str, target: Target, expected: np.ndarray, call) -> None:
        """One accepted request that gives a result or raises."""
        self.ledger.take(style)
        try:
            target.check(call(), expected)
        except EXPECTED_ERRORS as e:
            if isinstance(e, ez.DeviceError) and not target.may_fail:
                raise Wrong(f"{target.name}: {e}") from e
            self.ledger.end(style, type(e).__name__)
        else:
            self.ledger.end(style, "result")

    def blocking(self, target: Target, session: ez.InferenceSession) -> None:
        for _ in range(20):
            x, y = target.case(self.rng)
            self.judge("run", target, y, partial(session.run, None, x))

    def limited(self, target: Target, session: ez.InferenceSession) -> None:
        for _ in range(10):
            x, y = target.case(self.rng)
            limit = self.rng.choice([1e-6, 1e-4, 1e-3, 60])
            self.judge("run with a limit", target, y, partial(session.run, None, x, timeout=limit))

    def batch(self, target: Target, session: ez.InferenceSession) -> None:
        cases = [target.case(self.rng) for _ in range(6)]
        x, y = (np.concatenate(part) for part in zip(*cases, strict=True))
        options = {"ztu_modelrt_dispatch_batch": True}
        self.judge("batch", target, y, lambda: session.run(None, x, options))

    def callbacks(self, target: Target, session: ez.InferenceSession) -> None:
        n, seen = 60, []
        through = threading.Event()
        cases = [target.case(self.rng) for _ in range(n)]
        accepted = 0

        def callback(results, k, error):
            seen.append((k, results, error))
            if len(seen) == accepted and done_submitting:
                through.set()

        done_submitting = False
        for k, (x, _) in enumerate(cases):
            try:
                session.run_async(None, x, callback, k)
            except (ez.Closed, ez.QueueFull):  # refused: no callback may come
                break
            accepted += 1
            self.ledger.take("run_async")
        done_submitting = True
        if len(seen) < accepted and not through.wait(60):
            raise Wrong(f"{target.name}: {accepted - len(seen)} of {accepted} callbacks are missing")
        if [k for k, _, _ in seen] != list(range(accepted)):
            raise Wrong(f"{target.name}: callbacks came as {[k for k, _, _ in seen]}")
        self.orders += 1
        for k, results, error in seen:
            if error:
                if not target.may_fail:
                    raise Wrong(f"{target.name}: {error}")
            else:
                target.check(results, cases[k][1])
            self.ledger.end("run_async", "DeviceError" if error else "result")

    def futures(self, target: Target, session: ez.InferenceSession) -> None:
        under_way = []
        for _ in range(20):
            x, y = target.case(self.rng)
            try:
                under_way.append((session.submit(None, x), y))
            except (ez.Closed, ez.QueueFull):
                break
        for future, y in under_way:
            if self.rng.random() < 0.3 and future.cancel():
                self.ledger.take("submit")
                self.ledger.end("submit", "Cancelled")
            else:
                self.judge("submit", target, y, lambda future=future: future.result(60))

    def coroutines(self, target: Target, session: ez.InferenceSession) -> None:
        cases = [target.case(self.rng) for _ in range(20)]

        async def gather() -> list:
            calls = (session.arun(None, x) for x, _ in cases)
            return await asyncio.gather(*calls, return_exceptions=True)

        for (_, y), result in zip(cases, self.loop.run_until_complete(gather()), strict=True):
            self.judge("arun", target, y, lambda result=result: given(result))

    def mapped(self, target: Target, session: ez.InferenceSession) -> None:
        cases = [target.case(self.rng) for _ in range(20)]
        results = session.map([x for x, _ in cases])
        for _, y in cases:
            before = self.ledger.outcomes["result"]
            self.judge("map", target, y, lambda: next(results))
            if self.ledger.outcomes["result"] == before:  # an error ends the iteration
                return

    def pipelined(self, target: Target, session: ez.InferenceSession) -> None:
        cases = collections.deque(target.case(self.rng) for _ in range(20))
        expected = collections.deque(y for _, y in cases)
        with session.pipeline(3) as window:
            while expected:
                try:
                    result = window.push(cases.popleft()[0]) if cases else window.pop()
                except EXPECTED_ERRORS:
                    return  # which one it was is another test's
                if result is not None:
                    self.judge("pipeline", target, expected.popleft(), lambda result=result: result)

    def bound(self, target: Target, session: ez.InferenceSession) -> None:
        x, y = target.case(self.rng)
        binding = session.io_binding()
        binding.bind_cpu_input(session.input_names[0], x)
        binding.bind_output(session.output_names[0], element_type=np.float32)

        def call() -> list[np.ndarray]:
            session.run_with_iobinding(binding)
            return binding.copy_outputs_to_cpu()

        for _ in range(5):
            self.judge("binding", target, y, call)

    def refused(self, target: Target, session: ez.InferenceSession) -> None:
        """Wrong calls leave no trace."""
        x, _ = target.case(self.rng)
        for call in (
            lambda: session.run(None, x[..., :1]),
            lambda: session.run(["no such output"], x),
            lambda: session.run_async(None, x[..., :1], lambda *_: os._exit(3)),
        ):
            try:
                call()
            except (ez.InvalidArgument, ez.Closed):
                continue
            raise Wrong("a wrong call was accepted")

    def terminated(self, target: Target, session: ez.InferenceSession) -> None:
        options = ez.RunOptions()
        x, y = target.case(self.rng)
        stop = threading.Timer(self.rng.random() / 1000, lambda: setattr(options, "terminate", True))
        stop.start()
        for _ in range(10):
            self.judge("terminated", target, y, lambda: session.run(None, x, options))
        stop.join()


def given(result: object) -> object:
    if isinstance(result, BaseException):
        raise result
    return result


def scripted(library: pathlib.Path, text: str, **options: object) -> Target:
    script = ctypes.CDLL(str(library)).fake_rknnrt_script
    script(("compute=affine 2 1;" + text).encode())
    may_fail = "fail" in text
    target = Target(text or "no run time", b"RKNN" + bytes(60), may_fail, runtime=library, **options)
    target.open = lambda: reopened(target, script, text)  # type: ignore[method-assign]
    rng = np.random.default_rng(len(text))
    for _ in range(16):
        x = rng.integers(0, 1000, (1, 4)).astype(np.float32)
        target.cases.append((x, 2 * x + 1))
    if may_fail:
        x = np.full((1, 4), -1, np.float32)  # fails, where the script says so
        target.cases.append((x, 2 * x + 1))
    return target


SCRIPT = threading.Lock()  # the scripted runtime has one script at a time


def reopened(target: Target, script, text: str) -> ez.InferenceSession:
    with SCRIPT:
        script(("compute=affine 2 1;" + text).encode())
        return Target.open(target)


SOFTWARE_CORES = {"schedule": [0, 1]}


def software(**options: object) -> Target:
    target = Target("software NPU", MODEL, False, runtime="software", **options)
    (node,) = target.session.get_inputs()
    rng = np.random.default_rng(5)
    for _ in range(4):
        x = rng.random(node.shape, dtype=np.float32)
        target.cases.append((x, target.session.run(None, x)[0]))
    return target


def warm_up() -> None:
    """Brings the software NPU's own threads, which stay: a team for each run at a time, of as many as there ever were."""
    target = software(**SOFTWARE_CORES)
    end = time.monotonic() + 2
    start = threading.Barrier(2)

    def run(_: int) -> None:
        start.wait()
        while time.monotonic() < end:
            x, expected = target.cases[0]
            target.check(target.session.run(None, x), expected)

    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        list(pool.map(run, range(2)))  # raises what they raised
    target.retire(target.session)


def targets_for(library: pathlib.Path) -> list[Target]:
    queue = {"max_queue_size": 16, "max_pending_callbacks": 64, "submit_timeout_ms": 120000}
    cores = queue | {"schedule": [0, 1, 2]}
    return [
        scripted(library, "", **cores),
        scripted(library, "", **queue, threads_per_core=2),
        scripted(library, "delay_us=200", **cores),
        scripted(library, "jitter_us=500", **queue, schedule="balanced"),
        scripted(library, "fail_negative=-2", **cores),
        scripted(library, "fail_core=4:-1;jitter_us=100", **cores),
        software(**queue, **SOFTWARE_CORES),
    ]


def load(library: pathlib.Path, seconds: float, threads: int, seed: int, say=print) -> list[str]:
    """Returns what went wrong."""
    begin = time.monotonic()
    targets = targets_for(library)
    mixers = [Mixer(k, targets, begin + seconds, seed) for k in range(threads)]
    for mixer in mixers:
        mixer.start()
    wrong, rng, first, replaced = [], random.Random(seed), None, 0
    while any(m.is_alive() for m in mixers):
        time.sleep(0.2)
        try:
            rng.choice(targets).replace()
            replaced += 1
        except Wrong as e:
            wrong.append(str(e))
        if first is None and time.monotonic() - begin > seconds * 0.3:
            first = resident(), time.monotonic() - begin
    most = resident()
    for mixer in mixers:
        mixer.join()
        if mixer.failure is not None:
            wrong.append(f"{mixer.name}: {type(mixer.failure).__name__}: {mixer.failure}")
    for target in targets:
        try:
            target.retire(target.session)
        except Wrong as e:
            wrong.append(str(e))
    accepted, ended, outcomes = (
        sum((getattr(m.ledger, part) for m in mixers), collections.Counter())
        for part in ("accepted", "ended", "outcomes")
    )
    if accepted != ended:
        wrong.append(f"lost or doubled: {accepted - ended} {ended - accepted}")
    if first is not None and most > first[0] + ALLOWED:
        wrong.append(f"memory grew from {first[0] >> 20} to {most >> 20} MB after {first[1]:.0f} s")
    took = time.monotonic() - begin
    books = sum((t.counts for t in targets), collections.Counter())
    say(f"{took:.0f} s, {threads} threads, {len(targets)} kinds of sessions, {replaced} closed under load")
    say(f"requests: {sum(ended.values())}, tasks of the engine: {books['submitted']}, delivered {books['delivered']}")
    say("by style: " + ", ".join(f"{k} {n}" for k, n in ended.most_common()))
    say("by outcome: " + ", ".join(f"{k} {n}" for k, n in outcomes.most_common()))
    say(f"callback runs found in order: {sum(m.orders for m in mixers)}")
    if first is not None:
        say(f"resident: {first[0] / 1e6:.1f} MB after {first[1]:.0f} s, {most / 1e6:.1f} MB at the end")
    return wrong


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--threads", type=int, default=6)
    parser.add_argument("--seed", type=int, default=1)
    built = ROOT / "build" / "release" / "tests" / "fake_rt" / "libfake_rknnrt.so"
    parser.add_argument("--fake-runtime", type=pathlib.Path, default=built)
    arguments = parser.parse_args()
    warm_up()
    before = count("task"), count("fd")
    wrong = load(arguments.fake_runtime, arguments.seconds, arguments.threads, arguments.seed)
    gc.collect()
    after = count("task"), count("fd")
    if after[0] > before[0] or after[1] > before[1] + 4:  # numpy and asyncio open some of their own
        wrong.append(f"threads and descriptors: {before} before, {after} after")
    print("\n".join(wrong) if wrong else "nothing lost, doubled, wrong or out of order")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
