"""Faults of runtimes, processes and users: docs/reliability.md says what is promised for each."""

import gc
import os
import pathlib
import signal
import subprocess
import sys
import textwrap
import threading
import time

import numpy as np
import pytest

import ez_rknn_async as ez

X = np.array([[1, 2, 3, 4]], np.float32)
LONG = 60  # seconds, for what a loaded machine does in one


def eventually(condition):
    end = time.monotonic() + LONG
    while not condition() and time.monotonic() < end:
        time.sleep(0.001)
    assert condition()


def script(library, text, program, expected=0):
    """The lines a Python program prints that uses the scripted runtime. `expected`: its exit status."""
    prelude = f"""
        import os, sys, threading, time
        import numpy as np
        import ez_rknn_async as ez
        X = np.array([[1, 2, 3, 4]], np.float32)
        def say(*words): os.write(1, (" ".join(map(str, words)) + "\\n").encode())
        def open_session(**options):
            return ez.InferenceSession(b"RKNN" + bytes(60), provider_options={{"runtime": {str(library)!r}, **options}})
    """
    done = subprocess.run(
        [sys.executable, "-X", "faulthandler", "-c", textwrap.dedent(prelude) + textwrap.dedent(program)],
        env=os.environ | {"EZ_FAKE_RT": text},
        capture_output=True,
        text=True,
    )
    assert done.returncode == expected, done.stderr
    assert "Fatal" not in done.stderr and "terminate called" not in done.stderr, done.stderr
    return done.stdout.split("\n")[:-1], done.stderr


@pytest.fixture
def hung(fake):
    yield fake
    fake.release()
    gc.collect()  # a session in the traceback of an error
    eventually(lambda: fake.live_contexts() == 0)


def test_a_hung_run_is_reported_by_its_limit_and_the_session_closes(hung):
    session = hung.open("run=hold", max_queue_size=5)
    with pytest.raises(ez.Timeout):
        session.run(None, X, timeout=0.01)
    outcomes = []
    session.run_async(None, X, lambda results, k, error: outcomes.append((results, k, error)), 1)
    future = session.submit(None, X)
    assert session.close(timeout=0.01) is False
    assert outcomes[0][:2] == (None, 1) and "closed before this task began" in outcomes[0][2]
    with pytest.raises(ez.Closed):
        future.result()
    stats = session.stats()
    assert (stats["abandoned"], stats["timed_out"], stats["cancelled"]) == (1, 1, 2)
    hung.release()
    assert session.close() is True
    assert session.stats()["abandoned"] == 0 and hung.live_contexts() == 0


def test_a_hung_task_ends_with_timeout_when_its_session_gives_up(hung):
    with hung.open("run=hold", close_timeout_ms=20) as session:
        future = session.submit(None, X)
        eventually(lambda: hung.calls("run") == 1)
    with pytest.raises(ez.Timeout, match="the session was closed"):
        future.result()
    assert hung.live_contexts() == 1  # it cannot be destroyed while its run has not returned


@pytest.mark.parametrize("wrong", [0, -1, float("nan"), "1 s"])
def test_what_is_no_limit_for_close(fake, wrong):
    session = fake.open()
    with pytest.raises((ez.InvalidArgument, ez.InvalidType), match="a number of seconds above 0"):
        session.close(timeout=wrong)
    assert session.run(None, X)[0].tolist() == X.tolist()


def test_the_interpreter_ends_though_a_run_never_does(fake_library):
    lines, log = script(
        fake_library,
        "run=hold",
        """
        sessions = [open_session(close_timeout_ms=200) for _ in range(3)]
        for k, session in enumerate(sessions):
            session.run_async(None, X, lambda results, k, error: say(k, error.split(",")[0]), k)
        """,
    )
    assert sorted(lines) == [f"{k} the session was closed" for k in range(3)]
    assert log.count("the runtime did not return from 1 task(s)") == 3


