"""Weaknesses of the reference package in how calls travel, one test each; numbers as in tests/contract/rows.toml.

Each test fails on an engine that has the weakness. Those about binding, the module and packaging are elsewhere.
"""

import gc
import os
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
from test_async import wait_until
from test_calls import X, slow, value

import ez_rknn_async as ez


@pytest.mark.contract("3/01")
def test_weakness_01_a_core_mask_that_fails_is_an_error(fake):
    with pytest.raises(ez.DeviceError, match="rknn_set_core_mask"):
        fake.open("fail=set_core_mask:-1:2", schedule=[0, 1])
    with pytest.warns(UserWarning, match="core"):  # a chip with one core: go on with what there is
        session = fake.open("cores=1", schedule=[0, 1])
    assert session.run(None, X)[0].tolist() == X.tolist()


@pytest.mark.contract("3/02")
def test_weakness_02_no_context_leaks_when_a_constructor_fails(fake):
    for fail in (
        "init:-1:2;dup=0",
        "query:-7:1",
        "query:-7:2",
        "set_core_mask:-1:3",
        "dup_context:-1:1;fail=init:-1:2",
    ):
        with pytest.raises(ez.Error):
            fake.open(f"fail={fail}", schedule=[0, 1, 2])
        assert fake.live_contexts() == 0, fail
    with pytest.raises(ez.InvalidArgument):
        fake.open(custom_op_path="/no/such.so")
    assert fake.live_contexts() == 0


@pytest.mark.contract("3/03")
def test_weakness_03_run_and_waiting_submissions_work_inside_a_callback(fake):
    session = fake.open("delay_us=1000", max_queue_size=1)
    seen, inner = [], []

    def callback(results, k, err):
        for j in range(3):  # more than there is room for
            session.run_async(None, value(10 * k + j), lambda r, d, e: inner.append(r[0][0, 0]))
        seen.append(session.run(None, value(k))[0][0, 0])

    for k in range(4):
        session.run_async(None, X, callback, k)
    wait_until(lambda: len(seen) == 4 and len(inner) == 12, 60)
    assert seen == [0, 1, 2, 3] and sorted(inner) == [10 * k + j for k in range(4) for j in range(3)]


@pytest.mark.contract("3/04")
def test_weakness_04_the_last_reference_may_go_in_a_callback(fake):
    for k in range(10):
        holder, done = [fake.open("delay_us=500")], threading.Event()
        session = holder[0]  # a callback may empty the holder before the others are submitted
        for _ in range(3):
            session.run_async(None, X, lambda *_, h=holder, d=done: (h.clear(), gc.collect(), d.set()))
        del session
        assert done.wait(30), k
    wait_until(lambda: fake.live_contexts() == 0, 30)


@pytest.mark.contract("3/05")
def test_weakness_05_a_slow_callback_does_not_delay_run(fake):
    session, go, begun = fake.open(), threading.Event(), threading.Event()
    session.run_async(None, X, lambda *_: (begun.set(), go.wait(60)))
    assert begun.wait(30)
    for _ in range(20):
        session.run(None, X)
    assert session.submit(None, X).result(30) and not go.is_set()
    go.set()


@pytest.mark.contract("3/06", "1.4/read-only")
def test_weakness_06_read_only_inputs(fake, tmp_path):
    session = fake.open()
    X.tofile(tmp_path / "x.bin")
    locked = X.copy()
    locked.flags.writeable = False
    for array in (
        locked,
        np.frombuffer(X.tobytes(), np.float32).reshape(1, 4),
        np.memmap(tmp_path / "x.bin", np.float32, "r", shape=(1, 4)),
        np.broadcast_to(np.float32(3), (1, 4)),
    ):
        assert not array.flags.writeable
        assert session.run(None, array)[0].tolist() == array.tolist()
        assert session.submit(None, {"x": array}).result(30)[0].tolist() == array.tolist()


