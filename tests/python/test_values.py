"""OrtValue: making, reading, changing, describing, sharing."""

import os

import numpy as np
import pytest

import ez_rknn_async as ez

OrtValue = ez.OrtValue
TYPES = {
    "float32": ("tensor(float)", 1),
    "float16": ("tensor(float16)", 10),
    "float64": ("tensor(double)", 11),
    "int8": ("tensor(int8)", 3),
    "uint8": ("tensor(uint8)", 2),
    "int16": ("tensor(int16)", 5),
    "uint16": ("tensor(uint16)", 4),
    "int32": ("tensor(int32)", 6),
    "uint32": ("tensor(uint32)", 12),
    "int64": ("tensor(int64)", 7),
    "bool": ("tensor(bool)", 9),
}


@pytest.mark.parametrize("dtype", TYPES)
def test_types_in_every_spelling(dtype):
    text, number = TYPES[dtype]
    for spec in (dtype, np.dtype(dtype), np.dtype(dtype).type, text, number):
        value = OrtValue.ortvalue_from_shape_and_type([2, 3], spec)
        assert value.element_type() == value.data_type() == text
        assert int(value.element_type()) == number
        assert value.numpy().dtype == dtype and not value.numpy().any()
        assert value.tensor_size_in_bytes() == 6 * np.dtype(dtype).itemsize


@pytest.mark.contract("2/ortvalue", "1.8/methods", "2/ortvalue-more")
def test_the_same_surface_as_onnxruntime():
    ort = pytest.importorskip("onnxruntime")
    x = np.arange(6, dtype=np.float32).reshape(2, 3)
    ours, theirs = OrtValue.ortvalue_from_numpy(x), ort.OrtValue.ortvalue_from_numpy(x)
    for name in (n for n in dir(ort.OrtValue) if not n.startswith("_")):
        if name in ("as_sparse_tensor", "ort_value_from_sparse_tensor"):  # no model of ours has one
            continue
        assert hasattr(ours, name), name
    for name in (
        "device_name",
        "shape",
        "data_type",
        "tensor_size_in_bytes",
        "is_tensor",
        "is_sparse_tensor",
        "is_tensor_sequence",
        "has_value",
        "data_ptr",
    ):
        assert getattr(ours, name)() == getattr(theirs, name)(), name
    assert int(ours.element_type()) == theirs.element_type()
    assert ours.__dlpack_device__() == theirs.__dlpack_device__()
    for name in (n for n in dir(ort.IOBinding) if not n.startswith("_")):
        assert hasattr(ez.IOBinding, name), name
    assert ez.OrtDevice.make("cpu", 0).device_type() == ort.OrtDevice.make("cpu", 0).device_type()


@pytest.mark.contract("1.8/from-numpy", "1.8/device-id")
def test_a_cpu_value_is_the_array():
    x = np.arange(4, dtype=np.float32)
    value = OrtValue.ortvalue_from_numpy(x)
    assert value.data_ptr() == x.ctypes.data
    x[0] = 9
    assert value.numpy()[0] == 9
    copy = value.numpy()
    copy[1] = 7
    assert x[1] == 1
    view = np.asarray(value)
    view[2] = 5
    assert x[2] == 5
    assert np.array(value, dtype=np.int32, copy=True).tolist() == [9, 1, 5, 3]
    strided = OrtValue.ortvalue_from_numpy(np.arange(8, dtype=np.int8)[::2])
    assert strided.numpy().tolist() == [0, 2, 4, 6]
    for wrong in (np.zeros(2, ">f4"), np.zeros(2, complex), np.array(["a"]), np.zeros(2, np.uint64)):
        with pytest.raises(ez.InvalidType):
            OrtValue.ortvalue_from_numpy(wrong)
    with pytest.raises(ez.InvalidArgument, match="cuda"):
        OrtValue.ortvalue_from_numpy(x, "cuda")
    with pytest.raises(ez.InvalidArgument, match="device_id"):
        OrtValue.ortvalue_from_numpy(x, "cpu", 1)


def test_the_array_lives_as_long_as_the_value():
    value = OrtValue.ortvalue_from_numpy(np.full(1000, 3, np.int16))
    view = np.asarray(value)
    del value
    assert (np.arange(1000) + view == np.arange(1000) + 3).all()


def test_read_only_arrays_are_values_that_cannot_be_written():
    x = np.arange(4, dtype=np.float32)
    x.flags.writeable = False
    value = OrtValue.ortvalue_from_numpy(x)
    assert value.numpy().tolist() == [0, 1, 2, 3]
    assert not np.asarray(value).flags.writeable
    with pytest.raises(ez.InvalidArgument, match="read-only"):
        value.update_inplace(np.zeros(4, np.float32))