@pytest.mark.parametrize("after_ms", [0, 1, 3, 10, 30])
def test_the_interpreter_ends_at_any_point(fake_library, after_ms):
    """Work of every kind is under way when the main thread leaves; what was accepted is delivered."""
    lines, _ = script(
        fake_library,
        "jitter_us=3000",
        f"""
        import atexit
        session = open_session(schedule=[0, 1, 2], max_queue_size=20)
        accepted, called, stop = [0], [0], threading.Event()
        atexit.register(lambda: say(accepted[0] - called[0]))  # runs after the package's own
        import importlib; atexit.unregister(ez._core.close_all); atexit.register(ez._core.close_all)
        lock = threading.Lock()
        def callback(*_): called[0] += 1
        def submit():
            while not stop.is_set():
                with lock:
                    try:
                        session.run_async(None, X, callback)
                    except ez.Closed:
                        return
                    accepted[0] += 1
        def run():
            while True:
                try: session.run(None, X)
                except ez.Closed: return
        for work in (submit, run, run):
            threading.Thread(target=work, daemon=True).start()
        time.sleep({after_ms} / 1000)
        with lock:
            stop.set()
        sys.exit(0)
        """,
    )
    assert lines == ["0"]


def test_a_daemon_thread_that_comes_back_while_the_interpreter_ends(fake_library):
    """Python before 3.14 unwinds a thread that wants its lock then: std::terminate, from a destructor."""
    lines, _ = script(
        fake_library,
        "delay_us=200000",
        """
        import atexit
        atexit.unregister(ez._core.close_all)  # so that the run is still under way
        session, began = open_session(), threading.Event()
        class Late:
            def __del__(self, sleep=time.sleep, write=os.write):  # globals are gone; the run comes back meanwhile
                write(1, b"late\\n")
                sleep(1)
        sys.late = Late()
        def run():
            began.set()
            session.run(None, X)
        threading.Thread(target=run, daemon=True).start()
        began.wait()
        time.sleep(0.05)
        """,
    )
    assert lines == ["late"]


def test_fork_in_the_middle(fake_library):
    """The child can use, close and leave a session of its own; the parent's work is not disturbed."""
    lines, _ = script(
        fake_library,
        "delay_us=1000",
        """
        session = open_session(schedule=[0, 1, 2], max_queue_size=50)
        seen = []
        for k in range(100):
            session.run_async(None, X, lambda results, k, error: seen.append(k), k)
            if k % 20 == 10:
                child = os.fork()
                if child == 0:
                    try:
                        session.run(None, X)
                    except ez.Closed:
                        own = open_session()
                        ok = own.run(None, X)[0].tolist() == X.tolist() and own.close()
                        session.close()
                        del session
                        sys.exit(7 if ok else 1)
                    sys.exit(2)
                say(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
        session.close()
        say(seen == list(range(100)))
        """,
    )
    assert lines == ["7"] * 5 + ["True"]


@pytest.fixture
def interruptible():
    """A shell that starts tests in the background has SIGINT ignored; Python then installs no handler of its own."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
def test_keyboard_interrupt_during_a_run(fake):
    """The run ends first, as its memory is the caller's; then KeyboardInterrupt. The session goes on."""
    session = fake.open("run=hold")

    def interrupt():
        eventually(lambda: fake.calls("run") == 1)
        os.kill(os.getpid(), signal.SIGINT)
        fake.release()

    thread = threading.Thread(target=interrupt)
    with pytest.raises(KeyboardInterrupt):
        thread.start()
        session.run(None, X)
        time.sleep(LONG)  # not reached: the signal's handler runs first
    thread.join()
    assert session.run(None, X)[0].tolist() == X.tolist()
    assert session.stats()["completed"] == 2


@pytest.mark.usefixtures("interruptible")
def test_keyboard_interrupt_while_waiting_for_a_future(hung):
    """A future's wait is interrupted at once, also when the runtime never returns."""
    session = hung.open("run=hold")
    future = session.submit(None, X)

    def interrupt():
        eventually(lambda: hung.calls("run") == 1)
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    with pytest.raises(KeyboardInterrupt):
        thread.start()
        future.result()
    thread.join()
    hung.release()
    assert future.result()[0].tolist() == X.tolist()


