#!/usr/bin/env python3
"""Writes cases.bin: operators with their inputs, attributes and the outputs of ONNX Runtime, for cases_test.cpp.

usage: make_cases.py        (needs onnx and onnxruntime; deterministic for one version of both)

Float inputs lie on a grid q * scale with 8-bit q and, unless a case says otherwise, a scale that is a power of two, so
that the test can feed the same numbers as float32, float16, int16 or int8. Expectations for the compiler's own operators
(ex...) come from numpy.
"""

import pathlib
import struct
import zlib

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper

OPSET = 18
F32, I8, I64, BOOL, ABSENT = range(5)


class Real:
    """An input that comes with every run: float, stored as bytes q with q * scale its value."""

    def __init__(self, q, scale=2.0**-5):
        self.q, self.scale = np.asarray(q, np.int8), float(scale)

    @property
    def value(self):
        return self.q.astype(np.float32) * np.float32(self.scale)


class Const:
    """A constant of the file: int64, float32 or a Real."""

    def __init__(self, value, dtype=None):
        self.real = value if isinstance(value, Real) else None
        self.value = (
            value.value
            if self.real
            else np.asarray(value, dtype or (np.int64 if np.asarray(value).dtype.kind == "i" else np.float32))
        )


class Index:
    """Integers or truth values that come with every run."""

    def __init__(self, value, dtype=np.int64):
        self.value = np.asarray(value, dtype)


class Cases:
    def __init__(self):
        self.records, self.names, self.rng = [], set(), np.random.default_rng(0)

    def real(self, *shape, low=-100, high=100, scale=2.0**-5):
        return Real(self.rng.integers(low, high + 1, shape), scale)

    def add(
        self, op, inputs, expected=None, outputs=1, wanted=None, tolerance=1e-5, name="", opset=OPSET, **attributes
    ):
        """`expected` replaces ONNX Runtime's answer; `wanted` says which outputs exist; tolerance is relative to the range."""
        name = name or f"{op} {len(self.records)} {attributes}"[:255]
        values = [None if i is None else i.value for i in inputs]
        if expected is None:
            expected = run_onnx(op, values, outputs, opset, attributes)
        wanted = wanted or [True] * len(expected)
        expected = [e if w else None for e, w in zip(expected, wanted, strict=True)]
        record = text(op) + text(name) + struct.pack("<fB", tolerance, len(attributes))
        for key, value in attributes.items():
            record += text(key) + attribute(value)
        record += bytes([len(inputs)]) + b"".join(tensor(i) for i in inputs)
        record += bytes([len(expected)]) + b"".join(tensor(None if e is None else Index(e, e.dtype)) for e in expected)
        self.records.append(record)

    def write(self, path):
        body = struct.pack("<I", len(self.records)) + b"".join(self.records)
        path.write_bytes(body)
        print(f"{path.name}: {len(self.records)} cases, {len(body)} bytes, crc {zlib.crc32(body):08x}")


def text(s):
    return bytes([len(s)]) + s.encode()


def attribute(v):
    if isinstance(v, str):
        return b"s" + text(v)
    if isinstance(v, float):
        return b"f" + struct.pack("<d", v)
    if isinstance(v, int):
        return b"i" + struct.pack("<q", v)
    return b"l" + struct.pack(f"<B{len(v)}q", len(v), *v)


def tensor(t):
    if t is None:
        return bytes([ABSENT])
    real = t if isinstance(t, Real) else getattr(t, "real", None)
    v = real.q if real else t.value
    kind = I8 if real else {"f": F32, "i": I64, "b": BOOL}[v.dtype.kind]
    head = struct.pack(f"<BBfB{v.ndim}i", kind, isinstance(t, Const), real.scale if real else 1.0, v.ndim, *v.shape)
    as_stored = {F32: np.float32, I8: np.int8, I64: np.int64, BOOL: np.uint8}[kind]
    return head + np.ascontiguousarray(v, as_stored).tobytes()


def run_onnx(op, values, outputs, opset, attributes):
    types = {"float32": TensorProto.FLOAT, "int64": TensorProto.INT64, "bool": TensorProto.BOOL}
    names = ["" if v is None else f"x{i}" for i, v in enumerate(values)]
    infos = [
        helper.make_tensor_value_info(n, types[str(v.dtype)], v.shape) for n, v in zip(names, values, strict=True) if n
    ]
    results = [f"y{i}" for i in range(outputs)]
    node = helper.make_node(op, names, results, **attributes)
    graph = helper.make_graph([node], "case", infos, [onnx.ValueInfoProto(name=r) for r in results])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=9)
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, {n: np.asarray(v) for n, v in zip(names, values, strict=True) if n})


