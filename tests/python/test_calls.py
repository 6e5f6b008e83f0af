"""How a call ends early: time limits, RunOptions.terminate, futures that are cancelled."""

import concurrent.futures
import threading
import time

import numpy as np
import pytest
from test_async import wait_until

import ez_rknn_async as ez

X = np.array([[1, 2, 3, 4]], np.float32)


def value(v):
    return np.full((1, 4), v, np.float32)


def slow(ms):
    """With delay=value: an input whose run takes so long."""
    return value(ms * 1000)


def busy(session, ms=300):
    """The session's worker is at a slow task from now on."""
    future = session.submit(None, slow(ms))
    wait_until(lambda: session.stats()["running"] == 1)
    return future


@pytest.mark.contract("3/28")
def test_a_run_whose_time_passes_is_withdrawn_or_left_behind(fake):
    session = fake.open("delay=value")
    with pytest.raises(ez.Timeout) as e:
        session.run(None, slow(200), timeout=0.02)  # executing
    assert isinstance(e.value, TimeoutError)
    with pytest.raises(ez.Timeout, match="withdrawn"):
        session.run(None, value(1), timeout=0.02)  # in the queue behind it
    assert session.run(None, value(2), timeout=30)[0][0, 0] == 2
    stats = session.stats()
    assert (stats["timed_out"], stats["completed"], stats["abandoned"]) == (2, 1, 0)
    session.close()
    assert fake.calls("run") == 2


def test_the_option_timeout_ms_is_the_same(fake):
    session = fake.open("delay=value")
    options = ez.RunOptions()
    options.add_run_config_entry("timeout_ms", "20")
    for limit in ({"timeout_ms": 20}, {"timeout_ms": "20"}, options):
        with pytest.raises(ez.Timeout):
            session.run(None, slow(60), limit)
    assert session.run(None, slow(60), {"timeout_ms": 20}, timeout=30) is not None  # the argument goes first
    errors = []
    session.run_async(None, slow(100), lambda r, d, error: errors.append(error), run_options={"timeout_ms": 10})
    session.run_async(None, slow(100), lambda r, d, error: errors.append(error), timeout=0.01)
    wait_until(lambda: len(errors) == 2)
    assert all("time limit" in text for text in errors)
    with pytest.raises(ez.Timeout):
        session.submit(None, slow(100), timeout=0.01).result(30)


@pytest.mark.parametrize("limit", [0, -1, float("nan"), float("-inf")])
def test_a_time_limit_is_above_zero(fake, limit):
    with pytest.raises(ez.InvalidArgument, match="timeout"):
        fake.open().run(None, X, timeout=limit)


def test_what_is_no_time_limit(fake):
    session = fake.open()
    assert session.run(None, X, timeout=float("inf"))[0].tolist() == X.tolist()
    assert session.run(None, X, timeout=None)[0].tolist() == X.tolist()
    with pytest.raises(ez.InvalidType, match="timeout"):
        session.run(None, X, timeout="1")
    for wrong in ("0", "-5", "1.5", "soon"):
        with pytest.raises(ez.InvalidArgument, match="timeout_ms"):
            session.run(None, X, {"timeout_ms": wrong})


def test_a_batch_has_one_limit(fake):
    session = fake.open("delay=value")
    with pytest.raises(ez.Timeout, match=r"sample \d of 4"):
        session.run(None, np.full((4, 4), 100_000, np.float32), {"ztu_modelrt_dispatch_batch": True}, timeout=0.15)
    assert session.stats()["waiting"] == 0


@pytest.mark.contract("2/run-options")
def test_run_options_as_onnxruntime_has_them(fake):
    options = ez.RunOptions()
    assert (options.terminate, options.logid, options.only_execute_path_to_fetches) == (False, "", False)
    options.logid = "frame 7"
    assert options.run_tag == "frame 7"
    options.log_severity_level = 2
    options.log_verbosity_level = 1
    options.only_execute_path_to_fetches = True
    assert (options.log_severity_level, options.log_verbosity_level) == (2, 1)
    with pytest.raises(TypeError):
        options.log_severity_level = "verbose"
    options.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")
    options.add_run_config_entry("output_dtype", "native")
    assert options.get_run_config_entry("memory.enable_memory_arena_shrinkage") == "cpu:0"
    with pytest.raises(RuntimeError, match="nope"):
        options.get_run_config_entry("nope")
    with pytest.raises(ez.InvalidArgument, match="output_dtype"):
        options.add_run_config_entry("output_dtype", "int3")
    session = fake.open("outputs=y:1x4:UNDEFINED:i8")
    assert session.run(None, X, options)[0].dtype == np.int8
    batch = ez.RunOptions()
    batch.add_run_config_entry("ztu_modelrt_dispatch_batch", "1")
    assert session.run(None, np.ones((3, 4), np.float32), batch)[0].shape == (3, 4)


