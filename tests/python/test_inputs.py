"""What run takes: feeds, arrays of every kind, names, run options."""

import collections
import mmap

import numpy as np
import pytest

import ez_rknn_async as ez

X = np.array([[1, 2, 3, 4]], np.float32)
TWO = "inputs=a:1x4:UNDEFINED:f32,b:1x2:UNDEFINED:f32;outputs=y:1x4:UNDEFINED:f32,z:1x2:UNDEFINED:f32"
TYPES = ["float32", "float64", "float16", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "bool"]


@pytest.mark.contract("1.4/dtypes")
@pytest.mark.parametrize("dtype", TYPES)
def test_every_dtype(fake, dtype):
    x = np.array([[0, 1, 1, 0]], dtype)
    assert fake.open().run(None, x)[0].tolist() == [[0, 1, 1, 0]]


@pytest.mark.contract("1.4/dtypes")
@pytest.mark.parametrize("dtype", ["uint64", "complex64", "U3", ">f4", "datetime64[s]", "object", "f4,i4"])
def test_other_dtypes_are_refused_by_name(fake, dtype):
    with pytest.raises(ez.InvalidType, match="accepted: float32, float16") as e:
        fake.open().run(None, np.zeros((1, 4), dtype))
    assert isinstance(e.value, TypeError) and isinstance(e.value, ValueError) and '"x"' in str(e.value)


@pytest.mark.contract("1.4/values", "1.4/read-only", "3/06")
def test_kinds_of_arrays(fake):
    session = fake.open()
    wide = np.zeros((1, 8), np.float32)
    wide[:, ::2] = X
    frozen = X.copy()
    frozen.flags.writeable = False
    for x in (
        np.asfortranarray(X),
        wide[:, ::2],
        frozen,
        np.frombuffer(X.tobytes(), np.float32).reshape(1, 4),
        np.broadcast_to(X, (1, 4)),
        X[:, ::-1][:, ::-1],
        np.ma.masked_array(X),
        np.frombuffer(b"?" + X.tobytes(), np.uint8)[1:].view(np.float32).reshape(1, 4),  # not aligned
        X.astype(np.longlong),  # numpy has two types of 64 bits
        X.astype("<i8").view(type("Own", (np.ndarray,), {})),
    ):
        assert session.run(None, x)[0].tolist() == X.tolist()
    assert session.run(None, {"x": [[1, 2, 3, 4]]})[0].tolist() == X.tolist()
    assert session.run(None, {"x": [[1.0, 2.0, 3.0, 4.0]]})[0].tolist() == X.tolist()
    assert session.run(None, [memoryview(X)])[0].tolist() == X.tolist()
    with pytest.raises(ez.InvalidArgument, match="cannot make an array"):
        session.run(None, {"x": [[1, 2], [3]]})


def test_a_0_d_and_a_17_d_input(fake):
    with pytest.raises(ez.InvalidArgument, match=r"shape \[\] given"):
        fake.open().run(None, np.float32(1))
    with pytest.raises(ez.InvalidArgument, match="17 dimensions"):
        fake.open().run(None, np.zeros((1,) * 17, np.float32))


@pytest.mark.contract("1.4/feed-forms", "1.4/dict")
def test_feeds_with_two_inputs(fake):
    session = fake.open(TWO)
    a, b = X, np.zeros((1, 2), np.float32)
    feed = {"b": b, "a": a}
    for form in (
        feed,
        collections.OrderedDict(feed),
        collections.UserDict(feed),
        [a, b],
        (a, b),
        collections.deque([a, b]),
    ):
        assert session.run(None, form)[0].tolist() == X.tolist()
    for wrong, text in (
        ({"a": a}, '"b" is missing'),
        ({"a": a, "b": b, "c": b}, "'c' does not exist"),
        ({"a": a, 5: b}, '"b" is missing'),
        ({}, "missing"),
        ([a], "1 inputs given, the model takes 2"),
        ([a, b, b], "3 inputs given"),
        (a, "one array given"),
    ):
        with pytest.raises(ez.InvalidArgument, match=text):
            session.run(None, wrong)
    for wrong in (5, "ab", b"ab", None, object()):
        with pytest.raises(ez.InvalidType, match="input_feed"):
            session.run(None, wrong)


@pytest.mark.contract("1.4/shape")
def test_shapes_must_match_and_both_are_shown(fake):
    for shape in ((4,), (1, 5), (2, 4), (1, 1, 4), (0, 4)):
        with pytest.raises(ez.InvalidArgument) as e:
            fake.open().run(None, np.zeros(shape, np.float32))
        assert f"{list(shape)} given" in str(e.value) and "[1, 4] accepted" in str(e.value)


@pytest.mark.contract("1.4/output-names", "2/run-empty-list", "1.4/signature")
def test_output_names(fake):
    session = fake.open(TWO)
    feed = [X, np.zeros((1, 2), np.float32)]
    shapes = lambda names: [o.shape for o in session.run(names, feed)]  # noqa: E731
    assert shapes(None) == shapes([]) == [(1, 4), (1, 2)]
    assert shapes(["z", "y", "z"]) == [(1, 2), (1, 4), (1, 2)]
    assert shapes(("z",)) == shapes("z") == [(1, 2)]
    repeated = session.run(["z", "z"], feed)
    repeated[0][:] = 99
    assert repeated[1].tolist() == [[1, 2]]
    for wrong in (["w"], "yz", [5], [None]):
        with pytest.raises(ez.InvalidArgument, match='"y", "z"'):
            session.run(wrong, feed)
    for wrong in (5, b"y"):
        with pytest.raises(ez.InvalidType):
            session.run(wrong, feed)
    assert session.run(input_feed=feed)[0].shape == (1, 4)