def moves(c):
    for shape, perm in (
        ((2, 5, 3, 4), (0, 2, 3, 1)),
        ((2, 5, 3, 4), (3, 0, 2, 1)),
        ((3, 4, 5), (2, 0, 1)),
        ((2, 3, 2, 3, 4), (4, 2, 0, 3, 1)),
        ((6, 35), (1, 0)),
    ):
        c.add("Transpose", [c.real(*shape)], perm=list(perm))
    c.add("Transpose", [c.real(2, 3, 4)])
    for a, b in (
        ((2, 3, 4), (4, 6)),
        ((1, 6, 4, 5), (1, 24, 5)),
        ((2, 6, 3, 2), (1, 12, 3, 2)),
        ((4, 6), (6, 4)),
        ((24,), (2, 3, 1, 4)),
        ((2, 3, 4, 5), (2, 4, 3, 5)),
        ((1, 7), (7,)),
    ):
        c.add("Reshape", [c.real(*a), Const(np.array(b))])
    c.add("Flatten", [c.real(2, 3, 2, 2)], axis=2)
    c.add("Squeeze", [c.real(1, 5, 1, 3), Const([0, 2])])
    c.add("Unsqueeze", [c.real(5, 3), Const([0, 3])])
    c.add("Identity", [c.real(2, 20, 3, 3)])
    for starts, ends, axes, steps in (
        ([1], [3], [1], [1]),
        ([0, 1], [4, 100], [2, 3], [2, 2]),
        ([-1], [-100], [3], [-1]),
        ([4, 3], [0, -9], [2, 1], [-2, -1]),
        ([-3], [-1], [1], [1]),
        ([2**62], [-(2**63)], [2], [-1]),
    ):
        c.add("Slice", [c.real(2, 5, 5, 4), Const(starts), Const(ends), Const(axes), Const(steps)])
    c.add("Slice", [c.real(6, 7), Const([1, 2]), Const([5, 6])])
    for repeats in ([1, 2, 1, 3], [2, 1, 2, 1]):
        c.add("Tile", [c.real(1, 3, 2, 4), Const(repeats)])
    c.add("Tile", [c.real(4, 2), Const([3, 2])])
    c.add("Expand", [c.real(1, 6, 1, 1), Const([2, 6, 3, 2])])
    c.add("Expand", [c.real(3, 1), Const([2, 3, 4])])
    for mode in ("DCR", "CRD"):
        c.add("DepthToSpace", [c.real(2, 12, 2, 3)], blocksize=2, mode=mode)
    c.add("DepthToSpace", [c.real(1, 18, 2, 2)], blocksize=3, mode="CRD")
    c.add("SpaceToDepth", [c.real(2, 3, 4, 6)], blocksize=2)
    for axis, shapes in (
        (1, [(2, 3, 2, 2), (2, 17, 2, 2), (2, 1, 2, 2)]),
        (3, [(1, 4, 2, 3), (1, 4, 2, 2)]),
        (0, [(2, 3), (1, 3), (3, 3)]),
        (-2, [(2, 2, 3), (2, 4, 3)]),
    ):
        c.add("Concat", [c.real(*s) for s in shapes], axis=axis)
    c.add("Concat", [c.real(1, 4, 3, 3), c.real(1, 5, 3, 3, scale=0.021)], axis=1, name="Concat of two scales")
    c.add("Split", [c.real(1, 9, 2, 3), Const([4, 2, 3])], outputs=3, axis=1)
    c.add("Split", [c.real(1, 9, 2, 3), Const([4, 2, 3])], outputs=3, wanted=[True, False, True], axis=1)
    c.add("Split", [c.real(6, 4)], outputs=3, axis=0, num_outputs=3)
    for mode in ("constant", "edge", "reflect", "wrap"):
        c.add("Pad", [c.real(1, 3, 3, 4), Const([0, 0, 1, 2, 0, 0, 2, 1])], mode=mode, opset=19)
        c.add("Pad", [c.real(2, 4, 3), Const([1, 0, 2, 0, 1, 0])], mode=mode, opset=19)
    c.add("Pad", [c.real(1, 3, 4, 4), Const([0, 1, -1, 2, 0, 0, -1, 1]), Const(1.5)], mode="constant")
    c.add("Pad", [c.real(1, 3, 4, 4), Const([1, 2]), None, Const([3])], mode="constant")


