"""arun and amap: in several loops and threads, never in the loop's way, cancelled with the awaiting task."""

import asyncio
import gc
import os
import threading

import numpy as np
import pytest
from test_async import wait_until
from test_calls import X, slow, value

import ez_rknn_async as ez


@pytest.mark.contract("3/28")
def test_arun_and_gather(fake):
    session = fake.open("jitter_us=500", schedule=[0, 1, 2])

    async def main():
        results = await asyncio.gather(*(session.arun(None, value(k)) for k in range(50)))
        assert [r[0][0, 0] for r in results] == list(range(50))
        (output,) = await session.arun(["y"], {"x": X}, {"output_dtype": "native"}, timeout=30)
        assert output.tolist() == X.tolist()

    asyncio.run(main())


def test_errors_of_arun(fake):
    session = fake.open("fail_negative=-2;delay=value")

    async def main():
        with pytest.raises(ez.DeviceError) as e:
            await session.arun(None, value(-1))
        assert e.value.rknn_ret == -2
        with pytest.raises(ez.InvalidArgument):
            await session.arun(None, X[:, :2])
        with pytest.raises(ez.Timeout):
            await session.arun(None, slow(100), timeout=0.01)
        with pytest.raises(ez.Unsupported):
            await session.arun(None, X, {"ztu_modelrt_dispatch_batch": True})
        options = ez.RunOptions()
        options.terminate = True
        with pytest.raises(ez.Cancelled):
            await session.arun(None, X, options)

    asyncio.run(main())
    session.close()
    with pytest.raises(ez.Closed):
        asyncio.run(session.arun(None, X))


def test_a_full_queue_does_not_block_the_loop_and_needs_no_threads(fake):
    """100 tasks on one worker with a queue of one: the loop goes on turning while they stand in line."""
    session = fake.open("delay_us=3000", max_queue_size=1)

    async def main():
        await session.arun(None, X)  # threads that are made on first use are there now
        before = len(os.listdir("/proc/self/task"))
        tasks = [asyncio.ensure_future(session.arun(None, value(k))) for k in range(100)]
        turns = 0
        while not all(t.done() for t in tasks):
            turns += 1
            if turns == 5:
                assert session.stats()["waiting_for_room"] > 50
                assert len(os.listdir("/proc/self/task")) <= before + 1  # the timer's
            await asyncio.sleep(0.001)
        assert [t.result()[0][0, 0] for t in tasks] == list(range(100))
        assert turns > 20

    asyncio.run(main())


def test_without_room_in_time(fake):
    session = fake.open("delay=value", max_queue_size=1, submit_timeout_ms=30)

    async def main():
        results = await asyncio.gather(
            session.arun(None, slow(200)), session.arun(None, X), session.arun(None, X), return_exceptions=True
        )
        assert isinstance(results[2], ez.QueueFull) and results[0][0][0, 0] == 200_000

    asyncio.run(main())


def test_cancelling_the_awaiting_task_withdraws_the_request(fake):
    session = fake.open("delay=value", max_queue_size=1)

    async def main():
        running = asyncio.ensure_future(session.arun(None, slow(300)))
        await asyncio.sleep(0)
        while session.stats()["running"] != 1:
            await asyncio.sleep(0.001)
        queued = asyncio.ensure_future(session.arun(None, value(1)))
        in_line = asyncio.ensure_future(session.arun(None, value(2)))
        while session.stats()["waiting_for_room"] != 1:
            await asyncio.sleep(0.001)
        in_line.cancel()
        queued.cancel()
        with pytest.raises(asyncio.CancelledError):
            await queued
        with pytest.raises(asyncio.CancelledError):
            await in_line
        assert session.stats()["waiting"] == session.stats()["waiting_for_room"] == 0
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(running, 0.01)  # being executed: nobody waits any more
        assert (await session.arun(None, value(3)))[0][0, 0] == 3

    asyncio.run(main())
    session.close()
    assert fake.calls("run") == 2


