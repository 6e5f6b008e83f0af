"""run_async: order, room, callbacks that misbehave, threads."""

import gc
import os
import sys
import threading
import time
import weakref

import numpy as np
import pytest

import ez_rknn_async as ez

X = np.array([[1, 2, 3, 4]], np.float32)


def value(v):
    return np.full((1, 4), v, np.float32)


def wait_until(condition, seconds=10):
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.001)
    assert condition()


@pytest.mark.contract("1.3/sequential-callbacks")
def test_callbacks_in_order_of_submission(fake):
    session = fake.open("jitter_us=2000", schedule=[0, 1, 2])
    seen = []
    for k in range(100):
        session.run_async(None, value(k), lambda results, data, err: seen.append((results[0][0, 0], data, err)), k)
    session.close()
    assert seen == [(k, k, "") for k in range(100)]


@pytest.mark.contract("1.5/callback-arguments", "1.4/runtime-error")
def test_failures_keep_their_place(fake):
    session = fake.open("jitter_us=500;fail_negative=-2", schedule=[0, 1, 2])
    seen = []
    for k in range(9):
        session.run_async(
            None, value(-1 if k % 3 == 0 else k), lambda r, data, err: seen.append((r is None, data, err)), k
        )
    session.close()
    assert [(failed, data) for failed, data, _ in seen] == [(k % 3 == 0, k) for k in range(9)]
    assert all(err.startswith("rknn_run failed: RKNN_ERR_TIMEOUT (-2)") == failed for failed, _, err in seen)


@pytest.mark.contract("1.3/sequential-callbacks")
def test_completion_order_when_asked_for(fake):
    session = fake.open("delay=value", schedule=[0, 1], sequential_callbacks=False)
    seen = []
    for us in (200_000, 1):
        session.run_async(None, value(us), lambda r, data, err: seen.append(data), us)
    session.close()
    assert seen == [1, 200_000]


@pytest.mark.contract("1.5/callback-thread", "1.5/user-data")
def test_one_callback_thread_and_the_same_user_data(fake):
    session = fake.open(schedule=[0, 1, 2])
    marker, threads, seen = object(), set(), []

    def callback(results, data, err):
        threads.add(threading.get_ident())
        seen.append(data)

    for _ in range(50):
        session.run_async(None, X, callback, marker)
    session.close()
    assert len(threads) == 1 and threads != {threading.get_ident()}
    assert len(seen) == 50 and all(data is marker for data in seen)


def test_the_callback_thread_keeps_its_thread_locals(fake):
    # Guards against a new record of the thread in the interpreter for every batch of callbacks.
    session, local, seen = fake.open(), threading.local(), []
    for k in range(5):
        called = threading.Event()

        def callback(results, data, err, called=called):
            local.calls = getattr(local, "calls", 0) + 1
            seen.append(local.calls)
            called.set()

        session.run_async(None, X, callback)
        assert called.wait(60) and len(seen) == k + 1
    assert seen == [1, 2, 3, 4, 5]


@pytest.mark.contract("1.5/input-lifetime")
def test_inputs_are_copied_before_it_returns(fake):
    session = fake.open("delay_us=20000")
    x, seen = value(5), []
    for _ in range(3):
        session.run_async(None, x, lambda r, _d, _e: seen.append(r[0][0, 0]))
        x[:] = -1
    session.close()
    assert seen == [5, -1, -1]


@pytest.mark.contract("1.5/blocking", "1.3/max-queue-size", "1.3/submit-timeout-ms", "3/11")
@pytest.mark.parametrize(("script", "queue", "accepted"), [("delay_us=50000", 3, 12), ("delay_us=50000", 1, 10)])
def test_accepted_while_a_callback_is_stuck(fake, script, queue, accepted):
    session = fake.open(script, max_queue_size=queue, submit_timeout_ms=1500)
    go, delivered = threading.Event(), []

    def callback(results, data, err):
        go.wait()
        delivered.append(data)

    count = 0
    with pytest.raises(ez.QueueFull, match="1500 ms") as e:
        for count in range(100):
            session.run_async(None, X, callback, count)
    assert isinstance(e.value, TimeoutError) and isinstance(e.value, RuntimeError)
    assert count == accepted
    go.set()
    session.close()
    assert delivered == list(range(accepted))
    assert session.stats()["rejected"] == 1


@pytest.mark.contract("3/11", "3/05")
def test_max_pending_callbacks(fake):
    session = fake.open(max_pending_callbacks=2, submit_timeout_ms=200)
    go, started = threading.Event(), threading.Event()
    session.run_async(None, X, lambda *_: (started.set(), go.wait()))
    started.wait()
    for k in range(2):
        session.run_async(None, X, lambda *_: None)
        wait_until(lambda k=k: session.stats()["undelivered"] == k + 1)
    with pytest.raises(ez.QueueFull, match="max_pending_callbacks 2"):
        session.run_async(None, X, lambda *_: None)
    assert session.run(None, X)[0].tolist() == X.tolist()  # run does not wait for callbacks
    go.set()


@pytest.mark.contract("3/03")
def test_run_inside_a_callback(fake):
    session = fake.open("delay_us=2000", max_queue_size=1)
    seen = []
    for k in range(4):
        session.run_async(None, value(k), lambda r, _d, _e: seen.append(session.run(None, r[0] + 100)[0][0, 0]))
    wait_until(lambda: len(seen) == 4)
    assert seen == [100, 101, 102, 103]
    nested = []
    session.run_async(None, X, lambda *_: session.run_async(None, X, lambda *_: nested.append(1)))
    wait_until(lambda: nested == [1])