def test_update_inplace_takes_exactly_this_shape_and_type():
    value = OrtValue.ortvalue_from_shape_and_type([2, 2], np.float32)
    address = value.data_ptr()
    value.update_inplace(np.array([[1, 2], [3, 4]], np.float32).T)
    assert value.numpy().tolist() == [[1, 3], [2, 4]] and value.data_ptr() == address
    value.update_inplace(OrtValue.ortvalue_from_numpy(np.ones((2, 2), np.float32)))
    assert value.numpy().tolist() == [[1, 1], [1, 1]]
    for wrong in (np.zeros(4, np.float32), np.zeros((2, 2), np.int32), np.zeros((2, 2))):
        with pytest.raises(ez.InvalidArgument, match="accepted"):
            value.update_inplace(wrong)


def test_shapes_that_cannot_be():
    for shape in ([-1], [2**40, 2**40], [1] * 17):
        with pytest.raises(ez.InvalidArgument):
            OrtValue.ortvalue_from_shape_and_type(shape, np.float32)
    assert OrtValue.ortvalue_from_shape_and_type([], np.float32).numpy().shape == ()
    assert OrtValue.ortvalue_from_shape_and_type([2, 0], np.float32).numpy().shape == (2, 0)
    for wrong in ("float31", 99, complex, None, object()):
        if wrong is None:  # numpy's default type
            continue
        with pytest.raises(ez.InvalidType):
            OrtValue.ortvalue_from_shape_and_type([1], wrong)


def test_another_type_of_the_same_size():
    bits = np.array([0x3F80, 0x4000], np.uint16)  # 1 and 2 in bfloat16
    value = OrtValue.ortvalue_from_numpy_with_onnx_type(bits, 16)
    assert value.data_type() == "tensor(bfloat16)" and value.data_ptr() == bits.ctypes.data
    with pytest.raises(ez.Unsupported, match="bfloat16"):
        value.numpy()
    with pytest.raises(ez.InvalidType, match="size"):
        OrtValue.ortvalue_from_numpy_with_onnx_type(bits, 1)


IMAGE = "inputs=x:1x4x5x3:NHWC:i8;outputs=y:1x3x4x5:NCHW:i8;scale=0.5;zp=3"


@pytest.mark.contract("1.8/from-numpy", "1.8/from-shape-and-type", "1.7/native")
@pytest.mark.parametrize("zero_copy_layout", ["nhwc", "native"])
@pytest.mark.parametrize("layout", ["nchw", "nhwc", "any", "nchw_software"])
def test_device_values_are_written_and_read_in_the_sessions_order(fake, layout, zero_copy_layout):
    session = fake.open(IMAGE + ";c2=2;row_padding=1", layout=layout, zero_copy_layout=zero_copy_layout)
    shape = session.get_inputs()[0].shape
    x = np.arange(60, dtype=np.int8).reshape(shape)
    value = OrtValue.ortvalue_from_numpy(x, "rknpu2", name="x", session=session, io_kind="input")
    assert value.device_name() == "rknpu2" and value.shape() == shape
    assert (value.numpy() == x).all()
    value.update_inplace((x[::-1] + 1).astype(np.int8))
    assert (np.asarray(value) == x[::-1] + 1).all()
    node = session.get_native_inputs()[0]
    info = value.memory_info()
    if zero_copy_layout == "native":
        assert node.layout == info["fmt"] == "NC1HWC2" and node.shape == [1, 2, 4, 5, 2]
        assert info["pass_through"] and info["size_with_stride"] == 1 * 2 * 4 * 5 * 2
    else:
        assert node.layout == info["fmt"] == "NHWC" and node.shape == [1, 4, 5, 3]
        assert node.strides == [4 * 6 * 3, 6 * 3, 3, 1] and info["size_with_stride"] == 4 * 6 * 3
    assert (node.type, node.scale, node.zero_point) == ("tensor(int8)", 0.5, 3)
    assert value.quantisation() == (0.5, 3)
    assert info["size"] == 60 and info["attr_size"] == 60
    real = OrtValue.ortvalue_from_shape_and_type(shape, np.float32, "npu", name="x", session=session)
    assert real.quantisation() is None
    cast = OrtValue.ortvalue_from_numpy(x.astype(np.float64), "rknpu2", name="x", session=session)
    assert cast.data_type() == "tensor(int8)" and (cast.numpy() == x).all()