@pytest.mark.contract("3/07")
@pytest.mark.parametrize("schedule", [[0, 1], "balanced"])
def test_weakness_07_a_slow_task_does_not_hold_up_other_cores(fake, schedule):
    session = fake.open("delay=value", schedule=schedule, max_queue_size=10)
    held_up = session.submit(None, slow(1500))
    behind = [session.submit(None, value(k)) for k in range(1, 8)]
    # Fixed: tickets 1, 3, 5, 7 are core 1's. Balanced: everything goes to whichever core is idle.
    free = behind[::2] if schedule == [0, 1] else behind
    for future in free:
        future.result(30)
    assert not held_up.done(), "the others were through before the slow one"
    assert held_up.result(30)


@pytest.mark.contract("3/07")
def test_balanced_tasks_are_called_back_in_order_of_submission(fake):
    session, seen = fake.open("delay=value", schedule="balanced", max_queue_size=30), []
    delays = [40, 1, 20, 3, 30, 2, 10, 0, 25, 5] * 3
    for k, ms in enumerate(delays):
        session.run_async(None, slow(ms), lambda r, d, e: seen.append(d), k)
    session.close()
    assert seen == list(range(30))
    assert all(core["tasks"] > 0 for core in session.stats()["cores"]) and len(session.stats()["cores"]) == 3


@pytest.mark.contract("3/08")
def test_weakness_08_submissions_wake_only_who_is_meant(fake):
    """Not a time, which a busy machine would spoil: how often any thread goes to sleep, for each task."""
    import resource

    session, seen, n = fake.open(schedule=[0, 1, 2], max_queue_size=12), [], 3000
    before = resource.getrusage(resource.RUSAGE_SELF).ru_nvcsw
    for k in range(n):
        session.run_async(None, X, lambda r, d, e: seen.append(d), k)
    session.close()
    switches = resource.getrusage(resource.RUSAGE_SELF).ru_nvcsw - before
    assert seen == list(range(n))
    assert switches / n < 12, f"{switches / n:.1f} waits for each task"


@pytest.mark.contract("3/09")
def test_weakness_09_no_wake_up_is_lost(fake):
    """A lost one would cost the submit timeout, which is longer here than the test waits."""
    session, seen = fake.open("jitter_us=100", schedule=[0, 1], max_queue_size=1, submit_timeout_ms=600_000), []

    def work():
        for k in range(150):
            if k % 2:
                session.run(None, X)
            else:
                session.run_async(None, X, lambda *_: seen.append(1))

    threads = [threading.Thread(target=work, daemon=True) for _ in range(6)]
    for t in threads:
        t.start()
    for t in threads:
        t.join(120)
    assert not any(t.is_alive() for t in threads)
    session.close()
    assert len(seen) == 450


@pytest.mark.contract("3/10")
def test_weakness_10_pacing_sleeps(fake):
    session = fake.open("delay_us=20000", schedule=[0, 1], threads_per_core=2, enable_pacing=True, max_queue_size=99)
    session.run(None, X)
    futures, begin, used = [], time.monotonic(), time.thread_time()
    for _ in range(21):
        futures.append(session.submit(None, X))
    used, elapsed = time.thread_time() - used, time.monotonic() - begin
    assert elapsed >= 0.095, "20 gaps of 20 ms / 4 workers"
    assert used < 0.5 * elapsed, "the submitting thread was busy while it waited"
    assert all(f.result(30) for f in futures)


@pytest.mark.contract("3/11")
@pytest.mark.parametrize("most", [1, 2, 5])
def test_weakness_11_the_bound_of_undelivered_callbacks_is_an_option(fake, most):
    session, go, begun = (
        fake.open(max_pending_callbacks=most, submit_timeout_ms=300),
        threading.Event(),
        threading.Event(),
    )
    session.run_async(None, X, lambda *_: (begun.set(), go.wait(60)))
    assert begun.wait(30)
    for k in range(most):
        session.run_async(None, X, lambda *_: None)
        wait_until(lambda k=k: session.stats()["undelivered"] == k + 1)
    with pytest.raises(ez.QueueFull, match=f"max_pending_callbacks {most}"):
        session.run_async(None, X, lambda *_: None)
    go.set()


