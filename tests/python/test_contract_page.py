"""Every example of the InferenceSession page this package is compatible with, line by line, on the seed model, of three
chips."""

import contextlib
import threading

import numpy as np
import pytest
from conftest import SEED

import ztu_somemodelruntime_ez_rknn_async as ez

MISSING_CORES = {"rk3566": "1, 2", "rk3576": "2"}  # of the three the page's schedule names


@pytest.fixture(scope="module", params=["rk3588", *MISSING_CORES])
def chip(request):
    return request.param


@pytest.fixture(scope="module")
def seed(chip):
    return SEED / ("seed_i8.rknn" if chip == "rk3588" else f"seed_i8_{chip}.rknn")


@pytest.fixture(scope="module")
def session(seed):
    return ez.InferenceSession(str(seed))


def picture():
    return np.random.default_rng(0).standard_normal((1, 3, 640, 640)).astype(np.float32)


@pytest.mark.contract("1.2/signature", "1.2/path")
def test_constructor(seed, chip):
    session = ez.InferenceSession(str(seed))
    missing = MISSING_CORES.get(chip)
    with pytest.warns(match=f"does not have core {missing}") if missing else contextlib.nullcontext():
        session = ez.InferenceSession(
            seed,
            provider_options=ez.make_provider_options(
                layout="nchw",
                max_queue_size=4,
                schedule=[0, 1, 2],
            ),
        )
    assert session.run(None, picture())[0].shape == (1, 25200, 85)


@pytest.mark.contract("1.4/returns", "1.4/feed-forms")
def test_run_forms_agree(session):
    inp = picture()
    outputs = session.run(None, {"images": inp})
    assert isinstance(outputs, list) and [o.dtype for o in outputs] == [np.float32]
    for other in (
        session.run(["output0"], {"images": inp}),
        session.run(None, [inp]),
        session.run(None, (inp,)),
        session.run(None, inp),
    ):
        assert len(other) == 1 and np.array_equal(other[0], outputs[0])


def test_run_gives_what_the_models_simulator_gives(session, seed_case):
    for k in range(3):
        seed_case.check_i8(k, session.run(None, {"images": seed_case.image(k)})[0])


@pytest.mark.contract("1.4/dispatch-batch")
def test_dispatch_batch(session, seed_case):
    batch_inp = np.concatenate([seed_case.image(k) for k in (0, 1, 2, 0)])
    outputs = session.run(None, {"images": batch_inp}, run_options={"ztu_modelrt_dispatch_batch": True})
    assert outputs[0].shape == (4, 25200, 85)
    for k in range(3):
        seed_case.check_i8(k, outputs[0][k : k + 1])
    assert np.array_equal(outputs[0][0], outputs[0][3])


@pytest.mark.contract("1.5/signature", "1.5/callback-arguments")
def test_run_async(session):
    done = threading.Event()
    seen = []

    def on_result(results, user_data, err):
        if err:
            seen.append(f"Inference error: {err}")
        else:
            seen.append((len(results), results[0].shape, results[0].dtype, user_data))
        done.set()

    inp = picture()
    assert session.run_async(None, {"images": inp}, callback=on_result, user_data=42) is None
    assert done.wait(60)
    assert seen == [(1, (1, 25200, 85), np.float32, 42)]


@pytest.mark.contract("1.5/dispatch-batch")
def test_run_async_refuses_the_batch_flag(session):
    with pytest.raises(RuntimeError, match="ztu_modelrt_dispatch_batch"):
        session.run_async(None, picture(), lambda *_: None, run_options={"ztu_modelrt_dispatch_batch": True})


@pytest.mark.contract("1.6/signature", "1.6/warm-up")
def test_run_pipeline(seed, seed_case):
    session = ez.InferenceSession(seed)
    frames = [seed_case.image(k % 3) for k in range(10)]
    results = []
    for frame in frames:
        output = session.run_pipeline({"images": frame}, depth=3)
        if output is not None:
            results.append(output)
    assert len(results) == 7
    for k, result in enumerate(results):
        seed_case.check_i8(k % 3, result[0])


@pytest.mark.contract("1.7/get-inputs", "1.7/custom-metadata", "1.7/name-lists")
def test_introspection(session):
    (node,) = session.get_inputs()
    assert (node.name, node.shape, node.type) == ("images", [1, 3, 640, 640], "tensor(float)")
    (node,) = session.get_outputs()
    assert (node.name, node.shape, node.type) == ("output0", [1, 25200, 85], "tensor(float)")
    meta = session.get_modelmeta()
    assert meta.custom_metadata_map == {"rknn_custom_string": "yolov5s-640"}
    assert session.input_names == ["images"]
    assert session.output_names == ["output0"]


@pytest.mark.contract("1.2/sess-options", "1.2/other-kwargs")
def test_sess_options_and_providers_are_accepted():
    with pytest.warns(UserWarning, match="CUDAExecutionProvider"):  # once a process
        session = ez.InferenceSession(str(SEED / "seed_i8.rknn"), object(), ["CUDAExecutionProvider"], None, anything=1)
    assert session.input_names == ["images"]