def test_run_options_of_the_kind_onnxruntime_makes(fake):
    """Its own class is no class of ours; what counts is get_run_config_entry, which raises for a key that is not set."""
    onnxruntime = pytest.importorskip("onnxruntime")
    theirs, ours = onnxruntime.RunOptions(), ez.RunOptions()
    members = {name for name in dir(theirs) if not name.startswith("_")}
    assert {name for name in dir(ours) if not name.startswith("_")} >= members - {"add_active_adapter", "sync_stream"}
    theirs.add_run_config_entry("output_dtype", "native")
    session = fake.open("outputs=y:1x4:UNDEFINED:i8")
    assert session.run(None, X, theirs)[0].dtype == np.int8
    assert session.run(None, X, onnxruntime.RunOptions())[0].dtype == np.float32


@pytest.mark.contract("3/28", "2/run-options")
def test_terminate_ends_what_waits_and_refuses_what_comes(fake):
    session = fake.open("delay=value", max_queue_size=2)
    options = ez.RunOptions()
    running = session.submit(None, slow(300), options)
    wait_until(lambda: session.stats()["running"] == 1)
    errors, outcomes = [], []

    def run():
        try:
            session.run(None, X, options)
        except ez.Cancelled as e:
            errors.append(e)

    queued = threading.Thread(target=run)
    queued.start()
    wait_until(lambda: session.stats()["waiting"] == 1)
    session.run_async(None, X, lambda r, d, error: outcomes.append(error), run_options=options)
    blocked = threading.Thread(target=run)
    blocked.start()
    wait_until(lambda: session.stats()["waiting_for_room"] == 1)
    options.terminate = True
    queued.join()
    blocked.join()
    assert len(errors) == 2 and not running.done()  # at once, not when the slow task is over
    for call in (
        lambda: session.run(None, X, options),
        lambda: session.run_async(None, X, print, run_options=options),
        lambda: session.submit(None, X, options),
    ):
        with pytest.raises(ez.Cancelled):
            call()
    assert session.run(None, X)[0].tolist() == X.tolist()
    assert running.result(30)[0][0, 0] == 300_000  # what was being executed is delivered
    wait_until(lambda: len(outcomes) == 1)
    assert "cancelled" in outcomes[0]
    options.terminate = False
    assert session.run(None, X, options)[0].tolist() == X.tolist()


@pytest.mark.contract("3/28")
def test_submit_gives_a_real_future(fake):
    session = fake.open("fail_negative=-2", schedule=[0, 1, 2])
    futures = [session.submit(None, value(k)) for k in range(10)]
    assert all(isinstance(f, concurrent.futures.Future) for f in futures)
    assert [f.result(30)[0][0, 0] for f in futures] == list(range(10))
    done, pending = concurrent.futures.wait([session.submit(["y"], {"x": X}) for _ in range(5)], timeout=30)
    assert len(done) == 5 and not pending
    assert len(list(concurrent.futures.as_completed([session.submit(None, X) for _ in range(5)], timeout=30))) == 5
    failing = session.submit(None, value(-1))
    assert isinstance(failing.exception(30), ez.DeviceError) and failing.exception().rknn_ret == -2
    with pytest.raises(ez.InvalidArgument):
        session.submit(None, X[:, :2])
    with pytest.raises(ez.Unsupported):
        session.submit(None, X, {"ztu_modelrt_dispatch_batch": True})
    called = []
    future = session.submit(None, X)
    future.add_done_callback(called.append)
    wait_until(lambda: called == [future])