@pytest.mark.contract("1.4/output-arrays")
def test_results_are_writable_and_live_on_their_own(fake):
    session = fake.open()
    first = session.run(None, X)[0]
    first[:] = 7
    second = session.run(None, X)[0]
    session.close()
    del session
    assert first.tolist() == [[7, 7, 7, 7]] and second.tolist() == X.tolist()


@pytest.mark.contract("1.4/dispatch-batch", "3/30", "3/39")
def test_dispatch_batch(fake):
    session = fake.open("jitter_us=300;outputs=y:1x4:UNDEFINED:f32,z:2x2:UNDEFINED:f32", schedule=[0, 1, 2])
    x = np.arange(40, dtype=np.float32).reshape(10, 4)
    y, z = session.run(None, x, {"ztu_modelrt_dispatch_batch": True})
    assert np.array_equal(y, x) and np.array_equal(z, x.reshape(20, 2))
    (only,) = session.run(["y"], {"x": x[:1]}, {"ztu_modelrt_dispatch_batch": "on"})
    assert np.array_equal(only, x[:1])
    with pytest.raises(ez.InvalidArgument):
        session.run(None, x, {"ztu_modelrt_dispatch_batch": "maybe"})
    with pytest.raises(ez.InvalidArgument):
        session.run(None, x)
    for off in (False, 0, "no", ""):
        assert session.run(None, x[:1], {"ztu_modelrt_dispatch_batch": off})[0].shape == (1, 4)
    failing = fake.open("fail_negative=-2")
    with pytest.raises(ez.DeviceError, match="sample 1 of 3") as e:
        failing.run(None, np.array([[1] * 4, [-1] * 4, [1] * 4], np.int8), {"ztu_modelrt_dispatch_batch": True})
    assert e.value.rknn_ret == -2


@pytest.mark.contract("1.4/run-options")
def test_run_options_objects(fake):
    class RunOptions:
        def __init__(self, **entries):
            self.entries = entries

        def get_run_config_entry(self, key):
            return self.entries[key]

    session = fake.open()
    x = np.zeros((3, 4), np.float32)
    assert session.run(None, x, RunOptions(ztu_modelrt_dispatch_batch="1"))[0].shape == (3, 4)
    for ignored in (None, {}, {"other": 1}, RunOptions(), object(), 5):
        assert session.run(None, x[:1], ignored)[0].shape == (1, 4)


@pytest.mark.contract("3/16")
def test_dynamic_shapes(fake):
    session = fake.open("inputs=x:1x4x4x3:NHWC:f32;dynamic=1x4x4x3|1x2x4x3")
    assert session.get_inputs()[0].dynamic_shapes == [[1, 3, 4, 4], [1, 3, 2, 4]]
    for h in (4, 2, 4):
        x = np.random.default_rng(h).random((1, 3, h, 4), np.float32)
        assert np.array_equal(session.run(None, x)[0].ravel(), x.transpose(0, 2, 3, 1).ravel())
    batch = np.random.default_rng(0).random((3, 3, 2, 4), np.float32)
    (got,) = session.run(None, batch, {"ztu_modelrt_dispatch_batch": True})
    assert np.array_equal(got, batch.transpose(0, 2, 3, 1).reshape(3, 24))
    with pytest.raises(ez.InvalidArgument, match="one of"):
        session.run(None, np.zeros((1, 3, 3, 4), np.float32))


@pytest.mark.contract("1.2/bytes", "1.2/path")
def test_model_content_of_every_kind(fake, tmp_path):
    path = tmp_path / "model.rknn"
    path.write_bytes(fake.MODEL)
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        for model in (path, str(path), fake.MODEL, bytearray(fake.MODEL), memoryview(fake.MODEL), mapped):
            assert fake.open(model=model).run(None, X)[0].tolist() == X.tolist()
    for wrong in (5, None, ["model.rknn"]):
        with pytest.raises(ez.InvalidType, match="accepted: a path"):
            fake.open(model=wrong)


@pytest.mark.contract("1.2/subclassing")
def test_subclassing(fake):
    class Detector(ez.InferenceSession):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)
            self.threshold = 0.5

        def run(self, x):
            return super().run(None, x)[0] > self.threshold

    detector = fake.open(session_class=Detector)
    assert detector.run(X).all() and repr(detector).startswith("<Detector from memory")


@pytest.mark.contract("1.2/use-weight-from")
def test_weight_sharing(fake):
    master = fake.open()
    slave = fake.open(use_weight_from=master)
    assert "init:32" in fake.trace()
    del master
    assert slave.run(None, X)[0].tolist() == X.tolist()
    with pytest.raises(ez.InvalidType, match="use_weight_from"):
        fake.open(use_weight_from=5)
    with pytest.raises(ez.InvalidArgument, match="custom operators"):
        fake.open(use_weight_from=slave, custom_op_path="x.so")