def elementwise(c):
    plain = "Abs Ceil Floor Neg Relu Round Sigmoid Sign Sin Cos Softplus Softsign Tanh Exp Erf HardSwish Atan Asinh Sinh Cosh Tan Mish"
    for op in plain.split():
        c.add(op, [c.real(1, 20, 2, 3)], tolerance=3e-6)
    for op in ("Acos", "Asin", "Atanh"):
        c.add(op, [c.real(2, 3, 4, low=-30, high=30)], tolerance=3e-6)
    for op in ("Log", "Sqrt", "Acosh", "Reciprocal"):
        c.add(op, [c.real(2, 3, 4, low=33, high=120)], tolerance=3e-6)
    for op, kw in (
        ("Celu", dict(alpha=0.7)),
        ("Elu", dict(alpha=1.3)),
        ("Elu", {}),
        ("HardSigmoid", {}),
        ("HardSigmoid", dict(alpha=0.3, beta=0.4)),
        ("LeakyRelu", dict(alpha=0.1)),
        ("LeakyRelu", {}),
        ("Selu", {}),
        ("Selu", dict(alpha=1.5, gamma=1.2)),
        ("Shrink", dict(lambd=1.0, bias=0.5)),
        ("Shrink", {}),
        ("ThresholdedRelu", dict(alpha=0.8)),
        ("ThresholdedRelu", {}),
    ):
        c.add(op, [c.real(1, 5, 3, 4)], tolerance=3e-6, **kw)
    for approximate in ("none", "tanh"):
        c.add("Gelu", [c.real(2, 4, 5)], approximate=approximate, opset=20, tolerance=3e-6)
        c.add("exGelu", [x := c.real(2, 4, 5)], expected=run_onnx("Gelu", [x.value], 1, 20, {}))
    x = c.real(2, 4, 5)
    for op in ("exSwish", "Swish"):
        c.add(op, [x], expected=[x.value / (1 + np.exp(-x.value))])
    c.add("Swish", [x], expected=[x.value / (1 + np.exp(-2 * x.value))], alpha=2.0)
    c.add("exMish", [x], expected=[x.value * np.tanh(np.log1p(np.exp(x.value)))])
    c.add("exDataConvert", [x], expected=[x.value], i_dtype="int8", o_dtype="float16")
    c.add("Dropout", [x])
    for op, kw in (("IsNaN", {}), ("IsInf", {}), ("IsInf", dict(detect_negative=0))):
        c.add(op, [Const(np.array([1, np.nan, np.inf, -np.inf, 0], np.float32))], **kw)
    c.add("Clip", [c.real(2, 4, 5), Const(-1.0), Const(2.0)])
    c.add("Clip", [c.real(2, 4, 5), None, Const(0.5)])
    c.add("Not", [Index(np.array([[True, False, True]]), np.bool_)])
    pairs = [
        ((1, 20, 2, 3), (1, 20, 2, 3)),
        ((1, 20, 2, 3), (1, 20, 1, 1)),
        ((1, 3, 2, 3), (3,)),
        ((4, 1), (2, 1, 5)),
        ((2, 3), ()),
    ]
    for op in ("Add", "Sub", "Mul", "Max", "Min"):
        for a, b in pairs:
            c.add(op, [c.real(*a), c.real(*b, scale=0.037)])
    c.add("Div", [c.real(1, 4, 2, 3), c.real(1, 4, 1, 3, low=20, high=90)])
    c.add("Div", [Const(1.0), c.real(1, 4, 2, 3, low=20, high=90)])
    c.add("Pow", [c.real(2, 3, 4, low=1), Const(2.5)])
    c.add("Pow", [c.real(2, 3, 4), Const(2.0)])
    c.add("Mod", [c.real(2, 9), c.real(2, 9, low=10, high=40)], fmod=1)
    c.add("PRelu", [c.real(1, 5, 3, 2), Const(c.real(5, 1, 1))])
    c.add("PRelu", [c.real(1, 5, 3, 2), c.real(1, 5, 3, 2)])
    a, b = c.real(1, 4, 2, 2), c.real(1, 4, 2, 2)
    for op, f in (("AddRelu", np.add), ("SubRelu", np.subtract), ("MulRelu", np.multiply)):
        c.add(op, [a, b], expected=[np.maximum(f(a.value, b.value), 0)])
    c.add("NotEqual", [a, b], expected=[a.value != b.value])
    for op in ("Sum", "Max", "Min", "Mean"):
        c.add(op, [c.real(1, 3, 2, 4), c.real(3, 1, 1), c.real(2, 4)])
        c.add(op, [c.real(2, 4)])
    i = c.rng.integers(-9, 10, (2, 12))
    j = c.rng.integers(1, 5, (2, 12)) * c.rng.choice([-1, 1], (2, 12))
    for op in ("Add", "Sub", "Mul", "Div", "Max", "Min"):
        c.add(op, [Index(i), Index(j)])
    c.add("Mod", [Index(i), Index(j)])
    c.add("Mod", [Index(i), Index(j)], fmod=1)
    for op in ("Less", "LessOrEqual", "Greater", "GreaterOrEqual", "Equal"):
        c.add(op, [c.real(1, 6, 3, 2, low=-3, high=3), c.real(1, 6, 1, 1, low=-3, high=3)])
        c.add(op, [Index(i), Index(j)])
    for op in ("And", "Or", "Xor"):
        c.add(op, [Index(i > 0, np.bool_), Index(j > 0, np.bool_)])
    for op in ("BitwiseAnd", "BitwiseOr", "BitwiseXor"):
        c.add(op, [Index(i), Index(j)])
    c.add("BitShift", [Index(abs(i)), Index(abs(j))], direction="LEFT", expected=[abs(i) << abs(j)])
    c.add("BitShift", [Index(abs(i)), Index(abs(j))], direction="RIGHT", expected=[abs(i) >> abs(j)])
    c.add("Where", [Index(c.rng.integers(0, 2, (1, 1, 3, 3)), np.bool_), c.real(1, 5, 3, 3), Const(-2.0)])
    c.add("Where", [Index(c.rng.integers(0, 2, (2, 3)), np.bool_), c.real(4, 1, 3), c.real(4, 2, 1, scale=0.05)])
    c.add("Cast", [c.real(2, 3, 4)], to=6)
    c.add("Cast", [c.real(2, 3, 4)], to=7)
    x = c.real(2, 3, 4)  # the file may store an integer's tensor in the network's own type
    c.add("Cast", [x], expected=[np.trunc(x.value)], to=6)
    c.add("Cast", [c.real(2, 3, 4, low=-1, high=1)], to=9)
    c.add("Cast", [Index(i)], to=1)
    c.add("CastLike", [c.real(2, 3), Const([1.0])])