@pytest.mark.contract("3/12", "2/output-dtype")
def test_weakness_12_native_output_types(fake):
    script = "outputs=q:1x4:UNDEFINED:i8,h:1x4:UNDEFINED:f16,n:1x4:UNDEFINED:i64;scale=0.5;zp=-3"
    q, h, n = fake.open(script, output_dtype="native").run(None, X)
    assert (q.dtype, h.dtype, n.dtype) == (np.int8, np.float16, np.int64)
    assert q.tolist() == [[2 * v - 3 for v in (1, 2, 3, 4)]]
    assert q.nbytes == 4 and fake.open(script).run(["q"], X)[0].nbytes == 16


@pytest.mark.contract("3/13", "1.4/output-arrays")
def test_weakness_13_outputs_are_handed_over_not_copied(fake):
    """The array stands on the buffer the runtime filled: page-sized buffers come back to the session when it goes."""
    session = fake.open("outputs=y:1x65536:UNDEFINED:f32")
    (first,) = session.run(None, X)
    assert first.flags.writeable and not first.flags.owndata and first.base is not None
    address = first.ctypes.data
    assert address % 64 == 0
    (second,) = session.run(None, X)
    assert second.ctypes.data != address
    del first
    (third,) = session.run(None, X)
    assert third.ctypes.data == address


@pytest.mark.contract("3/14")
def test_weakness_14_a_blocking_run_lends_its_inputs(fake):
    session = fake.open()
    session.run(None, X)
    assert fake.last_input() == X.ctypes.data
    session.submit(None, X).result(30)
    assert fake.last_input() != X.ctypes.data  # asynchronous: a copy, which the caller may overwrite
    x = X.copy()
    with pytest.raises(ez.Timeout):  # with a time limit too: the runtime may outlast the call
        fake.open("delay_us=50000").run(None, x, timeout=0.005)
    assert fake.last_input() not in (X.ctypes.data, x.ctypes.data)


@pytest.mark.contract("3/15")
@pytest.mark.parametrize("dtype", [np.uint8, np.float16, np.float32, np.int64])
def test_weakness_15_software_transposition(fake, dtype):
    session = fake.open("inputs=i:1x37x41x3:NHWC:i8;outputs=y:1x4551:UNDEFINED:f32", layout="nchw_software")
    image = np.random.default_rng(1).integers(0, 100, (1, 3, 37, 41)).astype(dtype)
    got = session.run(None, image)[0].reshape(1, 37, 41, 3)
    assert np.array_equal(got, image.transpose(0, 2, 3, 1).astype(np.float32))
    assert session.submit(None, image).result(30)[0].tolist() == got.reshape(1, -1).tolist()


@pytest.mark.contract("3/16")
def test_weakness_16_dynamic_shapes(fake):
    session = fake.open("inputs=i:1x4x4x3:NHWC:f32;outputs=y:1x48:UNDEFINED:f32;dynamic=1x4x4x3|1x2x6x3", layout="nchw")
    for shape in ((1, 3, 4, 4), (1, 3, 2, 6), (1, 3, 4, 4)):
        image = np.arange(np.prod(shape), dtype=np.float32).reshape(shape)
        (got,) = session.run(None, image)
        assert np.array_equal(got.ravel(), image.transpose(0, 2, 3, 1).ravel())
        assert np.array_equal(session.submit(None, image).result(30)[0], got)
    with pytest.raises(ez.InvalidArgument, match=r"\[1, 3, 4, 4\], \[1, 3, 2, 6\]"):
        session.run(None, np.zeros((1, 3, 5, 5), np.float32))


@pytest.mark.contract("3/17", "3/18", "3/19")
@pytest.mark.parametrize(
    ("form", "layout", "shape", "named"),
    [
        ("NHWC", "nchw", (1, 3, 4, 5), "NCHW"),
        ("NHWC", "nhwc", (1, 4, 5, 3), "NHWC"),
        ("NHWC", "any", (1, 4, 5, 3), "NHWC"),
        ("NCHW", "any", (1, 4, 5, 3), "NCHW"),
        ("NCHW", "nchw", (1, 4, 5, 3), "NCHW"),
    ],
)
def test_weaknesses_17_18_19_dimensions_follow_the_format_the_runtime_reports(fake, form, layout, shape, named):
    session = fake.open(f"inputs=i:1x4x5x3:{form}:f32;outputs=y:1x60:UNDEFINED:f32", layout=layout)
    (node,) = session.get_inputs()
    assert (tuple(node.shape), node.layout) == (shape, named)
    array = np.arange(60, dtype=np.float32).reshape(shape)
    expected = array.transpose(0, 2, 3, 1) if shape == (1, 3, 4, 5) else array
    assert np.array_equal(session.run(None, array)[0].ravel(), expected.ravel())