def test_a_future_is_cancelled_until_its_task_runs(fake):
    session = fake.open("delay=value", max_queue_size=10)
    running = busy(session)
    queued = [session.submit(None, value(k)) for k in range(4)]
    assert running.running() and not queued[0].running()
    assert not running.cancel() and not running.cancelled()
    assert queued[1].cancel() and queued[1].cancelled() and queued[1].done()
    assert queued[1].cancel()  # again: still true, as with any future
    with pytest.raises(concurrent.futures.CancelledError):
        queued[1].result()
    done, _ = concurrent.futures.wait([queued[1]], timeout=30)
    assert done == {queued[1]}
    session.close()
    assert [f.result(0)[0][0, 0] for f in (queued[0], queued[2], queued[3])] == [0, 2, 3]
    assert fake.calls("run") == 4 and not running.running()
    assert session.stats()["cancelled"] == 1


def test_futures_need_no_thread_each(fake):
    import os

    session = fake.open("delay=value", max_queue_size=100)
    busy(session, 200)
    before = len(os.listdir("/proc/self/task"))
    futures = [session.submit(None, X) for _ in range(100)]
    assert len(os.listdir("/proc/self/task")) == before
    assert all(f.result(30) for f in futures)


def test_a_slow_run_async_callback_does_not_hold_up_futures(fake):
    session, go = fake.open(), threading.Event()
    session.run_async(None, X, lambda *_: go.wait(30))
    assert session.submit(None, X).result(30)[0].tolist() == X.tolist()
    go.set()


def test_done_callbacks_may_use_the_session(fake):
    session, seen = fake.open(max_queue_size=1), []

    def again(future):
        seen.append(session.run(None, future.result()[0] + 1)[0][0, 0])
        if len(seen) < 5:
            session.submit(None, value(seen[-1])).add_done_callback(again)

    session.submit(None, value(0)).add_done_callback(again)
    wait_until(lambda: len(seen) == 5)
    assert seen == [1, 2, 3, 4, 5]


def test_futures_of_a_session_that_is_dropped_are_kept(fake):
    futures = [fake.open("delay_us=20000").submit(None, value(k)) for k in range(3)]
    assert [f.result(30)[0][0, 0] for f in futures] == [0, 1, 2]
    assert fake.live_contexts() == 0


def test_waiting_for_a_future_with_a_limit(fake):
    session = fake.open("delay=value")
    future = session.submit(None, slow(150))
    with pytest.raises(concurrent.futures.TimeoutError):
        future.result(0.01)
    assert future.result(30)[0][0, 0] == 150_000


def test_warmup(fake):
    session = fake.open(schedule=[0, 1, 2], threads_per_core=2)
    session.warmup(runs=3)
    assert fake.calls("run") == 18 and session.stats()["submitted"] == 0
    with pytest.raises(ez.InvalidArgument, match="runs"):
        session.warmup(0)


def test_stats(fake):
    session = fake.open("delay_us=2000;fail_negative=-1", schedule=[0, 1])
    for v in (1, 2, 3, -1):
        try:
            session.run(None, value(v))
        except ez.DeviceError:
            assert v < 0
    stats = session.stats()
    assert (stats["submitted"], stats["completed"], stats["failed"], stats["delivered"]) == (4, 3, 1, 4)
    assert stats["submitted"] == sum(
        stats[k] for k in ("waiting", "running", "completed", "failed", "cancelled", "timed_out")
    )
    run = stats["run_ms"]
    assert set(run) == {"mean", "p50", "p90", "p99", "max"}
    assert 2 <= run["p50"] <= run["p90"] <= run["p99"] <= run["max"]
    assert [(c["core"], c["workers"], c["tasks"]) for c in stats["cores"]] == [(0, 1, 2), (1, 1, 2)]
    assert all(c["busy_ms"] >= 4 for c in stats["cores"])
    assert stats["wait_ms"]["max"] < 1000
    assert not hasattr(session, "statistics")


def test_a_time_limit_is_kept_while_other_threads_are_busy(fake):
    """Many limits at once, some reached: each call ends once, and the session is sound afterwards."""
    session = fake.open("jitter_us=3000", schedule=[0, 1, 2])
    ended = []

    def work(t):
        for k in range(40):
            try:
                ended.append(session.run(None, value(t), timeout=0.0005 * (1 + k % 8))[0][0, 0] == t)
            except (ez.Timeout, ez.QueueFull):
                ended.append(True)

    threads = [threading.Thread(target=work, args=(t,)) for t in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(ended) == 240 and all(ended)
    wait_until(lambda: session.stats()["abandoned"] == 0)
    assert session.run(None, X)[0].tolist() == X.tolist()
    end = time.monotonic()
    session.close()
    assert time.monotonic() - end < 30