def reductions(c):
    for op in [
        "ReduceMax",
        "ReduceMin",
        "ReduceSum",
        "ReduceMean",
        "ReduceL1",
        "ReduceL2",
        "ReduceSumSquare",
        "ReduceLogSumExp",
    ]:
        c.add(op, [c.real(2, 20, 3, 4), Const([1])], keepdims=1)
        c.add(op, [c.real(2, 3, 4, 5), Const([2, 3])], keepdims=0)
        c.add(op, [c.real(3, 4, 2), Const([-3, 2])], keepdims=1)
    c.add("ReduceSum", [c.real(3, 4)], keepdims=0)
    c.add("ReduceMean", [c.real(2, 3, 5)], opset=13, axes=[0, 2])
    c.add("ReduceL1", [c.real(2, 3)], noop_with_empty_axes=1)
    c.add("ReduceProd", [c.real(2, 3, 4, low=20, high=40), Const([1])])
    c.add("ReduceLogSum", [c.real(2, 3, 4, low=1), Const([2])])
    for op in ("Softmax", "LogSoftmax", "Hardmax"):
        for shape, axis in (
            ((1, 20, 2, 3), 1),
            ((1, 3, 2, 9), 3),
            ((2, 3, 6, 2), 2),
            ((4, 9), -1),
            ((2, 40), 0),
            ((1, 4, 3, 40), 1),
        ):
            c.add(op, [c.real(*shape)], axis=axis)
    c.add(
        "exSoftmax13",
        [x := c.real(1, 5, 2, 2)],
        axis=1,
        expected=[np.exp(x.value) / np.exp(x.value).sum(1, keepdims=True)],
    )


def resizes(c):
    def add(shape, size, **kw):
        c.add("Resize", [c.real(*shape), None, None, Const([*shape[:2], *size])], **kw)

    for nearest in ("round_prefer_floor", "round_prefer_ceil", "floor", "ceil"):
        for coordinates in ("half_pixel", "asymmetric", "align_corners"):
            add((1, 3, 4, 5), (7, 4), mode="nearest", nearest_mode=nearest, coordinate_transformation_mode=coordinates)
    add((1, 20, 2, 3), (4, 6), mode="nearest")
    add((1, 20, 4, 6), (2, 3), mode="nearest", nearest_mode="floor", coordinate_transformation_mode="asymmetric")
    for coordinates in ("half_pixel", "pytorch_half_pixel", "asymmetric", "align_corners"):
        add((1, 3, 4, 5), (8, 10), mode="linear", coordinate_transformation_mode=coordinates)
        add((2, 3, 4, 5), (3, 1), mode="linear", coordinate_transformation_mode=coordinates)
        add((1, 2, 4, 5), (7, 3), mode="cubic", coordinate_transformation_mode=coordinates)
    add((1, 18, 4, 4), (8, 8), mode="linear")
    add((1, 2, 4, 5), (6, 7), mode="cubic", cubic_coeff_a=-0.5, exclude_outside=1)
    c.add("Resize", [c.real(1, 2, 5), None, None, Const([1, 2, 8])], mode="linear")
    c.add("Resize", [c.real(1, 2, 3, 4, 3), None, None, Const([1, 2, 4, 6, 6])], mode="linear")
    c.add(
        "Resize",
        [c.real(1, 2, 4, 4), Const([0, 0, 0.25, 0.1, 1, 1, 0.9, 1.2], np.float32), None, Const([1, 2, 3, 5])],
        mode="linear",
        coordinate_transformation_mode="tf_crop_and_resize",
        extrapolation_value=1.5,
    )
    c.add("Upsample", [c.real(1, 3, 2, 3), Const([1, 1, 2, 3], np.float32)], opset=9, mode="nearest")


