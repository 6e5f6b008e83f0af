import threading

import numpy as np
import pytest

import ez_rknn_async as ez


def value(v):
    return np.full((1, 4), v, np.float32)


def stepper(session):
    def step(v, depth=3, **more):
        outputs = session.run_pipeline(value(v), depth, **more)
        return None if outputs is None else outputs[0][0, 0]

    return step


@pytest.mark.contract("1.6/warm-up")
def test_warm_up_then_the_oldest(fake):
    session = fake.open("jitter_us=500", schedule=[0, 1, 2])
    step = stepper(session)
    assert [step(k) for k in range(10)] == [None] * 3 + list(range(7))
    assert stepper(fake.open())(0, 1) is None


@pytest.mark.contract("1.6/signature")
def test_reset_and_another_depth_start_a_new_window(fake):
    step = stepper(fake.open())
    assert [step(k, 2) for k in range(6)] == [None, None, 0, 1, 2, 3]
    got = [step(10, 2, reset=True), step(11, 2), step(12), step(13), step(14), step(15), step(16, 1), step(17, 1)]
    assert got == [None, None, None, None, None, 12, None, 16]


@pytest.mark.contract("1.6/signature")
def test_all_outputs_are_returned(fake):
    session = fake.open("outputs=y:1x4:UNDEFINED:f32,z:1x2:UNDEFINED:i8")
    assert session.run_pipeline({"x": value(1)}, depth=1) is None
    outputs = session.run_pipeline([value(2)], depth=1)
    assert [o.shape for o in outputs] == [(1, 4), (1, 2)] and {o.dtype for o in outputs} == {np.dtype(np.float32)}


@pytest.mark.contract("1.6/failed-frame")
def test_a_failed_frame_raises_on_the_call_that_returns_it(fake):
    step = stepper(fake.open("fail_negative=-1"))
    assert step(-1, 1) is None
    with pytest.raises(ez.DeviceError):
        step(2, 1)
    assert step(3, 1) == 2


@pytest.mark.contract("1.6/depth")
@pytest.mark.parametrize("depth", [0, -1])
def test_depth_must_be_positive(fake, depth):
    session = fake.open()
    with pytest.raises(ez.InvalidArgument, match="depth"):
        session.run_pipeline(value(0), depth)
    assert session.stats()["submitted"] == 0


@pytest.mark.contract("1.6/depth")
def test_depth_must_be_an_integer(fake):
    with pytest.raises(TypeError):
        fake.open().run_pipeline(value(0), "3")


@pytest.mark.contract("3/31")
def test_a_refused_frame_leaves_the_window_alone(fake):
    session = fake.open()
    step = stepper(session)
    assert step(1, 1) is None
    with pytest.raises(ez.InvalidArgument):
        session.run_pipeline(value(0)[:, :2], 1)
    assert step(2, 1) == 1


@pytest.mark.contract("3/31")
def test_threads_that_share_a_pipeline_get_each_result_once(fake):
    session = fake.open("jitter_us=200", schedule=[0, 1, 2])
    seen, lock = [], threading.Lock()

    def work(start):
        step = stepper(session)
        for k in range(start, start + 50):
            got = step(k)
            if got is not None:
                with lock:
                    seen.append(got)

    threads = [threading.Thread(target=work, args=(1000 * t,)) for t in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert len(seen) == len(set(seen)) == 197