@pytest.mark.contract("3/19")
def test_weakness_19_an_undefined_format_is_left_alone(fake):
    session = fake.open("inputs=i:1x4x5x3:UNDEFINED:f32;outputs=y:1x60:UNDEFINED:f32", layout="nchw")
    array = np.arange(60, dtype=np.float32).reshape(1, 4, 5, 3)
    assert session.get_inputs()[0].shape == [1, 4, 5, 3]
    assert np.array_equal(session.run(None, array)[0].ravel(), array.ravel())


@pytest.mark.contract("3/20", "1.5/callback-raises")
def test_weakness_20_what_a_callback_raises_keeps_its_traceback(fake, monkeypatch):
    lines = []
    monkeypatch.setattr(sys, "unraisablehook", lambda u: lines.append(u.exc_traceback.tb_next or u.exc_traceback))

    def deeper():
        raise LookupError("mine")

    session, seen = fake.open(), []
    session.run_async(None, X, lambda *_: deeper())
    session.run_async(None, X, lambda *_: seen.append(1))
    session.close()
    assert [t.tb_frame.f_code.co_name for t in lines] == ["deeper"] and seen == [1]


@pytest.mark.contract("3/21")
def test_weakness_21_options_are_strict_and_case_is_free(fake):
    fake.open(tp_mode="ALL", zero_copy_layout="NHWC", layout="NCHW", max_queue_size=" 4 ")
    for wrong in (
        {"schedule": "0;1"},
        {"schedule": "0,a"},
        {"schedule": "a"},
        {"max_queue_size": -1},
        {"tp_mode": "0,1,"},
        {"unknown": 1},
    ):
        with pytest.raises(ez.InvalidArgument, match="accepted"):
            fake.open(**wrong)


@pytest.mark.contract("3/22", "3/23", "3/37")
def test_weaknesses_22_23_37_cores(fake):
    for wrong in ([40], [3], 3, [-1], "64"):
        with pytest.raises(ez.InvalidArgument, match="0 to 2"):
            fake.open(schedule=wrong)
    for schedule in (np.int64(1), np.array([0, 1]), [np.uint8(2), 0], range(3), np.arange(3, dtype=np.int8)):
        fake.open(schedule=schedule)
    for mode, mask in (("1,2", 6), ("0,2", 5), ("0,1,2", 7)):
        fake.open(tp_mode=mode)
        assert f"set_core_mask:{mask}" in fake.trace()


@pytest.mark.contract("3/25")
def test_weakness_25_loading_leaves_the_gil_and_keeps_no_content(fake):
    turns, over = [], threading.Event()

    def count():
        while not over.is_set():
            turns.append(1)
            time.sleep(0.001)

    thread = threading.Thread(target=count)
    thread.start()
    wait_until(lambda: turns)
    turns.clear()
    content = bytearray(fake.MODEL)
    references = sys.getrefcount(content)
    session = fake.open("init_us=300000", model=content)
    during = len(turns)
    over.set()
    thread.join()
    assert during > 5
    assert sys.getrefcount(content) == references
    content.extend(b"more")  # no view of it is left open
    assert session.run(None, X)[0].tolist() == X.tolist()


@pytest.mark.contract("3/28", "2/close")
def test_weakness_28_ways_to_end_and_to_wait(fake):
    with fake.open("delay=value") as session:
        pipeline = session.pipeline(2)
        pipeline.push(X)
        assert len(pipeline.flush()) == 1
        running, queued = session.submit(None, slow(100)), session.submit(None, X)
        assert queued.cancel()
        with pytest.raises(ez.Timeout):
            session.run(None, X, timeout=0.01)
        assert running.result(30) and session.stats()["cancelled"] == 1
    with pytest.raises(ez.Closed):
        session.run(None, X)