def ranks(c):
    for op in ("ArgMax", "ArgMin"):
        for shape, axis in (((1, 20, 2, 3), 1), ((2, 3, 4, 5), 3), ((3, 7), 0)):
            for kw in ({}, dict(keepdims=0), dict(select_last_index=1)):
                c.add(op, [c.real(*shape, low=-4, high=4)], axis=axis, **kw)
    for shape, axis, k in (((1, 2, 3, 9), 3, 4), ((2, 20, 2, 2), 1, 5), ((6, 3), 0, 6)):
        for largest in (0, 1):
            c.add("TopK", [c.real(*shape, low=-9, high=9), Const([k])], outputs=2, axis=axis, largest=largest)
    c.add("TopK", [c.real(2, 8), Const([3])], outputs=2, wanted=[True, False])
    for kw in ({}, dict(exclusive=1), dict(reverse=1), dict(exclusive=1, reverse=1)):
        c.add("CumSum", [c.real(2, 20, 3, 2), Const(np.array(1))], **kw)
        c.add("CumSum", [c.real(3, 4), Const(np.array(-1))], **kw)
    index = Index(c.rng.integers(-5, 5, (2, 3)))
    for axis in (-1, 0, 1):
        c.add("OneHot", [index, Const(np.array(5)), Const([-0.5, 2.0])], axis=axis)


def gathers(c):
    for shape, axis, index in (
        ((6, 5), 0, (2, 3)),
        ((1, 20, 3, 4), 1, (4,)),
        ((2, 3, 4, 7), 3, (3,)),
        ((3, 4), -1, ()),
        ((2, 5, 3), 1, (2, 2)),
    ):
        dim = shape[axis]
        values = c.rng.integers(-dim, dim, index)
        c.add("Gather", [c.real(*shape), Index(values)], axis=axis)
        c.add("Gather", [c.real(*shape), Const(values)], axis=axis)
    c.add(
        "Gather",
        [Const(c.real(9, 6, scale=0.03)), Index(c.rng.integers(0, 9, (1, 4)))],
        axis=0,
        name="Gather from an embedding",
    )
    for shape, index, axis in (((1, 5, 3, 4), (1, 7, 2, 3), 1), ((4, 3), (2, 3), 0), ((2, 3, 6), (2, 3, 2), -1)):
        values = c.rng.integers(-shape[axis], shape[axis], index)
        c.add("GatherElements", [c.real(*shape), Index(values)], axis=axis)
        updates = c.real(*index)
        unique = (
            np.argsort(c.rng.random(shape), axis)[tuple(slice(0, n) for n in index)]
            if all(np.array(index) <= shape)
            else None
        )
        if unique is None:
            continue
        c.add("ScatterElements", [c.real(*shape), Index(unique), updates], axis=axis)
        for reduction in ("add", "mul", "max", "min"):
            c.add("ScatterElements", [c.real(*shape), Index(values), updates], axis=axis, reduction=reduction)
    c.add("Scatter", [c.real(4, 3), Index([[0, 1, 2]]), c.real(1, 3)], opset=9)
    c.add("GatherND", [c.real(3, 4, 2), Index([[0, 1], [-1, 3], [2, 0]])])
    c.add("GatherND", [c.real(2, 4, 5), Index([[[1]], [[-2]]])], batch_dims=1)
    c.add("GatherND", [c.real(1, 18, 2, 2), Index([[[0, 3]], [[0, 17]]])])
    c.add("ScatterND", [c.real(4, 3, 2), Index([[1], [3]]), c.real(2, 3, 2)])
    c.add("ScatterND", [c.real(1, 5, 3, 3), Index([[0, 1, 2, 0], [0, 4, -1, 1], [0, 0, 0, 0]]), c.real(3)])
    c.add("ScatterND", [c.real(4, 3), Index([[1], [1]]), c.real(2, 3)], reduction="add")


def arrangements(c):
    for upper in (0, 1):
        for k in (None, -2, 1, 9):
            c.add("Trilu", [c.real(2, 4, 6)] + ([] if k is None else [Const(np.int64(k))]), upper=upper)
    c.add("ReverseSequence", [c.real(5, 3, 2), Index([5, 1, 3])], time_axis=0, batch_axis=1)
    c.add("ReverseSequence", [c.real(3, 5), Index([2, 5, 4])], time_axis=1, batch_axis=0)
    c.add("CenterCropPad", [c.real(5, 8, 3), Const(np.array([3, 5, 3]))])
    c.add("CenterCropPad", [c.real(4, 5, 3), Const(np.array([7, 2]))], axes=(0, 1))
    for k in (0, 2, -1):
        c.add("EyeLike", [c.real(4, 5)], k=k)
    c.add(
        "MaxUnpool",
        [c.real(1, 2, 2, 2), Index([[[[0, 6], [9, 15]], [[17, 22], [24, 30]]]])],
        kernel_shape=(2, 2),
        strides=(2, 2),
    )
    regions = Const(np.float32([[0, 0, 0, 7, 7], [0, 3, 2, 9, 6], [0, 8, 8, 8, 8]]))
    c.add("MaxRoiPool", [c.real(1, 3, 9, 9), regions], pooled_shape=(2, 3))
    c.add("MaxRoiPool", [c.real(1, 3, 9, 9), regions], pooled_shape=(3, 3), spatial_scale=0.5)
    regions = Const(np.float32([[0.5, 0.5, 7, 7], [3, 2, 11, 9], [-4, 1, 2, 30]]))
    for mode in ("avg", "max"):
        for extra in (
            {},
            {"sampling_ratio": 2},
            {"spatial_scale": 0.5},
            {"coordinate_transformation_mode": "output_half_pixel"},
        ):
            images = Index([0, 1, 0])
            c.add(
                "RoiAlign", [c.real(2, 3, 9, 9), regions, images], output_height=3, output_width=2, mode=mode, **extra
            )


