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
        name = name or f"{op} {len(self.records)}"
        values = [None if i is None else i.value for i in inputs]
        if expected is None:
            expected = run_onnx(op, values, outputs, opset, attributes)
        wanted = wanted or [True] * len(expected)
        expected = [e if w else None for e, w in zip(expected, wanted)]
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
    infos = [helper.make_tensor_value_info(n, types[str(v.dtype)], v.shape) for n, v in zip(names, values) if n]
    results = [f"y{i}" for i in range(outputs)]
    node = helper.make_node(op, names, results, **attributes)
    graph = helper.make_graph([node], "case", infos, [onnx.ValueInfoProto(name=r) for r in results])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=9)
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, {n: np.asarray(v) for n, v in zip(names, values) if n})


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
    c.add("Cast", [c.real(2, 3, 4, low=-1, high=1)], to=9)
    c.add("Cast", [Index(i)], to=1)
    c.add("CastLike", [c.real(2, 3), Const([1.0])])


def reductions(c):
    for op in "ReduceMax ReduceMin ReduceSum ReduceMean ReduceL1 ReduceL2 ReduceSumSquare ReduceLogSumExp".split():
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


def main():
    c = Cases()
    for family in (moves, elementwise, reductions, resizes):
        family(c)
    c.write(pathlib.Path(__file__).with_name("cases.bin"))


if __name__ == "__main__":
    main()
