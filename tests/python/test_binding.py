"""IO binding: on the scripted runtime (what it is asked) and on the software NPU (what comes out)."""

import gc
import threading

import numpy as np
import pytest
from fixtures import fixture, fixtures

import ez_rknn_async as ez

OrtValue = ez.OrtValue
X = np.array([[1, 2, 3, 4]], np.float32)
DOUBLE = "inputs=x:1x4:UNDEFINED:f32;outputs=y:1x4:UNDEFINED:f32;compute=affine 2 1"
TWO = "inputs=x:1x4:UNDEFINED:f32;outputs=y:1x4:UNDEFINED:f32,z:1x2:UNDEFINED:i64"
SOFTWARE = {"runtime": "software"}


def bound(session, x=X, outputs=("y",)):
    binding = session.io_binding()
    binding.bind_cpu_input("x", x)
    for name in outputs:
        binding.bind_output(name)
    return binding


@pytest.mark.contract(
    "1.8/copy-outputs-to-cpu", "1.8/bind-cpu-input", "1.8/run-with-iobinding", "1.8/get-outputs", "2/io-binding"
)
def test_a_bound_run(fake):
    session = fake.open(TWO)
    binding = session.io_binding()
    assert isinstance(binding, ez.SessionIOBinding) and ez.IOBinding is ez.SessionIOBinding
    binding.bind_cpu_input("x", X)
    binding.bind_output("z")
    binding.bind_output("y", "cpu")
    assert session.run_with_iobinding(binding) is None
    z, y = binding.copy_outputs_to_cpu()  # in the order of binding
    assert y.tolist() == X.tolist() and z.tolist() == [[1, 2]] and z.dtype == np.int64
    assert [v.data_type() for v in binding.get_outputs()] == ["tensor(int64)", "tensor(float)"]
    assert [v.shape() for v in binding.get_outputs_as_ortvaluevector()] == [[1, 2], [1, 4]]


@pytest.mark.contract("1.8/unbound-outputs", "1.8/unbound-inputs", "1.8/clear-synchronize")
def test_what_is_not_bound(fake):
    session = fake.open(TWO)
    binding = bound(session)
    session.run_with_iobinding(binding)
    assert len(binding.get_outputs()) == 1  # z was computed and dropped
    binding.synchronize_inputs()
    binding.synchronize_outputs()
    binding.clear_binding_outputs()
    assert binding.get_outputs() == []
    session.run_with_iobinding(binding)
    binding.clear_binding_inputs()
    with pytest.raises(ez.InvalidArgument, match='"x" is not bound'):
        session.run_with_iobinding(binding)
    other = fake.open(TWO)
    for wrong in (binding, None, object()):
        with pytest.raises(ez.InvalidArgument):
            other.run_with_iobinding(wrong)


@pytest.mark.contract("2/bind-input-pointer", "2/bind-output-buffer", "1.8/bind-input-pointer", "1.8/bind-output")
def test_addresses(fake):
    session = fake.open(DOUBLE)
    x, y = X.copy(), np.zeros((1, 4), np.float32)
    binding = session.io_binding()
    binding.bind_input("x", "cpu", 0, np.float32, x.shape, x.ctypes.data)
    binding.bind_output("y", "cpu", 0, np.float32, y.shape, y.ctypes.data)
    session.run_with_iobinding(binding)
    assert y.tolist() == [[3, 5, 7, 9]]
    x += 1
    session.run_with_iobinding(binding)
    assert y.tolist() == [[5, 7, 9, 11]] and binding.get_outputs()[0].data_ptr() == y.ctypes.data
    for call in (
        lambda: binding.bind_input("x", "cpu", 0, np.float32, x.shape, 0),
        lambda: binding.bind_input("x", "cpu", 0, np.float32, [1, 5], x.ctypes.data),
        lambda: binding.bind_input("x", "cuda", 0, np.float32, x.shape, x.ctypes.data),
        lambda: binding.bind_input("x", "rknpu2", 0, np.float32, x.shape, x.ctypes.data),
        lambda: binding.bind_output("y", buffer_ptr=y.ctypes.data),
        lambda: binding.bind_output("y", "cpu", 0, np.int8, y.shape, y.ctypes.data),
        lambda: binding.bind_output("y", "cpu", 0, np.float32, [4], y.ctypes.data),
        lambda: binding.bind_output("y", shape=[4]),
        lambda: binding.bind_output("w"),
        lambda: binding.bind_cpu_input("w", X),
        lambda: binding.bind_cpu_input("x", np.zeros((1, 4), complex)),
        lambda: binding.bind_ortvalue_input("x", X),
        lambda: binding.bind_ortvalue_output("y", OrtValue.ortvalue_from_shape_and_type([1, 4], np.int64)),
    ):
        with pytest.raises(ez.InvalidArgument):
            call()
    session.run_with_iobinding(binding)  # what was refused changed nothing
    assert y.tolist() == [[5, 7, 9, 11]]