def grids(c):
    for shape, size in (((1, 3, 5, 4), (3, 6)), ((2, 18, 4, 4), (2, 3))):
        grid = Real(c.rng.integers(-90, 91, (shape[0], *size, 2)), 2.0**-6)
        for mode in ("bilinear", "nearest", "bicubic"):
            for padding in ("zeros", "border", "reflection"):
                for align in (0, 1):
                    if shape[0] == 2 and (mode, align) != ("bilinear", 0):
                        continue
                    c.add(
                        "GridSample",
                        [c.real(*shape), grid],
                        mode=mode,
                        padding_mode=padding,
                        align_corners=align,
                        opset=16,
                        tolerance=3e-5,
                    )


def pools(c):
    for kw in (
        dict(kernel_shape=[3, 3], dilations=[2, 2]),
        dict(kernel_shape=[2, 3], strides=[2, 1], pads=[1, 0, 0, 1]),
        dict(kernel_shape=[3, 2], strides=[2, 2], ceil_mode=1, dilations=[1, 3]),
    ):
        c.add("MaxPool", [c.real(1, 18, 7, 8)], **kw)
    c.add("MaxPool", [c.real(1, 2, 9)], kernel_shape=[3], strides=[2], auto_pad="SAME_UPPER")
    c.add("MaxPool", [c.real(1, 2, 4, 5, 4)], kernel_shape=[2, 2, 3])
    for include in (0, 1):
        c.add(
            "AveragePool",
            [c.real(1, 4, 7, 6)],
            kernel_shape=[3, 3],
            pads=[1, 1, 1, 1],
            strides=[2, 2],
            count_include_pad=include,
        )
        c.add(
            "AveragePool",
            [c.real(1, 4, 7, 8)],
            kernel_shape=[3, 3],
            strides=[2, 2],
            ceil_mode=1,
            count_include_pad=include,
            opset=19,
        )
        c.add(
            "AveragePool",
            [c.real(1, 2, 8, 8)],
            kernel_shape=[2, 2],
            dilations=[2, 3],
            pads=[1, 0, 1, 1],
            count_include_pad=include,
            opset=19,
        )
    c.add("AveragePool", [c.real(1, 3, 5, 5)], kernel_shape=[2, 2], auto_pad="SAME_LOWER")
    c.add("LpPool", [c.real(1, 4, 6, 5)], kernel_shape=[2, 3], strides=[2, 1])
    c.add("LpPool", [c.real(1, 4, 6, 5)], kernel_shape=[3, 2], pads=[1, 1, 0, 0], p=3)
    for op in ("GlobalAveragePool", "GlobalMaxPool", "GlobalLpPool"):
        c.add(op, [c.real(2, 17, 3, 4)])
    c.add("GlobalAveragePool", [c.real(1, 3, 6)])