@pytest.mark.contract("1.7/layout-strides", "3/18", "3/19")
def test_weakness_18_19_layout_and_shape_agree_and_only_images_are_permuted(fake):
    for layout, shape, name in (("nchw", [1, 3, 4, 5], "NCHW"), ("nhwc", [1, 4, 5, 3], "NHWC")):
        session = fake.open(IMAGE, layout=layout)
        node = session.get_inputs()[0]
        assert (node.shape, node.layout, node.strides) == (shape, name, [])
        assert (session.get_outputs()[0].shape, session.get_outputs()[0].layout) == ([1, 3, 4, 5], "NCHW")
    session = fake.open("inputs=x:1x4x5x3:UNDEFINED:i8;outputs=y:1x3x4x5:UNDEFINED:i8;c2=2", zero_copy_layout="native")
    for node in (*session.get_inputs(), *session.get_native_inputs()):
        assert (node.shape, node.layout) == ([1, 4, 5, 3], "")
    assert session.get_native_inputs()[0].strides == [60, 15, 3, 1]


def test_what_a_port_cannot_have(fake):
    session = fake.open(IMAGE)
    make = OrtValue.ortvalue_from_shape_and_type
    for kwargs, text in (
        ({"name": "z", "session": session}, 'the model has: "x"'),
        ({"name": "x", "session": session, "io_kind": "both"}, "io_kind"),
        ({"name": "x", "session": session, "layout": "nchwc"}, "layout"),
        ({"name": "x", "session": session, "mem_flags": "fast"}, "mem_flags"),
        ({"name": "x"}, "belong together"),
        ({"session": session}, "belong together"),
        ({"name": "x", "session": object()}, "InferenceSession"),
    ):
        with pytest.raises(ez.InvalidArgument, match=text):
            make([1, 3, 4, 5], np.int8, "rknpu2", **kwargs)
    with pytest.raises(ez.InvalidArgument, match=r"\[1, 3, 4, 6\] given"):
        make([1, 3, 4, 6], np.int8, "rknpu2", name="x", session=session)
    with pytest.raises(ez.InvalidType, match="int8, the model's own"):
        make([1, 3, 4, 5], np.int16, "rknpu2", name="y", session=session, io_kind="output")
    session.close()
    with pytest.raises(ez.Closed):
        make([1, 3, 4, 5], np.int8, "rknpu2", name="x", session=session)


@pytest.mark.contract("1.8/memory-backing")
def test_weakness_26_memory_flags_are_passed_on(fake):
    for flags, number in (("cacheable", 1), ("uncached", 2), ("sram", 4), (2, 2), (None, 0)):
        session = fake.open(IMAGE)
        OrtValue.ortvalue_from_shape_and_type(
            [1, 3, 4, 5], np.int8, "rknpu2", name="x", session=session, mem_flags=flags
        )
        if fake.calls("create_mem2"):  # else the machine has a dma heap, and the memory is from there
            assert f"create_mem2:{number}" in fake.trace() or number == 0


@pytest.mark.contract("1.8/from-dmabuf")
def test_memory_by_its_descriptor():
    with open(os.memfd_create("test"), "r+b", buffering=0) as file:
        file.truncate(64)
        value = OrtValue.ortvalue_from_dmabuf(file.fileno(), [2, 4], np.float32, offset=32)
        file.seek(32)
        file.write(np.arange(8, dtype=np.float32).tobytes())
        assert value.numpy().tolist() == [[0, 1, 2, 3], [4, 5, 6, 7]]
        assert os.fstat(value.fileno()).st_ino == os.fstat(file.fileno()).st_ino
        assert value.fileno() != file.fileno()
        for kwargs in ({"offset": 36}, {"size": 65}, {"size": 31, "offset": 32}, {"offset": 31}, {"offset": 2**40}):
            with pytest.raises(ez.InvalidArgument):
                OrtValue.ortvalue_from_dmabuf(file.fileno(), [2, 4], np.float32, **kwargs)
    assert value.numpy()[1, 3] == 7  # the descriptor was duplicated
    for fd in (-1, 10**6):
        with pytest.raises(ez.InvalidArgument, match=str(fd)):
            OrtValue.ortvalue_from_dmabuf(fd, [1], np.float32)
    with open(os.devnull, "r+b") as null, pytest.raises(ez.InvalidArgument):
        OrtValue.ortvalue_from_dmabuf(null.fileno(), [1], np.float32)


def test_a_device_value_of_no_session():
    value = OrtValue.ortvalue_from_shape_and_type([2, 3], np.int16, "rknpu2")
    x = np.arange(6, dtype=np.int16).reshape(2, 3)
    value.update_inplace(x)
    other = OrtValue.ortvalue_from_dmabuf(value.fileno(), [2, 3], np.int16)
    other.sync_from_device()
    assert (other.numpy() == x).all()
    assert value.memory_info()["strides"] == [3, 1]
    with pytest.raises(ez.InvalidArgument, match="descriptor"):
        OrtValue.ortvalue_from_numpy(x).fileno()