def test_several_loops_in_several_threads(fake):
    session = fake.open("jitter_us=300", schedule=[0, 1, 2])
    good = []

    def work(t):
        async def main():
            values = [1000 * t + k for k in range(40)]
            results = await asyncio.gather(*(session.arun(None, value(v)) for v in values))
            return [r[0][0, 0] for r in results] == values

        good.append(asyncio.run(main()))

    threads = [threading.Thread(target=work, args=(t,)) for t in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert good == [True] * 4


def test_a_loop_that_is_closed_before_its_task_is_done(fake):
    session = fake.open("delay=value")

    async def main():
        asyncio.ensure_future(session.arun(None, slow(150)))  # noqa: RUF006  cancelled when the loop ends
        while session.stats()["running"] != 1:
            await asyncio.sleep(0.001)

    asyncio.run(main())
    wait_until(lambda: session.stats()["undelivered"] == 0 and session.stats()["running"] == 0)
    assert session.run(None, X)[0].tolist() == X.tolist()


@pytest.mark.contract("3/28")
@pytest.mark.parametrize("asynchronous", [False, True])
def test_amap_is_ordered_lazy_and_bounded(fake, asynchronous):
    session = fake.open("jitter_us=2000", schedule=[0, 1, 2])
    drawn, taken, ahead = 0, 0, 0

    def feeds():
        nonlocal drawn, ahead
        for k in range(40):
            drawn += 1
            ahead = max(ahead, drawn - taken)
            yield value(k)

    async def later():
        for feed in feeds():
            await asyncio.sleep(0)
            yield feed

    async def main():
        nonlocal taken
        results = session.amap(later() if asynchronous else feeds(), depth=4)
        assert drawn == 0
        got = []
        async for outputs in results:
            got.append(outputs[0][0, 0])
            taken += 1
        assert got == list(range(40))

    asyncio.run(main())
    assert ahead <= 5 + asynchronous


def test_amap_hands_out_results_while_it_waits_for_the_next_feed(fake):
    session = fake.open()

    async def main():
        go = asyncio.Event()

        async def feeds():
            yield value(1)
            await go.wait()
            yield value(2)

        got = []
        async for outputs in session.amap(feeds(), depth=3):
            got.append(outputs[0][0, 0])
            go.set()
        assert got == [1, 2]

    asyncio.run(asyncio.wait_for(main(), 30))


@pytest.mark.parametrize("bad", [value(-1), X[:, :2], "raise"])
def test_an_error_in_amap_comes_in_its_turn_and_leaves_nothing_behind(fake, bad):
    session = fake.open("fail_negative=-2;delay_us=1000")
    mine = EOFError("no more frames")

    def feeds():
        yield from (value(0), value(1))
        if isinstance(bad, str):
            raise mine
        yield bad
        yield from (value(k) for k in range(3, 20))

    async def main():
        got = []
        with pytest.raises((ez.DeviceError, ez.InvalidArgument, EOFError)) as e:
            async for outputs in session.amap(feeds(), depth=6):
                got.append(outputs[0][0, 0])
        assert got == [0, 1] and isinstance(bad, str) == (e.value is mine)
        assert session.stats()["waiting"] == session.stats()["waiting_for_room"] == 0

    asyncio.run(main())


def test_leaving_amap_early_withdraws_the_rest(fake):
    session = fake.open("delay_us=20000", max_queue_size=2)

    async def main():
        results = session.amap((value(k) for k in range(1000)), depth=8)
        async for outputs in results:
            assert outputs[0][0, 0] == 0
            break
        await results.aclose()
        assert session.stats()["waiting"] == session.stats()["waiting_for_room"] == 0

    asyncio.run(main())
    session.close()
    assert session.stats()["submitted"] < 10


def test_nothing_is_left_of_many_calls(fake):
    session = fake.open(schedule=[0, 1, 2])

    async def main():
        for _ in range(20):
            await asyncio.gather(*(session.arun(None, X) for _ in range(20)))

    asyncio.run(main())
    gc.collect()
    before = len(gc.get_objects())
    gc.disable()
    try:
        asyncio.run(main())
        grown = len(gc.get_objects()) - before
    finally:
        gc.enable()
    assert grown < 2000, f"{grown} objects in reference cycles after 400 calls"


def test_amap_refuses_a_wrong_depth_at_once(fake):
    session = fake.open()
    for wrong in (0, -1, 1.5, "3"):
        with pytest.raises(ez.InvalidArgument, match="depth"):
            session.amap([X], depth=wrong)
        with pytest.raises(ez.InvalidArgument, match="depth"):
            session.map([X], depth=wrong)
    assert np.array_equal(next(iter(session.map([X])))[0], X)