def test_read_only_arrays_are_inputs_and_never_outputs(fake):
    session = fake.open(DOUBLE)
    x = X.copy()
    x.flags.writeable = False
    binding = bound(session, x)
    session.run_with_iobinding(binding)
    with pytest.raises(ez.InvalidArgument, match="read-only"):
        binding.bind_ortvalue_output("y", OrtValue.ortvalue_from_numpy(x))


@pytest.mark.contract("3/26", "1.8/bind-ortvalue")
def test_weakness_26_set_io_mem_is_called_only_for_what_changed(fake):
    session = fake.open(DOUBLE)
    x = OrtValue.ortvalue_from_numpy(X, "rknpu2", name="x", session=session)
    y = OrtValue.ortvalue_from_shape_and_type([1, 4], np.float32, "rknpu2", name="y", session=session, io_kind="output")
    binding = session.io_binding()
    binding.bind_ortvalue_input("x", x)
    binding.bind_ortvalue_output("y", y)
    for k in range(5):
        x.update_inplace(X + k)
        session.run_with_iobinding(binding)
        assert y.numpy().tolist() == (2 * (X + k) + 1).tolist()
    assert fake.calls("set_io_mem") == 2 and fake.calls("create_mem_from_fd") == 2
    binding.bind_ortvalue_input("x", OrtValue.ortvalue_from_numpy(X, "rknpu2", name="x", session=session))
    session.run_with_iobinding(binding)
    assert fake.calls("set_io_mem") == 3


@pytest.mark.contract("3/26")
def test_weakness_26_bound_runs_use_every_core_in_the_order_of_the_schedule(fake):
    session = fake.open("compute=core", schedule=[0, 2, 1])
    binding = bound(session)
    cores = []
    for _ in range(6):
        session.run_with_iobinding(binding)
        cores.append(binding.copy_outputs_to_cpu()[0][0, 0])
    assert cores == [1, 4, 2, 1, 4, 2]


@pytest.mark.contract("3/26")
def test_weakness_26_bound_runs_can_be_queued(fake):
    session = fake.open(DOUBLE + ";delay_us=2000", schedule=[0, 1, 2], max_queue_size=8)
    binding = session.io_binding()
    binding.bind_output("y")
    arrays = [X * k for k in range(8)]
    futures = []
    for x in arrays:  # each run keeps what is bound when it is queued
        binding.bind_cpu_input("x", x)
        futures.append(session.run_with_iobinding_async(binding))
    for x, future in zip(arrays, futures, strict=True):
        (y,) = future.result(60)
        assert y.numpy().tolist() == (2 * x + 1).tolist()


def test_errors_of_queued_runs_are_the_futures(fake):
    session = fake.open(DOUBLE + ";fail_negative=-2")
    with pytest.raises(ez.DeviceError) as e:
        session.run_with_iobinding_async(bound(session, -X)).result(60)
    assert e.value.rknn_ret == -2
    with pytest.raises(ez.DeviceError):
        session.run_with_iobinding(bound(session, -X))
    session.run_with_iobinding(bound(session))


def slow(ms):
    return np.full((1, 4), 1000 * ms, np.float32)


