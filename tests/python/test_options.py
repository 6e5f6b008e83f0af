"""Provider options: what is accepted and what it does, what is refused and what the message says."""

import gc
import pathlib
import warnings

import numpy as np
import pytest

import ez_rknn_async as ez
from ez_rknn_async import _core

ACCEPTED = [
    ("layout", ["nchw", "original", "NCHW_Software", "original_software", "nhwc", "ANY"]),
    ("zero_copy_layout", ["nhwc", "Native"]),
    ("output_dtype", ["float32", "native"]),
    ("max_queue_size", [1, "3", " 4 ", True, np.int64(5), np.array(6)]),
    ("threads_per_core", [1, "2", np.uint8(2)]),
    ("submit_timeout_ms", [1, "100"]),
    ("max_pending_callbacks", [1, "8"]),
    ("sequential_callbacks", [True, False, 0, 1, "on", "OFF", " yes ", "No", "true", np.bool_(True)]),
    ("enable_pacing", [True, "0"]),
    ("disable_dup_context", [True, "0"]),
    ("schedule", [0, True, "0", "0,1,2", "[0, 1]", "0 1", [0, 1], (2,), range(3), ["0", 1], np.arange(3), np.int8(1)]),
    ("schedule", ["balanced", "Balanced"]),
    ("tp_mode", ["auto", "ALL", "0", " 1 ", "2", "0,1", "0,1,2", "1,2", "0,2"]),
    ("custom_op_path", [[], ()]),
    ("custom_op_default_path", [False]),
    ("device_id", ["0", 0]),
    ("run_core_mask", ["auto", "all", 7]),
]
REFUSED = [
    ("layout", ["", "nchw2", 1, None, ["nchw"]]),
    ("zero_copy_layout", ["nchw", None]),
    ("output_dtype", ["float16", np.float32]),
    ("max_queue_size", [0, -1, 1.5, "1.5", "x", "", None, 2**40, 2**80, [1]]),
    ("threads_per_core", [0, -1, 65]),
    ("submit_timeout_ms", [0, -5, 1e3]),
    ("max_pending_callbacks", [0]),
    ("sequential_callbacks", ["maybe", None, 1.0]),
    ("schedule", [[], "", (), -1, [0, -1], [3], 40, "a", "0;1", {0, 1}, None, 1.0, [1.5], np.array([0.5]), b"0"]),
    ("tp_mode", ["", "3", "0,", "0,0", None, 0, "both"]),
    ("custom_op_path", [1, [1], None]),
    ("runtime", ["", 1, None]),
    ("priority", [2**31]),
]


def flat(table):
    return [pytest.param(name, value, id=f"{name}={value!r}") for name, values in table for value in values]


@pytest.mark.contract(
    "1.3/layout",
    "1.3/zero-copy-layout",
    "1.3/max-queue-size",
    "1.3/threads-per-core",
    "1.3/submit-timeout-ms",
    "1.3/sequential-callbacks",
    "1.3/schedule",
    "1.3/tp-mode",
    "1.3/enable-pacing",
    "1.3/disable-dup-context",
    "1.3/rknpu3-options",
    "3/23",
    "3/37",
)
@pytest.mark.parametrize(("name", "value"), flat(ACCEPTED))
def test_accepted(name, value):
    _core.check_options({name: value})


@pytest.mark.contract(
    "1.3/layout",
    "1.3/zero-copy-layout",
    "1.3/max-queue-size",
    "1.3/threads-per-core",
    "1.3/submit-timeout-ms",
    "1.3/sequential-callbacks",
    "1.3/schedule",
    "1.3/tp-mode",
    "1.3/rknpu3-options",
    "3/21",
    "3/22",
)
@pytest.mark.parametrize(("name", "value"), flat(REFUSED))
def test_refused(name, value):
    with pytest.raises(ez.InvalidArgument) as e:
        _core.check_options({name: value})
    assert name in str(e.value) and "accepted: " in str(e.value)
    assert isinstance(e.value, RuntimeError) and isinstance(e.value, ValueError)


@pytest.mark.contract("1.2/unknown-option")
def test_unknown_key_lists_the_known_ones(fake):
    with pytest.raises(ez.InvalidArgument) as e:
        fake.open(queue_size=1)
    assert all(name in str(e.value) for name in ez.known_options())


def test_every_typed_key_is_known_and_the_other_way_round():
    typed = set(ez.RknnProviderOptions.__annotations__) | set(ez.Rknpu3ProviderOptions.__annotations__)
    assert typed == set(ez.known_options())


@pytest.mark.contract("1.3/schedule-and-tp-mode")
def test_schedule_and_tp_mode_exclude_each_other(fake):
    with pytest.raises(RuntimeError):
        fake.open(schedule=[0], tp_mode="auto")
    with pytest.raises(ValueError):
        ez.make_provider_options(schedule=[0], tp_mode="auto")


@pytest.mark.contract("1.3/make-provider-options", "1.1/generation-names")
def test_make_provider_options():
    assert ez.make_provider_options() == {}
    assert ez.make_provider_options(layout="nhwc", schedule=None, max_queue_size=-1) == {
        "layout": "nhwc",
        "max_queue_size": -1,
    }
    with pytest.raises(TypeError):
        ez.make_provider_options("nhwc")
    with pytest.raises(TypeError):
        ez.make_provider_options(queue=1)
    assert ez.make_rknpu2_provider_options is ez.make_provider_options
    assert ez.make_rknpu3_provider_options(priority=1) == {"priority": 1}


