"""start_profiling: what the trace holds. It is read back as JSON, as Perfetto reads it."""

import json
import pathlib
import time
from collections import Counter

import numpy as np
import pytest

import ez_rknn_async as ez

X = np.array([[1, 2, 3, 4]], np.float32)


def record(session, tmp_path, work):
    session.start_profiling(tmp_path / "trace")
    work()
    session_file = session.end_profiling()
    return json.loads(pathlib.Path(session_file).read_text())


@pytest.mark.contract("2/profiling")
def test_every_phase_of_every_task(fake, tmp_path):
    session = fake.open("delay_us=3000;fail_negative=-2", schedule=[0, 1])

    def work():
        for k in range(4):
            session.run_async(None, X, lambda *_: None, k)
        session.submit(None, X).result(30)
        with pytest.raises(ez.DeviceError):
            session.run(None, -X)
        while session.stats()["undelivered"]:
            time.sleep(0.001)

    before = time.monotonic_ns()
    trace = record(session, tmp_path, work)
    events = trace["traceEvents"]
    assert before <= session.get_profiling_start_time_ns() == trace["otherData"]["start_ns"] <= time.monotonic_ns()
    assert trace["otherData"]["dropped"] == 0
    names = {(e["name"], e["tid"]): e["args"]["name"] for e in events if e["ph"] == "M"}
    tracks = {tid: text for (kind, tid), text in names.items() if kind == "thread_name"}
    assert {"queue", "core 0, worker 0", "core 1, worker 1", "EzRknn_Callback", "EzRknn_Done"} <= set(tracks.values())

    slices = [e for e in events if e["ph"] == "X"]
    count = Counter(e["name"] for e in slices)
    assert all(count[name] == 6 for name in ("accepted", "task", "set inputs", "run", "get outputs"))
    for e in slices:
        assert e["ts"] >= 0 and e["dur"] >= 0 and 0 <= e["args"]["ticket"] < 6
        if e["name"] == "task":
            assert tracks[e["tid"]] == f"core {e['args']['ticket'] % 2}, worker {e['args']['ticket'] % 2}"
        if e["name"] == "run":
            assert e["dur"] >= 2900
        if e["name"] == "callback":
            assert tracks[e["tid"]] == ("EzRknn_Done" if e["args"]["ticket"] == 4 else "EzRknn_Callback")
    assert [e["args"]["ticket"] for e in slices if e["args"].get("failed")] == [5]
    assert sorted(e["args"]["ticket"] for e in slices if e["name"] == "callback") == [0, 1, 2, 3, 4]
    for ticket in range(6):  # phases lie inside their task, one after the other
        own = {e["name"]: e for e in slices if e["args"]["ticket"] == ticket}
        begin, end = own["task"]["ts"], own["task"]["ts"] + own["task"]["dur"]
        assert own["accepted"]["ts"] <= begin
        for name in ("set inputs", "run", "get outputs"):
            assert begin - 0.002 <= own[name]["ts"] and own[name]["ts"] + own[name]["dur"] <= end + 0.002

    waits = Counter((e["ph"], e["id"]) for e in events if e["ph"] in "be")
    assert set(waits.values()) == {1} and len(waits) == 12
    flows = [e for e in events if e["ph"] in "stf"]
    assert Counter(e["ph"] for e in flows) == {"s": 6, "t": 5, "f": 6}
    assert {e["id"] for e in flows if e["ph"] == "f"} == set(range(6))


def test_off_until_started_and_off_again(fake, tmp_path):
    session = fake.open()
    assert session.end_profiling() == "" and session.get_profiling_start_time_ns() == 0
    session.run(None, X)
    trace = record(session, tmp_path, lambda: session.run(None, X))
    assert [e["args"]["ticket"] for e in trace["traceEvents"] if e["name"] == "run"] == [1]
    session.run(None, X)
    assert session.end_profiling() == ""


def test_one_recording_at_a_time_and_a_file_that_can_be_written(fake, tmp_path):
    session = fake.open()
    with pytest.raises(ez.NoSuchFile, match="no_such_folder"):
        session.start_profiling(tmp_path / "no_such_folder" / "trace")
    session.start_profiling(tmp_path / "trace")
    with pytest.raises(ez.InvalidArgument, match="under way"):
        session.start_profiling(tmp_path / "trace")
    first = session.end_profiling()
    session.start_profiling(tmp_path / "trace")  # in the same second: another file
    session.run(None, X)
    session.close()  # writes it
    second = session.end_profiling()
    assert first != second and len(json.loads(pathlib.Path(second).read_text())["traceEvents"]) > 5


def test_memory_is_bounded(fake, tmp_path):
    """More tasks than are kept: the rest is counted, the file is still whole."""
    session = fake.open()
    most, more = 1 << 15, 1000
    trace = record(session, tmp_path, lambda: [session.run(None, X) for _ in range(most + more)])
    assert trace["otherData"]["dropped"] == more
    assert sum(e["name"] == "run" for e in trace["traceEvents"]) == most