def test_time_limits_of_bound_runs(fake):
    session = fake.open(DOUBLE + ";delay=value")
    busy = bound(session, slow(200))
    with pytest.raises(ez.Timeout, match="being executed"):
        session.run_with_iobinding(busy, timeout=0.02)
    with pytest.raises(ez.Timeout, match="withdrawn before it began"):
        session.run_with_iobinding(bound(session), {"timeout_ms": 20})  # in the queue behind it
    late = session.run_with_iobinding_async(busy, timeout=0.02)
    with pytest.raises(ez.Timeout):
        late.result(60)
    session.run_with_iobinding(busy, timeout=60)
    assert busy.copy_outputs_to_cpu()[0].tolist() == (2 * slow(200) + 1).tolist()
    for limit in (0, -1, float("nan")):
        with pytest.raises(ez.InvalidArgument, match="timeout"):
            session.run_with_iobinding(busy, timeout=limit)
    session.close()
    stats = session.stats()
    assert stats["timed_out"] == 3 and stats["completed"] == 1 and stats["abandoned"] == 0


def test_a_bound_run_can_be_cancelled(fake):
    options = ez.RunOptions()
    session = fake.open(DOUBLE + ";delay=value", max_queue_size=4)
    running = session.run_with_iobinding_async(bound(session, slow(200)))
    waiting = [session.run_with_iobinding_async(bound(session), options) for _ in range(2)]
    options.terminate = True
    for future in waiting:
        with pytest.raises(ez.Cancelled):
            future.result(60)
    with pytest.raises(ez.Cancelled):
        session.run_with_iobinding(bound(session), options)
    with pytest.raises(ez.Cancelled):
        session.run_with_ort_values(["y"], {"x": OrtValue.ortvalue_from_numpy(X)}, options)
    assert len(running.result(60)) == 1
    with pytest.raises(ez.Unsupported, match="dispatch_batch"):
        session.run_with_iobinding(bound(session), {"ztu_modelrt_dispatch_batch": True})