@pytest.mark.contract("1.2/provider-options", "2/get-providers", "1.7/get-providers")
def test_forms_of_provider_options(fake):
    options = {"runtime": fake.path, "schedule": [1]}
    for form in (options, [options], (options,), [options, {"layout": "nonsense"}]):
        session = ez.InferenceSession(fake.MODEL, provider_options=form)
        assert session.get_provider_options() == {"RKNPU2ExecutionProvider": options}
    for wrong in (5, "schedule", [5], [[options]]):
        with pytest.raises(ez.InvalidType):
            ez.InferenceSession(fake.MODEL, provider_options=wrong)
    with pytest.raises(ez.InvalidType):
        ez.InferenceSession(fake.MODEL, provider_options={1: 2})


@pytest.mark.contract("1.2/providers")
def test_providers(fake):
    options = {"runtime": fake.path, "layout": "nhwc"}
    for providers in (
        "RKNPU2ExecutionProvider",
        ["RKNNExecutionProvider"],
        [],
        None,
    ):
        ez.InferenceSession(fake.MODEL, providers=providers, provider_options=options)
    session = ez.InferenceSession(fake.MODEL, providers=[("RKNPU2ExecutionProvider", options)])
    assert session.get_provider_options()["RKNPU2ExecutionProvider"] == options
    with pytest.raises(ez.InvalidArgument, match="twice"):
        ez.InferenceSession(fake.MODEL, providers=[("RKNPU2ExecutionProvider", options)], provider_options=options)
    with pytest.raises(ez.Unsupported):
        ez.InferenceSession(fake.MODEL, providers=["RKNPU3ExecutionProvider"], provider_options=options)
    for wrong in (5, [5], [("RKNPU2ExecutionProvider",)], [("RKNPU2ExecutionProvider", 1)]):
        with pytest.raises(ez.InvalidType):
            ez.InferenceSession(fake.MODEL, providers=wrong, provider_options=options)


@pytest.mark.contract("1.2/providers", "2/provider-list")
def test_foreign_providers_are_warned_about_once(fake):
    options = {"runtime": fake.path, "layout": "nhwc"}
    arguments = {
        "providers": ["TestOnlyExecutionProvider", "RKNPU2ExecutionProvider"],
        "provider_options": [{"device_id": 3, "whatever": 1}, options],
    }
    with pytest.warns(UserWarning, match="TestOnlyExecutionProvider") as caught:
        session = ez.InferenceSession(fake.MODEL, **arguments)
    assert pathlib.Path(caught[0].filename).name == pathlib.Path(__file__).name
    assert session.get_provider_options()["RKNPU2ExecutionProvider"] == options  # the dict in our provider's place
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ez.InferenceSession(fake.MODEL, **arguments)


@pytest.mark.contract("1.2/warnings")
def test_warnings_are_python_warnings_at_the_callers_line(fake):
    with pytest.warns(UserWarning, match="core 2") as caught:
        fake.open("cores=2", schedule=[0, 1, 2])
    assert len(caught) == 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(UserWarning):
            fake.open("cores=1", schedule=[2])
    gc.collect()
    assert fake.live_contexts() == 0


@pytest.mark.contract("1.3/layout", "1.7/layout-strides", "1.7/native", "3/17", "3/18")
def test_layouts(fake):
    image = "inputs=images:1x4x5x3:NHWC:i8;outputs=y:1x60:UNDEFINED:f32"
    nchw = np.arange(60, dtype=np.float32).reshape(1, 3, 4, 5)
    nhwc = np.ascontiguousarray(nchw.transpose(0, 2, 3, 1))
    for layout, array, name in (
        ("nchw", nchw, "NCHW"),
        ("nchw_software", nchw, "NCHW"),
        ("nhwc", nhwc, "NHWC"),
        ("any", nhwc, "NHWC"),
    ):
        session = fake.open(image, layout=layout)
        (node,) = session.get_inputs()
        assert node.shape == list(array.shape) and node.layout == name
        assert np.array_equal(session.run(None, array)[0], nhwc.reshape(1, 60))
        assert session.get_native_inputs()[0].shape == [1, 4, 5, 3]


@pytest.mark.contract("2/output-dtype", "3/12", "3/40", "1.7/type-and-data")
def test_native_output_dtype(fake):
    script = "outputs=q:1x4:UNDEFINED:i8,h:1x4:UNDEFINED:f16,n:1x4:UNDEFINED:i64;scale=0.5;zp=-3"
    x = np.array([[2, 1, 0, 5]], np.float32)
    native = fake.open(script, output_dtype="native")
    assert [n.type for n in native.get_outputs()] == ["tensor(int8)", "tensor(float16)", "tensor(int64)"]
    outputs = native.run(None, x)
    assert [o.dtype for o in outputs] == [np.int8, np.float16, np.int64]
    node = native.get_outputs()[0]
    assert np.array_equal((outputs[0].astype(np.float32) - node.zero_point) * node.scale, x)
    plain = fake.open(script)
    assert [n.type for n in plain.get_outputs()] == ["tensor(float)"] * 3
    assert [n.native_type for n in plain.get_outputs()] == ["tensor(int8)", "tensor(float16)", "tensor(int64)"]
    assert {o.dtype for o in plain.run(None, x)} == {np.dtype(np.float32)}
    assert plain.run(["n"], x, {"output_dtype": "native"})[0].dtype == np.int64
    with pytest.raises(ez.InvalidArgument, match="output_dtype"):
        plain.run(None, x, {"output_dtype": "int8"})