def norms(c):
    weight, bias = c.real(5, low=20), c.real(5)
    for axis, shape in ((-1, (2, 3, 4, 5)), (2, (2, 3, 4, 5))):
        c.add(
            "LayerNormalization",
            [c.real(*shape), Const(c.real(*shape[axis:], low=20)), Const(c.real(*shape[axis:]))],
            axis=axis,
            epsilon=1e-3,
        )
    c.add("LayerNormalization", [c.real(3, 5), Const(weight)])
    x = c.real(2, 3, 5)
    rms = x.value / np.sqrt((x.value**2).mean(-1, keepdims=True) + np.float32(1e-5)) * weight.value
    c.add("RMSNormalization", [x, Const(weight)], expected=[rms.astype(np.float32)])
    c.add("InstanceNormalization", [c.real(2, 5, 3, 4), Const(weight), Const(bias)], epsilon=1e-3)
    c.add("InstanceNormalization", [c.real(1, 5, 6), Const(weight), Const(bias)])
    for shape in ((1, 6, 3, 4), (2, 6, 5)):
        c.add(
            "GroupNormalization", [c.real(*shape), Const(c.real(6, low=20)), Const(c.real(6))], num_groups=3, opset=21
        )
    for p in (1, 2):
        for axis in (1, -1):
            c.add("LpNormalization", [c.real(2, 20, 3)], p=p, axis=axis)
    c.add("MeanVarianceNormalization", [c.real(2, 3, 4, 5)])
    c.add("MeanVarianceNormalization", [c.real(2, 3, 4)], axes=[1, 2])
    for op, after in (("BatchNormalization", lambda y: y), ("BatchNormalizationRelu", lambda y: np.maximum(y, 0))):
        x, p = c.real(1, 5, 2, 3), [weight, bias, c.real(5), c.real(5, low=20)]
        y = run_onnx("BatchNormalization", [x.value, *(v.value for v in p)], 1, OPSET, dict(epsilon=1e-3))[0]
        c.add(op, [x, *map(Const, p)], expected=[after(y)], epsilon=1e-3)
    for size in (1, 5, 51):
        c.add("LRN", [c.real(1, 20, 2, 3)], size=size, alpha=0.5, beta=0.6, bias=1.5)
    x = c.real(1, 6, 2, 2)  # an even size, which ONNX Runtime refuses: one channel below, two above
    squares = np.stack([(x.value[:, max(0, k - 1) : k + 3] ** 2).sum(1) for k in range(6)], 1)
    c.add("LRN", [x], size=4, alpha=0.5, expected=[x.value / (1 + 0.5 / 4 * squares) ** np.float32(0.75)])
    for shape, axes, parameter in (
        ((1, 20, 1, 4), (1,), (1, 20, 1, 1)),
        ((2, 3, 4, 5), (2, 3), (1, 1, 4, 5)),
        ((3, 8), (1,), (8,)),
    ):
        x, w, b = c.real(*shape), c.real(*parameter, low=20), c.real(*parameter)
        v = x.value.astype(np.float64)
        mean = v.mean(axes, keepdims=True)
        layer = (v - mean) / np.sqrt(((v - mean) ** 2).mean(axes, keepdims=True) + 1e-3)
        l2 = v / np.maximum(np.sqrt((v * v).sum(axes, keepdims=True)), 1e-3)
        rms = v / np.sqrt((v * v).mean(axes, keepdims=True) + 1e-3)
        for mode, y in (("layer", layer), ("l2", l2), ("rms", rms)):
            c.add("exNorm", [x], expected=[y.astype(np.float32)], mode=mode, eps=1e-3, axes=list(axes))
            c.add(
                "exNorm",
                [x, Const(w), Const(b)],
                expected=[(y * w.value + b.value).astype(np.float32)],
                mode=mode,
                eps=1e-3,
                axes=list(axes),
            )


def products(c):
    for a, b in (
        ((2, 9), (9, 10)),
        ((2, 3, 5, 7), (2, 3, 7, 4)),
        ((3, 1, 2, 5), (4, 5, 3)),
        ((6,), (2, 6, 3)),
        ((2, 3, 6), (6,)),
        ((1, 8, 1, 17), (17, 20)),
    ):
        c.add("MatMul", [c.real(*a), c.real(*b)], tolerance=3e-6)
    c.add("Gemm", [c.real(5, 7), c.real(7, 9), Const(c.real(9))])
    c.add("Gemm", [c.real(7, 5), c.real(9, 7), Const(c.real(5, 1))], transA=1, transB=1, alpha=0.5, beta=-2.0)
    for a, b in (((2, 20, 1, 9), (2, 20, 1, 13)), ((3, 8, 1, 4), (1, 8, 1, 1))):
        x, w = c.real(*a), c.real(*b)
        product = np.einsum("bkim,bkin->bmin", x.value, np.broadcast_to(w.value, (a[0], *b[1:]))).astype(np.float32)
        c.add("exMatMul", [x, w], expected=[product], tolerance=3e-6)
        c.add(
            "exMatMul",
            [x, Const(w), Const(np.full((1, 1, 1, 1), 0.125, np.float32))],
            expected=[product * 0.125],
            c_type="mul",
        )
        bias = c.real(1, 1, 1, b[3])
        c.add("exMatMul", [x, w, bias], expected=[product + bias.value], c_type="add")
    for heads, depth, queries, keys in ((2, 16, 7, 7), (1, 5, 70, 9)):
        q, k, v = (c.real(heads, depth, 1, n, scale=2.0**-6) for n in (queries, keys, keys))
        logits = np.einsum("hdiq,hdik->hqk", q.value, k.value) * 0.25
        weights = np.exp(logits - logits.max(-1, keepdims=True))
        weights /= weights.sum(-1, keepdims=True)
        c.add(
            "exSDPAttention",
            [q, k, v],
            expected=[np.einsum("hqk,hdik->hdiq", weights, v.value).astype(np.float32)],
            scale=0.25,
        )