@pytest.mark.contract("3/27")
def test_weakness_27_bound_and_normal_runs_have_contexts_of_their_own(fake):
    """The fake runtime aborts the process when one context sees both set_io_mem and inputs_set."""
    session = fake.open(DOUBLE + ";jitter_us=200", schedule=[0, 1], max_queue_size=16)
    wrong = []

    def work(seed):
        for k in range(25):
            x = X * (seed + k)
            if k % 2:
                binding = bound(session, x)
                session.run_with_iobinding(binding)
                y = binding.get_outputs()[0].numpy()
            else:
                y = session.run(None, x)[0]
            if y.tolist() != (2 * x + 1).tolist():
                wrong.append((seed, k))

    threads = [threading.Thread(target=work, args=(100 * t,)) for t in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not wrong and fake.live_contexts() == 4


@pytest.mark.contract("3/38")
def test_weakness_38_the_last_binding_counts(fake):
    session = fake.open(DOUBLE)
    binding = bound(session)
    for device in ("rknpu2", "cpu", "rknpu2", "cpu"):
        binding.bind_output("y", device)
        session.run_with_iobinding(binding)
        (y,) = binding.get_outputs()
        assert y.device_name() == device and y.numpy().tolist() == [[3, 5, 7, 9]]


@pytest.mark.contract("2/output-dtype", "3/40")
def test_weakness_40_large_integers_keep_their_value(fake):
    script = "inputs=x:1x4:UNDEFINED:i64;outputs=y:1x4:UNDEFINED:i64"
    x = np.array([[16777217, -16777217, 2**40 + 1, 0]], np.int64)
    session = fake.open(script)
    assert session.run(None, x)[0].dtype == np.float32
    assert (session.run(None, x, {"output_dtype": "native"})[0] == x).all()
    assert (fake.open(script, output_dtype="native").run(None, x)[0] == x).all()
    binding = bound(session, x)
    session.run_with_iobinding(binding)
    assert (binding.copy_outputs_to_cpu()[0] == x).all()


@pytest.mark.contract("3/12")
def test_weakness_12_raw_outputs_with_scale_and_zero_point(fake):
    script = "inputs=x:1x4:UNDEFINED:f32;outputs=q:1x4:UNDEFINED:i8,h:1x4:UNDEFINED:f16;scale=0.5;zp=-3"
    session = fake.open(script)
    q, h = session.get_outputs()
    assert (q.type, q.native_type, q.scale, q.zero_point) == ("tensor(float)", "tensor(int8)", 0.5, -3)
    assert (h.native_type, h.scale, h.zero_point) == ("tensor(float16)", None, None)
    raw, half = session.run(None, X, {"output_dtype": "native"})
    assert raw.dtype == np.int8 and half.dtype == np.float16
    assert ((raw.astype(np.float32) - q.zero_point) * q.scale == X).all() and (half == X).all()
    session.run_with_iobinding(binding := bound(session, X, ("q",)))
    (value,) = binding.get_outputs()
    assert value.quantisation() == (0.5, -3) and (value.numpy() == raw).all()
    binding.bind_output("q", element_type=np.float32)
    session.run_with_iobinding(binding)
    assert (binding.copy_outputs_to_cpu()[0] == X).all() and binding.get_outputs()[0].quantisation() is None
    native = fake.open(script, output_dtype="native")
    assert native.get_outputs()[0].type == "tensor(int8)"
    assert native.run(None, X, {"output_dtype": "float32"})[0].dtype == np.float32


@pytest.mark.contract("2/run-with-ort-values", "2/outputs-ortvaluevector")
def test_run_with_ort_values(fake):
    session = fake.open(TWO)
    feed = {"x": OrtValue.ortvalue_from_numpy(X)}
    y, z = session.run_with_ort_values(None, feed)
    assert y.numpy().tolist() == X.tolist() and z.data_type() == "tensor(float)"
    z, again, y = session.run_with_ort_values(["z", "z", "y"], feed, {"output_dtype": "native"})
    assert z.data_type() == again.data_type() == "tensor(int64)" and y.shape() == [1, 4]
    mine = OrtValue.ortvalue_from_shape_and_type([1, 4], np.float32)
    fetches = [mine]
    session.run_with_ortvaluevector(None, ["x"], [feed["x"]], ["y", "z"], fetches, None)
    assert fetches[0].data_ptr() == mine.data_ptr() and mine.numpy().tolist() == X.tolist() and len(fetches) == 2
    with pytest.raises(ez.InvalidArgument, match='"x" is not bound'):
        session.run_with_ort_values(None, {})
    with pytest.raises(ez.InvalidArgument, match="does not exist"):
        session.run_with_ort_values(["w"], feed)


def test_everything_may_be_dropped_in_any_order(fake):
    for order in ("svb", "sbv", "vsb", "vbs", "bsv", "bvs"):
        session = fake.open(DOUBLE)
        value = OrtValue.ortvalue_from_numpy(X, "rknpu2", name="x", session=session)
        binding = session.io_binding()
        binding.bind_ortvalue_input("x", value)
        binding.bind_output("y", "rknpu2")
        session.run_with_iobinding(binding)
        array = np.from_dlpack(binding.get_outputs()[0])
        keep = {"s": session, "v": value, "b": binding}
        del session, value, binding
        for what in order:
            del keep[what]
            gc.collect()
        assert array.tolist() == [[3, 5, 7, 9]]
        del array
        assert fake.live_contexts() == 0


def test_a_binding_of_a_closed_session(fake):
    session = fake.open(DOUBLE)
    binding = bound(session)
    session.run_with_iobinding(binding)
    session.close()
    assert binding.copy_outputs_to_cpu()[0].tolist() == [[3, 5, 7, 9]]
    for call in (session.run_with_iobinding, session.run_with_iobinding_async):
        with pytest.raises(ez.Closed):
            call(binding)


# ---- on the software NPU

# numpy has no bfloat16, so such a model has no numbers of its own to compare.
MODELS = [f for f in fixtures(target="rk3588") if f.network != "custom_operator" and f.kind != "bfloat16"]


def open_model(f, **options):
    kwargs = {}
    if f.weights_from:
        kwargs["use_weight_from"] = ez.InferenceSession(fixture(f.weights_from).path, provider_options=SOFTWARE)
    return ez.InferenceSession(f.path, provider_options={**SOFTWARE, **options}, **kwargs)


@pytest.mark.parametrize("zero_copy_layout", ["nhwc", "native"])
@pytest.mark.parametrize("f", MODELS, ids=repr)
def test_bound_runs_give_what_run_gives(f, zero_copy_layout):
    """Bit for bit, as float32 and as the model's own numbers, by way of host and of device memory."""
    session = open_model(f, zero_copy_layout=zero_copy_layout)
    binding = session.io_binding()
    own = {n.name: n.native_type for n in session.get_inputs()}
    for feed, _ in f.sets():
        want, raw = session.run(None, feed), session.run(None, feed, {"output_dtype": "native"})
        real = {}
        for name, x in feed.items():
            # An array of a quantised model's own type would be its own numbers: run() takes real values.
            same = ez.OrtValue.ortvalue_from_numpy(x).data_type() == own[name]
            real[name] = x.astype(np.float32) if same and x.dtype.kind in "iu" and x.itemsize < 4 else x
        for device in ("cpu", "rknpu2"):
            for name, x in real.items():
                value = OrtValue.ortvalue_from_numpy(x)
                if device != "cpu":
                    value = OrtValue.ortvalue_from_shape_and_type(x.shape, x.dtype, device, name=name, session=session)
                    value.update_inplace(x)
                binding.bind_ortvalue_input(name, value)
            for outputs, type_ in ((want, np.float32), (raw, None)):
                for name in f.output_names:
                    if device == "cpu" or f.shapes:  # a device output has the shape it was bound with
                        binding.bind_output(name, element_type=type_)
                    else:
                        binding.bind_output(name, device, element_type=type_)
                session.run_with_iobinding(binding)
                for got, expected in zip(binding.copy_outputs_to_cpu(), outputs, strict=True):
                    assert got.dtype == expected.dtype
                    np.testing.assert_array_equal(got, expected)


def test_own_numbers_go_in_and_out_unchanged(seed):
    """The model's own int8 numbers, quantised here with the scale that the model tells, give what real values give."""
    session = ez.InferenceSession(seed, provider_options=SOFTWARE)
    (node,) = session.get_inputs()
    native = np.random.default_rng(1).integers(-128, 128, node.shape, np.int8)
    binding = session.io_binding()
    results = []
    for value in (
        OrtValue.ortvalue_from_numpy(native),
        OrtValue.ortvalue_from_numpy(native, "rknpu2", name=node.name, session=session),
    ):
        binding.bind_ortvalue_input(node.name, value)
        binding.bind_output(session.output_names[0])
        session.run_with_iobinding(binding)
        results.append(binding.copy_outputs_to_cpu()[0])
    np.testing.assert_array_equal(*results)
    assert results[0].dtype == np.int8


@pytest.mark.contract("1.8/bind-ortvalue")
@pytest.mark.parametrize("layouts", [("native", "native"), ("native", "nhwc"), ("nhwc", "native"), ("nhwc", "nhwc")])
@pytest.mark.parametrize("kind", ["fp16", "i8"])
def test_one_sessions_output_is_anothers_input(kind, layouts):
    """In place where the numbers agree (fp16), requantised where they do not (i8)."""
    f = fixture(f"residual_{kind}")
    first, second = (open_model(f, zero_copy_layout=layout) for layout in layouts)
    (out,), (node,) = first.get_outputs(), second.get_inputs()
    between = OrtValue.ortvalue_from_shape_and_type(
        out.shape, out.native_type, "rknpu2", name=out.name, session=first, io_kind="output"
    )
    from_first, to_second = first.io_binding(), second.io_binding()
    from_first.bind_ortvalue_output(out.name, between)
    to_second.bind_ortvalue_input(node.name, between)
    to_second.bind_output(out.name)
    for feed, _ in f.sets():
        from_first.bind_cpu_input(node.name, feed[node.name])
        first.run_with_iobinding(from_first)
        second.run_with_iobinding(to_second)
        numbers = first.run(None, feed, {"output_dtype": "native"})[0]
        np.testing.assert_array_equal(between.numpy(), numbers)
        if kind == "i8":
            assert between.quantisation() == (out.scale, out.zero_point) != (node.scale, node.zero_point)
            real = (numbers.astype(float) - out.zero_point) * (
                float(np.float32(out.scale)) / float(np.float32(node.scale))
            )
            numbers = np.clip(np.rint(real) + node.zero_point, -128, 127).astype(np.int8)
        check = second.io_binding()
        check.bind_cpu_input(node.name, numbers)
        check.bind_output(out.name)
        second.run_with_iobinding(check)
        np.testing.assert_array_equal(to_second.copy_outputs_to_cpu()[0], check.copy_outputs_to_cpu()[0])
    in_place = 1 + (kind == "fp16")
    assert between.memory_info()["import_count"] == in_place