@pytest.mark.contract("3/04")
def test_dropping_the_last_reference_in_a_callback(fake):
    for _ in range(20):
        holder, done = [fake.open()], threading.Event()

        def callback(results, data, err, holder=holder, done=done):
            holder.clear()
            gc.collect()
            done.set()

        holder[0].run_async(None, X, callback)
        assert done.wait(10)
    wait_until(lambda: fake.live_contexts() == 0)


@pytest.mark.contract("1.5/callback-raises", "3/20")
def test_exceptions_in_callbacks_are_reported_with_their_traceback(fake, monkeypatch):
    reported = []
    monkeypatch.setattr(
        sys, "unraisablehook", lambda u: reported.append((type(u.exc_value), u.exc_traceback is not None, u.object))
    )

    def callback(results, data, err):
        raise KeyError("mine")

    session, seen = fake.open(), []
    session.run_async(None, X, callback)
    session.run_async(None, X, lambda *_: seen.append(1))
    session.close()
    assert reported == [(KeyError, True, callback)] and seen == [1]


@pytest.mark.contract("1.5/non-callable", "1.5/dispatch-batch", "1.5/validation")
def test_errors_before_acceptance_are_raised_and_the_callback_is_not_called(fake):
    session, called = fake.open(), []
    for error, arguments in (
        (ez.InvalidType, (None, X, 5)),
        (ez.InvalidType, (None, X, None)),
        (ez.InvalidArgument, (["nope"], X, called.append)),
        (ez.InvalidArgument, (None, value(0)[:, :2], called.append)),
        (ez.InvalidType, (None, 5, called.append)),
    ):
        with pytest.raises(error):
            session.run_async(*arguments)
    with pytest.raises(RuntimeError):
        session.run_async(None, X, called.append, run_options={"ztu_modelrt_dispatch_batch": True})
    session.close()
    assert called == [] and session.stats()["submitted"] == 0
    with pytest.raises(ez.Closed):
        session.run_async(None, X, called.append)


@pytest.mark.contract("2/close", "1.2/lifecycle")
def test_close_delivers_everything(fake):
    session, seen = fake.open("delay_us=20000"), []
    for _ in range(3):
        session.run_async(None, X, lambda *_: seen.append(1))
    start = time.monotonic()
    del session
    assert seen == [1, 1, 1] and time.monotonic() - start < 5
    with fake.open("delay_us=1000") as session:
        session.run_async(None, X, lambda *_: seen.append(2))
    assert seen[-1] == 2
    session.close()


@pytest.mark.contract("3/29")
def test_what_is_pending_at_exit_is_delivered(fake_library):
    import subprocess

    code = f"""
import numpy as np, ez_rknn_async as ez
session = ez.InferenceSession(b"RKNN" + bytes(60), provider_options={{"runtime": {str(fake_library)!r}}})
for k in range(3):
    session.run_async(None, np.zeros((1, 4), np.float32), lambda r, d, e: print("delivered", d), k)
other = ez.InferenceSession(b"RKNN" + bytes(60), provider_options={{"runtime": {str(fake_library)!r}}})
other.run_async(None, np.zeros((1, 4), np.float32), lambda r, d, e: globals().pop("other"), 0)
"""
    environment = os.environ | {"EZ_FAKE_RT": "delay_us=30000"}
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment)
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.split("\n")[:3] == ["delivered 0", "delivered 1", "delivered 2"]


@pytest.mark.contract("1.4/gil")
def test_the_gil_is_free_while_a_task_runs_and_while_loading_waits(fake):
    session = fake.open("delay_us=200000")
    counted = []
    thread = threading.Thread(target=lambda: session.run(None, X))
    thread.start()
    while thread.is_alive():
        counted.append(1)
        time.sleep(0.001)
    assert len(counted) > 20


@pytest.mark.contract("1.4/thread-safety", "2/thread-safe-run")
def test_many_threads(fake):
    session = fake.open("jitter_us=200", schedule=[0, 1, 2])
    wrong = []

    def work(t):
        for k in range(50):
            v = t * 1000 + k
            if session.run(None, value(v))[0][0, 0] != v:
                wrong.append(v)

    threads = [threading.Thread(target=work, args=(t,)) for t in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert wrong == [] and session.stats()["completed"] == 400


def test_no_memory_thread_or_reference_is_left_behind(fake):
    def resident():
        with open("/proc/self/statm") as f:
            return int(f.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def threads():
        return len(os.listdir("/proc/self/task"))

    class Marker:
        pass

    script = "inputs=x:1x65536:UNDEFINED:f32;outputs=y:1x65536:UNDEFINED:f32"
    x = np.zeros((1, 65536), np.float32)
    before_threads, markers = threads(), []

    def cycle():
        session = fake.open(script, schedule=[0, 1, 2])
        for _ in range(5):
            session.run(None, {"x": x})
            marker = Marker()
            markers.append(weakref.ref(marker))
            session.run_async(None, x, lambda *_: None, marker)
            session.run_pipeline(x, depth=2)

    for _ in range(20):
        cycle()
    before = resident()
    for _ in range(100):
        cycle()
    grown = resident() - before
    gc.collect()
    assert grown < 8 << 20, f"{grown} bytes in 100 sessions"
    assert not [m for m in markers if m() is not None]
    assert fake.live_contexts() == 0
    wait_until(lambda: threads() == before_threads)


def test_repeated_runs_do_not_grow(fake):
    import tracemalloc

    session = fake.open()
    for _ in range(100):
        session.run(None, {"x": X})
    tracemalloc.start()
    for _ in range(1000):
        session.run(None, {"x": X})
    grown, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert grown < 20_000
