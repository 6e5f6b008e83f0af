"""Streams of inputs: session.pipeline and session.map."""

import gc
import threading

import numpy as np
import pytest
from test_calls import X, slow, value

import ez_rknn_async as ez


def numbers(results):
    return [outputs[0][0, 0] for outputs in results]


@pytest.mark.contract("1.6/drain", "3/28")
def test_a_pipeline_gives_one_out_for_one_in_and_flush_the_rest(fake):
    session = fake.open("jitter_us=1000", schedule=[0, 1, 2])
    pipeline = session.pipeline(depth=3)
    pushed = [pipeline.push(value(k)) for k in range(10)]
    assert pushed[:3] == [None] * 3 and numbers(pushed[3:]) == list(range(7))
    assert len(pipeline) == pipeline.depth == 3
    assert numbers(pipeline.flush()) == [7, 8, 9]
    assert pipeline.flush() == [] and pipeline.pop() is None and len(pipeline) == 0 and pipeline


def test_iterating_over_a_pipeline_takes_out_what_is_in_flight(fake):
    pipeline = fake.open().pipeline(4)
    for k in range(4):
        assert pipeline.push({"x": value(k)}) is None
    assert numbers(pipeline) == [0, 1, 2, 3] and list(pipeline) == []


def test_pipelines_side_by_side(fake):
    session = fake.open("jitter_us=300", schedule=[0, 1])
    wrong = []

    def work(base):
        pipeline = session.pipeline(2)
        got = [pipeline.push(value(base + k)) for k in range(40)]
        if numbers([*got[2:], *pipeline.flush()]) != [base + k for k in range(40)]:
            wrong.append(base)

    threads = [threading.Thread(target=work, args=(1000 * t,)) for t in range(4)]
    for t in threads:
        t.start()
    assert session.run_pipeline(value(7), depth=1) is None  # the session's own window is another one
    for t in threads:
        t.join()
    assert not wrong and numbers([session.run_pipeline(value(8), depth=1)]) == [7]


def test_a_pipeline_as_a_context_leaves_nothing_behind(fake):
    session = fake.open("delay=value", max_queue_size=10)
    with session.pipeline(5) as pipeline:
        for v in (slow(100), *(value(k) for k in range(4))):
            pipeline.push(v)
    stats = session.stats()
    assert stats["waiting"] == 0 and stats["cancelled"] >= 3 and len(pipeline) == 0


def test_a_failed_frame_raises_in_its_turn(fake):
    session = fake.open("fail_negative=-2", max_queue_size=10)
    pipeline = session.pipeline(1)
    assert pipeline.push(value(-1)) is None
    with pytest.raises(ez.DeviceError):
        pipeline.push(value(2))
    with pytest.raises(ez.InvalidArgument):
        pipeline.push(X[:, :2])  # refused: nothing changes
    assert numbers([pipeline.push(value(3))]) == [2]
    rest = session.pipeline(5)
    for v in (1, -1, 2):
        rest.push(value(v))
    with pytest.raises(ez.DeviceError):
        rest.flush()
    assert numbers(rest.flush()) == [1, 2]


def test_a_pipelines_options(fake):
    session = fake.open("outputs=y:1x4:UNDEFINED:f32,z:1x4:UNDEFINED:i8;delay=value", max_queue_size=5)
    pipeline = session.pipeline(1, ["z"], {"output_dtype": "native"})
    pipeline.push(value(3))
    (output,) = pipeline.pop()
    assert output.dtype == np.int8 and output[0, 0] == 3
    limited = session.pipeline(2, timeout=0.02)
    limited.push(slow(100))
    with pytest.raises(ez.Timeout):
        limited.pop()
    with pytest.raises(ez.InvalidArgument, match="depth"):
        session.pipeline(0)
    with pytest.raises(ez.InvalidArgument, match="nope"):
        session.pipeline(1, ["nope"])


def test_a_pipeline_keeps_its_session_and_survives_its_end(fake):
    kept = fake.open().pipeline(1)
    gc.collect()
    assert kept.push(value(0)) is None
    session = fake.open()
    pipeline = session.pipeline(2)
    pipeline.push(value(1))
    session.close()
    del session
    assert numbers(pipeline.flush()) == [1]
    with pytest.raises(ez.Closed):
        pipeline.push(value(2))


@pytest.mark.contract("3/28")
def test_map_is_ordered_lazy_and_bounded(fake):
    session = fake.open("jitter_us=2000", schedule=[0, 1, 2])
    drawn, taken, ahead = 0, 0, 0

    def feeds():
        nonlocal drawn, ahead
        for k in range(50):
            drawn += 1
            ahead = max(ahead, drawn - taken)
            yield value(k)

    results = session.map(feeds(), depth=4)
    assert drawn == 0
    got = []
    for outputs in results:
        got.append(outputs[0][0, 0])
        taken += 1
    assert got == list(range(50)) and ahead <= 5
    assert numbers(session.map([value(1)])) == [1] and list(session.map([])) == []
    assert numbers(session.map(({"x": value(k)} for k in range(3)), ["y"], depth=1)) == [0, 1, 2]


@pytest.mark.parametrize("bad", [value(-1), X[:, :2], "raise"])
def test_an_error_in_map_comes_in_its_turn_and_leaves_nothing_behind(fake, bad):
    session = fake.open("fail_negative=-2;delay_us=1000", max_queue_size=10)
    mine = EOFError("no more frames")

    def feeds():
        yield from (value(0), value(1))
        if isinstance(bad, str):
            raise mine
        yield bad
        yield from (value(k) for k in range(3, 20))

    got = []
    with pytest.raises((ez.DeviceError, ez.InvalidArgument, EOFError)) as e:
        for outputs in session.map(feeds(), depth=6):
            got.append(outputs[0][0, 0])
    assert got == [0, 1] and session.stats()["waiting"] == 0
    assert isinstance(bad, str) == (e.value is mine)


def test_leaving_map_early_withdraws_the_rest(fake):
    session = fake.open("delay_us=20000", max_queue_size=8)
    results = session.map((value(k) for k in range(1000)), depth=8)
    assert numbers([next(results)]) == [0]
    results.close()
    assert session.stats()["waiting"] == 0
    session.close()
    assert fake.calls("run") <= 3