def recurrent(c):
    """The operators with plain weights; packed ones are in recurrent_test.cpp."""
    t, b, i, h = 4, 2, 5, 3
    for op, gates, variants in (("RNN", 1, ({},)), ("LSTM", 4, ({},)), ("GRU", 3, ({}, dict(linear_before_reset=1)))):
        for direction, d in (("forward", 1), ("reverse", 1), ("bidirectional", 2)):
            for kw in variants:
                weights = [Const(c.real(d, gates * h, n, scale=2.0**-7)) for n in (i, h)]
                bias = Const(c.real(d, 2 * gates * h, scale=2.0**-7))
                states = [c.real(d, b, h, scale=2.0**-7) for _ in range(2 if op == "LSTM" else 1)]
                outputs = 3 if op == "LSTM" else 2
                c.add(
                    op,
                    [c.real(t, b, i), *weights, bias, None, *states],
                    outputs=outputs,
                    direction=direction,
                    hidden_size=h,
                    **kw,
                )
                c.add(
                    op,
                    [c.real(t, b, i), *weights],
                    outputs=outputs,
                    wanted=[True, *[False] * (outputs - 1)],
                    direction=direction,
                    hidden_size=h,
                    **kw,
                )
    x, w, r = c.real(t, b, i), Const(c.real(2, 4 * h, i, scale=2.0**-7)), Const(c.real(2, 4 * h, h, scale=2.0**-7))
    y = run_onnx("LSTM", [v.value for v in (x, w, r)], 1, OPSET, dict(direction="bidirectional", hidden_size=h))[0]
    c.add("exLSTM", [x, w, r], expected=[y.transpose(0, 2, 1, 3).reshape(t, b, 2 * h)], direction="bidirectional")
    w, r = (Const(c.real(2, 3 * h, n, scale=2.0**-7)) for n in (i, h))
    y = run_onnx("GRU", [v.value for v in (x, w, r)], 1, OPSET, dict(direction="bidirectional", hidden_size=h))[0]
    c.add("exGRU", [x, w, r], expected=[y.transpose(0, 2, 1, 3).reshape(t, b, 2 * h)], direction="bidirectional")


def later_additions(c):
    """At the end, so that the random numbers of the cases before stay what they are."""
    keep = Const([1, 0, 1, 1], bool)
    c.add("Compress", [c.real(2, 4, 3), keep], axis=1)
    c.add("Compress", [c.real(2, 4, 3), Const([0, 1, 1], bool)], axis=-1)
    c.add("Compress", [c.real(2, 4, 3), Const([0, 1], bool)], axis=-2)
    c.add("Compress", [c.real(2, 3), keep])
    c.add("Col2Im", [c.real(1, 20, 12), Const([6, 8]), Const([2, 2])], strides=[2, 2])
    c.add("Col2Im", [c.real(2, 12, 16), Const([5, 6]), Const([2, 3])])
    c.add(
        "Col2Im",
        [c.real(1, 9, 20), Const([7, 8]), Const([3, 3])],
        pads=[1, 0, 1, 1],
        strides=[2, 1],
        dilations=[1, 2],
    )
    c.add("Col2Im", [c.real(1, 6, 6), Const([8]), Const([3])])  # 1.26 reads beyond the end with strides or pads here
    c.add("Size", [c.real(2, 3, 4)])
    for mode in ("nearest", "linear"):
        for coordinates in ("half_pixel", "asymmetric"):
            scales = Const([1, 1, 1.3, 1.7], np.float32)
            c.add("Resize", [c.real(1, 3, 7, 9), None, scales], mode=mode, coordinate_transformation_mode=coordinates)
    for x, w, kw in (
        ((2, 4, 9), (6, 4, 3), dict(pads=[1, 1], strides=[2])),
        ((1, 6, 7, 8), (4, 6, 1, 1), dict()),
        ((2, 6, 9, 8), (9, 2, 3, 2), dict(group=3, pads=[1, 0, 2, 1], strides=[2, 1], dilations=[1, 3])),
        ((1, 8, 6, 5), (8, 1, 3, 3), dict(group=8, pads=[1, 1, 1, 1])),
        ((1, 2, 5, 6, 7), (3, 2, 2, 3, 2), dict(strides=[1, 2, 2], pads=[0, 1, 1, 1, 0, 0])),
    ):
        weights = [Const(c.real(*w, scale=2.0**-7)), Const(c.real(w[0], scale=2.0**-7))]
        c.add("Conv", [c.real(*x), *weights[: 1 + len(kw) % 2]], **kw)
    t, b, i, h = 4, 2, 5, 3
    weights = [Const(c.real(2, h, n, scale=2.0**-7)) for n in (i, h)]
    c.add("RNN", [c.real(t, b, i), *weights], outputs=2, direction="bidirectional", hidden_size=h, clip=0.5)
    x = c.real(2, 3, 4, 3)
    spread = np.zeros((2, 3, 9, 9), np.float32)
    spread[:, :, 1:8:2, 1:8:3] = x.value
    c.add("exConvTransposePad", [x], expected=[spread], kernel_shape=[3, 2], strides=[2, 3], pads=[1, 0, 1, 0])


def main():
    c = Cases()
    for family in (
        moves,
        elementwise,
        reductions,
        resizes,
        ranks,
        gathers,
        grids,
        pools,
        norms,
        products,
        recurrent,
        arrangements,
        later_additions,
    ):
        family(c)
    c.write(pathlib.Path(__file__).with_name("cases.bin"))


if __name__ == "__main__":
    main()
