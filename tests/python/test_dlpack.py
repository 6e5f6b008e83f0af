"""DLPack in both directions: what run() takes without a copy, what values and results give away."""

import ctypes
import sys
import threading

import numpy as np
import pytest

import ez_rknn_async as ez

X = np.array([[1, 2, 3, 4]], np.float32)


class Producer:
    """An object that knows DLPack and nothing else."""

    def __init__(self, array, device=(1, 0)):
        self.array, self.device, self.exports = array, device, 0

    def __dlpack__(self, **kwargs):
        if self.device[0] != 1:
            raise BufferError("this tensor lies on a GPU")
        self.exports += 1
        return self.array.__dlpack__(**kwargs)

    def __dlpack_device__(self):
        return self.device


@pytest.mark.parametrize("dtype", ["float32", "float16", "int8", "uint8", "int16", "int32", "int64", "float64", "bool"])
def test_run_takes_any_producer(fake, dtype):
    session = fake.open()
    for feed in ({"x": Producer(X.astype(dtype))}, [Producer(X.astype(dtype))], Producer(X.astype(dtype))):
        assert session.run(None, feed)[0].tolist() == X.astype(dtype).tolist()


def test_run_async_and_pipelines_take_producers(fake):
    session = fake.open()
    got, done = [], threading.Event()
    session.run_async(None, {"x": Producer(X)}, lambda results, *_: (got.extend(results), done.set()))
    assert done.wait(60) and got[0].tolist() == X.tolist()
    session.run_pipeline(Producer(X), depth=1)
    assert session.run_pipeline(Producer(X), depth=1)[0].tolist() == X.tolist()


def test_a_blocking_run_reads_the_producers_own_memory(fake):
    """The address the runtime gets is the tensor's: no copy was made on the way."""
    seen = ez.OrtValue.from_dlpack(Producer(X))
    assert seen.data_ptr() == X.ctypes.data
    session = fake.open("inputs=x:1x4:UNDEFINED:f32;outputs=y:1x4:UNDEFINED:f32;delay_us=200000")
    x = X.copy()
    outputs = []
    thread = threading.Thread(target=lambda: outputs.extend(session.run(None, {"x": Producer(x)})))
    thread.start()
    thread.join(60)
    assert outputs[0].tolist() == X.tolist() and sys.getrefcount(x) == 2  # nothing is kept


def test_what_cannot_be_imported_says_why(fake):
    session = fake.open()
    with pytest.raises(ez.InvalidArgument, match="GPU"):
        session.run(None, {"x": Producer(X, (2, 0))})
    with pytest.raises(ez.InvalidType, match="complex64"):
        session.run(None, {"x": Producer(X.astype(np.complex64))})
    with pytest.raises(ez.InvalidArgument, match=r"\[1, 5\] given"):
        session.run(None, {"x": Producer(np.zeros((1, 5), np.float32))})
    strided = Producer(np.arange(8, dtype=np.float32).reshape(1, 8)[:, ::2])
    assert session.run(None, strided)[0].tolist() == [[0, 2, 4, 6]]  # numpy makes it dense
    with pytest.raises(ez.InvalidType, match="dense"):
        ez.OrtValue.from_dlpack(strided)


def test_results_and_values_are_producers(fake):
    result = fake.open().run(None, X)[0]
    again = np.from_dlpack(result)
    again[0, 0] = 42
    assert result[0, 0] == 42
    value = ez.OrtValue.ortvalue_from_numpy(X.copy())
    array = np.from_dlpack(value)
    assert array.ctypes.data == value.data_ptr() and array.tolist() == X.tolist()
    assert ez.OrtValue.from_dlpack(value.__dlpack__()).data_ptr() == value.data_ptr()
    assert ez.OrtValue.from_dlpack(value).data_ptr() == value.data_ptr()
    address = value.data_ptr()
    del value
    assert array.tolist() == X.tolist() and array.ctypes.data == address


def test_a_value_is_an_input_of_run_without_a_copy(fake):
    session = fake.open()
    value = ez.OrtValue.ortvalue_from_numpy(X)
    assert session.run(None, {"x": value})[0].tolist() == X.tolist()
    assert session.run(None, value)[0].tolist() == X.tolist()


def test_device_memory_is_exported_with_its_strides(fake):
    image = "inputs=x:1x4x5x3:NHWC:i8;outputs=y:1x3x4x5:NCHW:i8;c2="
    x = np.arange(60, dtype=np.int8).reshape(1, 3, 4, 5)
    session = fake.open(image + "16;row_padding=2")
    value = ez.OrtValue.ortvalue_from_numpy(x, "rknpu2", name="x", session=session)
    array = np.from_dlpack(value)
    assert array.strides == (4 * 7 * 3, 1, 7 * 3, 3) and (array == x).all()
    native = fake.open(image + "16", zero_copy_layout="native")
    value = ez.OrtValue.ortvalue_from_numpy(x, "rknpu2", name="x", session=native)
    assert np.from_dlpack(value).strides == (4 * 5 * 16, 1, 5 * 16, 16) and (np.from_dlpack(value) == x).all()
    native = fake.open(image + "2", zero_copy_layout="native")
    value = ez.OrtValue.ortvalue_from_numpy(x, "rknpu2", name="x", session=native)
    with pytest.raises(ez.Unsupported, match="NC1HWC2"):
        value.__dlpack__()
    assert (value.numpy() == x).all()


def test_a_capsule_is_taken_once():
    """A consumed capsule, and one of another name, are refused rather than read again."""
    capsule = X.copy().__dlpack__()
    assert ez.OrtValue.from_dlpack(capsule).numpy().tolist() == X.tolist()
    with pytest.raises(ez.InvalidType):
        ez.OrtValue.from_dlpack(capsule)
    new = ctypes.pythonapi.PyCapsule_New
    new.restype, new.argtypes = ctypes.py_object, [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p]
    with pytest.raises(ez.InvalidType):
        ez.OrtValue.from_dlpack(new(1, b"other", None))
    with pytest.raises(ez.InvalidType):
        ez.OrtValue.from_dlpack(object())


def test_bfloat16_passes_through():
    value = ez.OrtValue.ortvalue_from_numpy_with_onnx_type(np.array([0x3F80], np.uint16), 16)
    assert ez.OrtValue.from_dlpack(value).data_type() == "tensor(bfloat16)"