@pytest.mark.parametrize("schedule", [[0, 1, 2], "balanced"])
def test_a_lost_core(fake, schedule):
    session = fake.open("fail_core=2:-1;delay_us=100", schedule=schedule)
    seen = []
    for k in range(30):
        session.run_async(None, X, lambda results, k, error: seen.append((k, error[:30])), k)
    session.close()
    assert [k for k, _ in seen] == list(range(30))
    failed = {k for k, error in seen if error}
    assert all(error in ("", "rknn_run failed: RKNN_ERR_FAIL") for _, error in seen)
    if schedule != "balanced":
        assert failed == set(range(1, 30, 3))


@pytest.mark.parametrize(
    ("where", "raises"), [("init", "constructor"), ("query", "constructor"), ("run", "run"), ("outputs_get", "run")]
)
def test_the_device_is_out_of_memory(fake, where, raises):
    if raises == "constructor":
        with pytest.raises(ez.DeviceError) as e:
            fake.open(f"fail={where}:-4")
        assert fake.live_contexts() == 0
    else:
        session = fake.open(f"fail={where}:-4:1")
        with pytest.raises(ez.DeviceError) as e:
            session.run(None, X)
        assert session.run(None, X)[0].tolist() == X.tolist()
    assert e.value.rknn_ret == -4 and "RKNN_ERR_MALLOC_FAIL" in str(e.value)


def test_the_process_is_out_of_memory(fake_library):
    """Outputs of 256 MB where 128 are left: an error for each call, by its own way; and the session goes on."""
    lines, _ = script(
        fake_library,
        "copy=1;outputs=y:1x67108864:UNDEFINED:f32,z:1x4:UNDEFINED:f32",
        """
        import mmap, resource
        session = open_session()
        used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used + (128 << 20), -1))
        try:
            mmap.mmap(-1, 256 << 20)
            say("no limit")
            sys.exit()
        except OSError:
            pass
        try:
            session.run(["y"], X)
        except MemoryError:
            say("run")
        done = threading.Event()
        session.run_async(["y"], X, lambda results, _, error: (say(results, error), done.set()))
        done.wait()
        try:
            session.submit(["y"], X).result()
        except MemoryError:
            say("submit")
        resource.setrlimit(resource.RLIMIT_AS, (-1, -1))
        say(session.run(["z"], X)[0].tolist())
        """,
    )
    if lines == ["no limit"]:
        pytest.skip("nothing holds a process to RLIMIT_AS here, as under qemu")
    assert lines == ["run", "None std::bad_alloc", "submit", "[[1.0, 2.0, 3.0, 4.0]]"]


def test_callbacks_that_do_everything_at_once(fake):
    """Raise, re-enter, submit, close and drop the last reference, in one session: all are called, once, in order."""
    seen, raised = [], []
    hook, sys.unraisablehook = sys.unraisablehook, lambda u: raised.append(u.exc_value)
    try:
        box = [fake.open("delay_us=200", schedule=[0, 1, 2], max_queue_size=30)]
        done = threading.Event()

        def callback(results, k, error):
            seen.append(k)
            if k == 2:
                assert box[0].run(None, X)[0].tolist() == X.tolist()
            if k == 3:
                box[0].run_async(None, X, callback, 100)
            if k == 4:
                raise ValueError("mine")
            if k == 6:
                assert box[0].close() is False
            if k == 7:
                box.clear()
            if k == 100:
                done.set()

        for k in range(10):
            box[0].run_async(None, X, callback, k)
        assert done.wait(LONG)
        eventually(lambda: fake.live_contexts() == 0)
    finally:
        sys.unraisablehook = hook
    assert seen == [*range(10), 100]
    assert [str(e) for e in raised] == ["mine"]


def test_nothing_of_a_session_is_writable_and_executable(fake):
    """Of the whole process with a session open: no mapping is both."""
    session = fake.open(schedule=[0, 1, 2])
    session.run(None, X)
    ours = ("ez_rknn", "_core", "_file", "fake_rknnrt", "rknnrt")
    for line in pathlib.Path("/proc/self/maps").read_text().splitlines():
        if any(name in line for name in ours):
            assert "wx" not in line.split()[1], line
