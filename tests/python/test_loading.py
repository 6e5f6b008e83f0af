"""What happens between the constructor's call and its return, as the runtime and the rest of the process see it."""

import os
import subprocess
import sys
import threading
import time
import warnings

import numpy as np
import pytest
from conftest import MODELS
from fixtures import fixture

import ez_rknn_async as ez

X = np.array([[1, 2, 3, 4]], np.float32)


def calls(trace):
    """Without the questions, which are many and harmless."""
    return [c for c in trace if c != "query"]


@pytest.mark.contract("1.2/init-steps", "1.3/disable-dup-context", "1.3/threads-per-core", "1.3/schedule")
@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, ["init"]),
        ({"schedule": [1]}, ["init", "set_core_mask:2"]),
        ({"threads_per_core": 3}, ["init", "dup_context", "dup_context"]),
        ({"threads_per_core": 2, "disable_dup_context": True}, ["init", "init"]),
        ({"tp_mode": "0,1,2"}, ["init", "set_core_mask:7"]),
        ({"tp_mode": "all"}, ["init", "set_core_mask:65535"]),
        ({"tp_mode": "1,2"}, ["init", "set_core_mask:6"]),
        (
            {"schedule": [2, 0, 2]},
            ["init", "set_core_mask:1", "dup_context", "set_core_mask:4"],
        ),
        ({"npu_priority": "low"}, ["init:2"]),
        ({"npu_priority": "Medium", "collect_perf": True}, ["init:9"]),
    ],
)
def test_calls_into_the_runtime(fake, options, expected):
    session = fake.open(**options)
    assert calls(fake.trace()) == expected
    contexts = sum(c.split(":")[0] in ("init", "dup_context") for c in expected)
    assert fake.live_contexts() == contexts
    session.close()
    del session
    assert fake.live_contexts() == 0


@pytest.mark.contract("1.2/init-steps")
def test_calls_of_a_run(fake):
    session = fake.open()
    before = len(fake.trace())
    session.run(None, X)
    assert fake.trace()[before:] == ["inputs_set", "run", "outputs_get", "outputs_release"]


@pytest.mark.contract("1.2/gil", "3/25")
def test_weakness_25_other_threads_run_while_a_model_is_loaded(fake):
    """The runtime's init waits for a call that this thread makes: were the GIL held meanwhile, nothing would ever end."""
    fake._script(b"")  # forgets the calls of earlier tests
    opened = []
    thread = threading.Thread(target=lambda: opened.append(fake.open("init=hold")))
    thread.start()
    end = time.monotonic() + 60
    while "init" not in fake.trace() and time.monotonic() < end:
        time.sleep(0.001)
    assert opened == []
    fake.release()
    thread.join(60)
    assert len(opened) == 1 and opened[0].run(None, X)[0].tolist() == X.tolist()


@pytest.mark.contract("1.2/old-runtime-warning")
@pytest.mark.parametrize(
    ("version", "old"),
    [
        ("1.3.0 (c193be371@2022-05-04T20:16:33)", True),
        ("0.9.9", True),
        ("1.4.0 (a10f100eb@2022-09-09T09:07:14)", False),
        ("1.6.0", False),
        ("2.3.2 (429f97ae6b@2025-04-09T09:09:27)", False),
        ("10.0.0", False),
        ("unknown", False),
    ],
)
def test_a_runtime_whose_structs_are_not_known_is_warned_about(fake, version, old):
    if old:
        with pytest.warns(UserWarning, match=r"is version .*known from 1\.4\.0"):
            session = fake.open(f"api={version}")
    else:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            session = fake.open(f"api={version}")
    assert session.get_runtime()["version"] == version


@pytest.mark.contract("1.2/tensor-names")
def test_tensors_without_a_name(fake):
    session = fake.open("inputs=:1x4:UNDEFINED:f32,b:1x2:UNDEFINED:f32,:1x2:UNDEFINED:f32;outputs=:1x4:UNDEFINED:f32")
    assert session.input_names == ["input_0", "b", "input_2"] and session.output_names == ["output_0"]
    feed = {"input_0": X, "b": X[:, :2], "input_2": X[:, :2]}
    assert session.run(["output_0"], feed)[0].tolist() == X.tolist()


@pytest.mark.contract("1.7/custom-metadata")
def test_custom_metadata(fake):
    assert fake.open("custom=some text").get_modelmeta().custom_metadata_map == {"rknn_custom_string": "some text"}
    assert fake.open().get_modelmeta().custom_metadata_map == {}


@pytest.mark.contract("2/modelmeta")
@pytest.mark.parametrize("as_content", [False, True])
def test_metadata_says_what_the_file_says(seed, as_content):
    model = seed.read_bytes() if as_content else seed
    metadata = ez.InferenceSession(model, provider_options={"runtime": "software"}).get_modelmeta()
    assert metadata.custom_metadata_map == {"rknn_custom_string": "yolov5s-640"}
    assert metadata.producer_name == "rknn-toolkit2 2.3.2"
    assert metadata.description == "rk3588, RKNPU v2, ONNX" and metadata.version == 6
    assert (metadata.graph_name, metadata.graph_description, metadata.domain) == ("", "", "")
    assert "rknn-toolkit2 2.3.2" in repr(metadata)


@pytest.mark.contract("2/modelmeta")
def test_metadata_of_another_chip_and_of_what_the_runtime_alone_understands(fake):
    software = {"runtime": "software"}
    of = lambda name: ez.InferenceSession(fixture(name).path, provider_options=software).get_modelmeta()  # noqa: E731
    assert of("tiny_i8_rk3568").description.startswith("rk3568")
    assert fake.open().get_modelmeta().producer_name == ""


@pytest.mark.contract("1.9/print-perf")
def test_one_line_a_task_on_standard_error(fake_library):
    code = f"""
import numpy as np, ez_rknn_async as ez
session = ez.InferenceSession(b"RKNN" + bytes(60), provider_options={{"runtime": {str(fake_library)!r}, "schedule": [1]}})
for _ in range(3): session.run(None, np.zeros((1, 4), np.float32))
"""
    for value, lines in (("1", 3), ("on", 3), ("0", 0), ("", 0)):
        environment = os.environ | {"ZTU_EZRKNN_ASYNC_PRINT_PERF": value}
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment)
        assert done.returncode == 0, done.stderr
        said = [line for line in done.stderr.splitlines() if line.startswith("ez_rknn: task ")]
        assert len(said) == lines
        assert all(all(word in line for word in ("core 1", "set ", "run ", "get ", "total ")) for line in said)


@pytest.mark.contract("1.2/lifecycle")
def test_what_a_session_shows_of_itself(seed):
    with ez.InferenceSession(seed, provider_options={"runtime": "software"}) as session:
        assert repr(session) == f"<InferenceSession {seed} on SoftwareRKNPU2ExecutionProvider>"
        assert session.run(None, np.zeros((1, 3, 640, 640), np.uint8))
    with pytest.raises(ez.Closed):
        session.run(None, np.zeros((1, 3, 640, 640), np.uint8))


@pytest.mark.contract("2/encrypted")
def test_an_encrypted_or_unknown_file_is_no_model(tmp_path):
    for content in (b"RKNE" + bytes(200), b"CRYP" + (MODELS / "seed" / "seed_i8.rknn").read_bytes()):
        with pytest.raises(ez.InvalidProtobuf, match="RKNN"):
            ez.InferenceSession(content, provider_options={"runtime": "software"})