@pytest.mark.contract("3/29")
def test_weakness_29_what_is_pending_when_the_interpreter_ends_is_delivered(fake_library):
    code = f"""
import time, numpy as np, ez_rknn_async as ez
x = np.zeros((1, 4), np.float32)
session = ez.InferenceSession(b"RKNN" + bytes(60), provider_options={{"runtime": {str(fake_library)!r}}})
session.run_async(None, x, lambda r, d, e: (time.sleep(0.3), print("slow", d, flush=True)), 0)
for k in range(1, 6):
    session.run_async(None, x, lambda r, d, e: print("quick", d, flush=True), k)
future = session.submit(None, x)
future.add_done_callback(lambda f: print("future", len(f.result()), flush=True))
"""
    environment = os.environ | {"EZ_FAKE_RT": "delay_us=20000"}
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment)
    assert (result.returncode, result.stderr) == (0, "")
    lines = result.stdout.split("\n")
    assert [line for line in lines if line.startswith(("slow", "quick"))] == [
        "slow 0",
        *(f"quick {k}" for k in range(1, 6)),
    ]
    assert "future 1" in lines


@pytest.mark.contract("3/30", "1.4/dispatch-batch")
def test_weakness_30_a_failed_sample_is_named(fake):
    session = fake.open("fail_negative=-2", schedule=[0, 1, 2])
    batch = np.ones((6, 4), np.float32)
    batch[4] = -1
    with pytest.raises(ez.DeviceError, match="sample 4 of 6: rknn_run failed") as e:
        session.run(None, batch, {"ztu_modelrt_dispatch_batch": True})
    assert e.value.rknn_ret == -2
    batch[4] = 5
    (out,) = session.run(None, batch, {"ztu_modelrt_dispatch_batch": True})
    assert np.array_equal(out, batch) and out.flags.c_contiguous


@pytest.mark.contract("3/31", "1.6/depth")
def test_weakness_31_a_refused_step_submits_nothing_and_streams_have_their_own_windows(fake):
    session = fake.open("delay=value")  # microseconds
    for wrong in (0, -3):
        with pytest.raises(ez.InvalidArgument):
            session.run_pipeline(X, wrong)
    assert session.stats()["submitted"] == 0
    left, right = session.pipeline(1), session.pipeline(1)
    left.push(value(1))
    right.push(value(10))
    assert left.push(value(500_000))[0][0, 0] == 1 and right.push(value(11))[0][0, 0] == 10
    right.clear()  # what it held waits behind the long one: it is not run
    left.clear()
    session.close()
    stats = session.stats()
    assert stats["submitted"] == 4 and stats["completed"] == 3 and stats["cancelled"] == 1


@pytest.mark.contract("1.12/tests", "3/35")
def test_weakness_35_tests_need_no_board(fake, seed):
    assert fake.open().get_runtime()["path"] == fake.path
    session = ez.InferenceSession(seed, provider_options={"runtime": "software"})
    assert session.get_runtime()["software"]


@pytest.mark.contract("3/39")
def test_weakness_39_a_batch_of_outputs_whose_first_axis_is_not_one(fake):
    session = fake.open("outputs=y:2x2:UNDEFINED:f32")
    batch = np.arange(12, dtype=np.float32).reshape(3, 4)
    (out,) = session.run(None, batch, {"ztu_modelrt_dispatch_batch": True})
    assert out.shape == (6, 2) and np.array_equal(out.ravel(), batch.ravel())


@pytest.mark.contract("3/40")
def test_weakness_40_large_integers_survive(fake):
    session = fake.open("inputs=x:1x4:UNDEFINED:i64;outputs=y:1x4:UNDEFINED:i64", output_dtype="native")
    numbers = np.array([[16777217, -16777219, 2**40 + 1, 0]], np.int64)
    (out,) = session.run(None, numbers)
    assert out.dtype == np.int64 and out.tolist() == numbers.tolist()
