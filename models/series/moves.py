"""Operators that move, choose, repeat or order elements."""

import numpy as np
from case import f32, ints, network, one, scalar, to_float, w, x
from graph import ids

IMAGE = (1, 16, 12, 10)

for name, (shape, to) in {
    "flatten_map": ((1, 16, 5, 6), (1, 480)),
    "split_channels": ((1, 24, 5, 6), (1, 4, 6, 5, 6)),
    "merge_space": ((1, 24, 5, 6), (1, 24, 30)),
    "odd": ((1, 15, 7, 3), (1, 21, 5, 3)),
    "batch": ((4, 12, 5, 6), (2, 24, 5, 6)),
    "to_3d": ((1, 24, 5, 6), (4, 6, 30)),
    "minus_one": ((1, 24, 5, 6), (1, -1, 8)),
    "zero_copies": ((1, 24, 5, 6), (0, 0, -1)),
    "from_2d": ((6, 40), (1, 6, 5, 8)),
    "from_5d": ((1, 2, 8, 5, 6), (1, 16, 5, 6)),
}.items():
    one("Reshape", name, x(*shape), ints(*to))
for axis in (0, 1, 2, 3, -1):
    one("Flatten", f"axis{axis}".replace("-", "_"), x(2, 6, 5, 4), axis=axis)
one("Squeeze", "axes_2_3", x(1, 24, 1, 1), ints(2, 3))
one("Squeeze", "axis_0", x(1, 12, 20), ints(0))
one("Squeeze", "all", x(1, 24, 1, 5))
one("Unsqueeze", "axis_1", x(6, 40), ints(1))
one("Unsqueeze", "axes_0_3", x(12, 20), ints(0, 3))

for perm in ("0231", "0312", "0213", "0132", "0321", "1023", "3210"):
    one("Transpose", f"p{perm}", x(2 if perm[0] != "0" else 1, 12, 7, 9), perm=[int(p) for p in perm])
one("Transpose", "p021", x(1, 12, 20), perm=[0, 2, 1])
one("Transpose", "p102", x(3, 12, 20), perm=[1, 0, 2])
one("Transpose", "p210", x(3, 12, 20), perm=[2, 1, 0])
one("Transpose", "p10", x(6, 40), perm=[1, 0])
one(
    "Transpose",
    "default",
    x(2, 5, 6),
)
one("Transpose", "p02143", x(1, 3, 4, 5, 6), perm=[0, 2, 1, 4, 3])
one("Transpose", "p034125", x(1, 2, 3, 4, 5, 2), perm=[0, 3, 4, 1, 2, 5])
one("Transpose", "large", x(1, 70, 33, 40), perm=[0, 2, 3, 1])

for axis, shapes in {
    1: ((1, 16, 7, 5), (1, 32, 7, 5)),
    2: ((1, 16, 3, 5), (1, 16, 4, 5)),
    3: ((1, 16, 3, 5), (1, 16, 3, 2)),
    0: ((1, 16, 3, 5), (2, 16, 3, 5)),
}.items():
    one("Concat", f"axis{axis}", *(x(*s) for s in shapes), axis=axis)
one("Concat", "odd_channels", x(1, 3, 7, 5), x(1, 5, 7, 5), x(1, 1, 7, 5), axis=1)
one("Concat", "different_ranges", x(1, 16, 7, 5, low=-1, high=1), x(1, 16, 7, 5, low=0, high=9), axis=1)
one("Concat", "constant", x(1, 16, 7, 5), w(1, 8, 7, 5, scale=1), axis=1)
one("Concat", "twice_the_same", x(1, 16, 7, 5), lambda g: "x0", axis=1)
one("Concat", "3d_axis2", x(1, 12, 8), x(1, 12, 5), axis=2)
one("Concat", "3d_axis1", x(2, 12, 8), x(2, 3, 8), axis=1)
one("Concat", "2d_axis1", x(3, 20), x(3, 9), axis=1)
one("Concat", "2d_axis0", x(3, 20), x(2, 20), axis=0)
one("Concat", "five", *(x(1, 8, 5, 5) for _ in range(5)), axis=1)
one("Concat", "5d_axis2", x(1, 2, 3, 4, 5), x(1, 2, 2, 4, 5), axis=2)

for name, (shape, axis, parts) in {
    "halves": ((1, 32, 7, 5), 1, (16, 16)),
    "uneven": ((1, 32, 7, 5), 1, (5, 20, 7)),
    "rows": ((1, 16, 9, 5), 2, (4, 5)),
    "columns": ((1, 16, 9, 8), 3, (2, 6)),
    "batch": ((3, 16, 5, 5), 0, (1, 2)),
    "3d": ((1, 12, 20), 2, (8, 12)),
    "3d_heads": ((2, 12, 24), 2, (8, 8, 8)),
    "2d": ((3, 33), 1, (11, 22)),
    "ones": ((1, 4, 7, 5), 1, (1, 1, 1, 1)),
}.items():
    one("Split", name, x(*shape), ints(*parts), axis=axis, outputs=len(parts))
one("Split", "equal", x(1, 24, 5, 6), axis=1, outputs=3)


@network("Split")
def channel_shuffle(g):
    a, b = g.op("Split", g.input("x", 1, 32, 7, 5), g.ints(16, 16), axis=1, outputs=2)
    y = g.op("Concat", a, g.relu(g.conv(b, 16, 16, k=1)), axis=1)
    y = g.op("Transpose", g.op("Reshape", y, g.ints(1, 2, 16, 7, 5)), perm=[0, 2, 1, 3, 4])
    g.output(g.op("Reshape", y, g.ints(1, 32, 7, 5)))


BIG = 2**31 - 1
for name, (shape, starts, ends, axes, steps) in {
    "channels": ((1, 32, 7, 5), [8], [24], [1], [1]),
    "channels_odd": ((1, 32, 7, 5), [3], [20], [1], [1]),
    "channels_step2": ((1, 32, 7, 5), [0], [32], [1], [2]),
    "rows": ((1, 16, 12, 10), [2], [9], [2], [1]),
    "rows_step2": ((1, 16, 12, 10), [0], [BIG], [2], [2]),
    "both_step2": ((1, 16, 12, 10), [1, 0], [BIG, BIG], [2, 3], [2, 2]),
    "focus": ((1, 3, 16, 16), [0, 1], [BIG, BIG], [2, 3], [2, 2]),
    "columns_step3": ((1, 16, 12, 10), [1], [10], [3], [3]),
    "negative_ends": ((1, 16, 12, 10), [-5], [-1], [2], [1]),
    "reversed": ((1, 16, 12, 10), [-1], [-BIG], [3], [-1]),
    "reversed_step2": ((1, 16, 12, 10), [-1], [-BIG], [2], [-2]),
    "reversed_channels": ((1, 3, 12, 10), [-1], [-BIG], [1], [-1]),
    "batch": ((3, 16, 5, 5), [1], [3], [0], [1]),
    "3d": ((1, 12, 20), [2, 4], [10, 19], [1, 2], [1, 1]),
    "3d_cls": ((2, 12, 20), [0], [1], [1], [1]),
    "2d": ((3, 33), [5], [30], [1], [1]),
    "5d": ((1, 2, 8, 5, 6), [2], [6], [2], [1]),
    "four_axes": ((2, 16, 12, 10), [0, 2, 3, 1], [1, 14, 9, 10], [0, 1, 2, 3], [1, 3, 2, 1]),
}.items():
    one("Slice", name, x(*shape), ints(*starts), ints(*ends), ints(*axes), ints(*steps))

for name, (shape, pads) in {
    "map": ((1, 16, 9, 7), (0, 0, 1, 2, 0, 0, 3, 1)),
    "rows": ((1, 16, 9, 7), (0, 0, 2, 0, 0, 0, 0, 0)),
    "channels": ((1, 16, 9, 7), (0, 3, 0, 0, 0, 5, 0, 0)),
    "c3": ((1, 3, 9, 7), (0, 0, 2, 2, 0, 0, 2, 2)),
    "batch2": ((2, 8, 5, 6), (0, 0, 1, 1, 0, 0, 1, 1)),
    "3d": ((1, 12, 20), (0, 1, 2, 0, 0, 3)),
    "2d": ((3, 33), (0, 2, 1, 0)),
}.items():
    one("Pad", f"{name}_zero", x(*shape), ints(*pads), mode="constant")
    one("Pad", f"{name}_value", x(*shape), ints(*pads), f32(0.75)[0], mode="constant")
    if name != "channels":
        one("Pad", f"{name}_edge", x(*shape), ints(*pads), mode="edge")
        one("Pad", f"{name}_reflect", x(*shape), ints(*pads), mode="reflect")
one("Pad", "wrap", x(1, 16, 9, 7), ints(0, 0, 1, 2, 0, 0, 1, 2), mode="wrap", opset=19)
one("Pad", "cropping", x(1, 16, 9, 7), ints(0, 0, -1, -2, 0, 0, -1, 0), mode="constant")
one("Pad", "value_outside_range", x(1, 16, 9, 7, low=0, high=1), ints(0, 0, 1, 1, 0, 0, 1, 1), f32(-5)[0])

for name, (shape, to) in {
    "map": ((1, 16, 1, 1), (1, 16, 9, 7)),
    "row": ((1, 16, 1, 7), (1, 16, 9, 7)),
    "channels": ((1, 1, 9, 7), (1, 16, 9, 7)),
    "batch": ((1, 16, 5, 6), (3, 16, 5, 6)),
    "rank": ((9, 7), (1, 16, 9, 7)),
    "3d": ((1, 1, 20), (1, 12, 20)),
    "2d": ((3, 1), (3, 33)),
    "ones": ((1, 16, 9, 7), (1, 1, 1, 1)),
}.items():
    one("Expand", name, x(*shape), ints(*to))
for name, (shape, times) in {
    "map": ((1, 16, 3, 4), (1, 1, 2, 3)),
    "channels": ((1, 16, 3, 4), (1, 2, 1, 1)),
    "channels_odd": ((1, 5, 3, 4), (1, 3, 1, 1)),
    "batch": ((1, 16, 3, 4), (3, 1, 1, 1)),
    "all": ((2, 3, 4, 5), (2, 2, 2, 2)),
    "3d": ((1, 12, 5), (1, 2, 3)),
    "2d": ((3, 5), (2, 4)),
}.items():
    one("Tile", name, x(*shape), ints(*times))

for mode in ("DCR", "CRD"):
    one("DepthToSpace", f"b2_{mode.lower()}", x(1, 16, 5, 6), blocksize=2, mode=mode)
    one("DepthToSpace", f"b3_{mode.lower()}", x(1, 27, 5, 4), blocksize=3, mode=mode)
    one("DepthToSpace", f"batch2_{mode.lower()}", x(2, 12, 5, 4), blocksize=2, mode=mode)
one("SpaceToDepth", "b2", x(1, 16, 6, 8), blocksize=2)
one("SpaceToDepth", "b2_c3", x(1, 3, 6, 8), blocksize=2)
one("SpaceToDepth", "b4", x(1, 5, 8, 12), blocksize=4)

for name, (shape, index, axis) in {
    "channels": ((1, 16, 5, 6), [3, 0, 15, 7], 1),
    "negative": ((1, 16, 5, 6), [-1, 2, -16], 1),
    "rows": ((1, 16, 5, 6), [4, 1], 2),
    "columns_2d_index": ((1, 16, 5, 6), [[4, 1], [0, 3]], 3),
    "scalar": ((1, 16, 5, 6), 2, 1),
    "batch": ((3, 16, 5, 6), [2, 0], 0),
    "3d": ((1, 12, 20), [1, 5, 5], 1),
    "3d_scalar": ((3, 12, 20), 1, 0),
    "2d": ((6, 40), [5, 0, 2], 0),
}.items():
    one("Gather", name, x(*shape), np.array(index, np.int64), axis=axis)
one("Gather", "embedding", w(50, 24, scale=1), x(1, 9, dtype="int64", sample=ids(50)), axis=0)
one("Gather", "embedding_axis1", w(6, 50, scale=1), x(9, dtype="int64", sample=ids(50)), axis=1)
one("Gather", "embedding_int32", w(50, 24, scale=1), x(1, 9, dtype="int32", sample=ids(50)), axis=0)
one("Gather", "both_inputs", x(8, 24), x(5, dtype="int64", sample=ids(8)), axis=0)
pick = np.random.default_rng(5)
for axis in (0, 1, 2, 3):
    shape = (2, 6, 5, 4)
    one("GatherElements", f"axis{axis}", x(*shape), pick.integers(0, shape[axis], (2, 4, 3, 2)), axis=axis)
one("GatherElements", "3d", x(1, 12, 20), pick.integers(0, 12, (1, 7, 20)), axis=1)
one("GatherElements", "index_input", x(3, 12), x(3, 5, dtype="int64", sample=ids(12)), axis=1)
one("GatherElements", "negative", x(3, 12), pick.integers(-12, 0, (3, 5)), axis=1)
one("GatherND", "rows", x(6, 8, 5), np.array([[0], [5], [2]]))
one("GatherND", "cells", x(6, 8, 5), np.array([[0, 1], [5, 7], [2, 2]]))
one("GatherND", "batch_dims", x(2, 8, 5), np.array([[1], [7]]), batch_dims=1)
one("GatherND", "4d", x(1, 6, 8, 5), np.array([[[0, 1, 2], [0, 5, 7]]]))
one("ScatterND", "rows", x(6, 8, 5), np.array([[1], [4]]), x(2, 8, 5))
one("ScatterND", "cells", x(6, 8, 5), np.array([[0, 1], [5, 7], [2, 2]]), x(3, 5))
one("ScatterND", "elements", x(4, 5), np.array([[0, 1], [3, 4]]), x(2))
one("ScatterND", "const_updates", x(1, 6, 8, 5), np.array([[0, 1], [0, 4]]), w(2, 8, 5, scale=1))
for reduction in ("add", "mul"):
    one("ScatterND", reduction, x(6, 8), np.array([[1], [4]]), x(2, 8), reduction=reduction, opset=16)
for axis in (0, 1, 2):
    unique = np.argsort(pick.random((3, 3, 4)), axis=axis)
    one("ScatterElements", f"axis{axis}", x(5, 6, 7), unique, x(3, 3, 4), axis=axis)
one("ScatterElements", "add", x(5, 6), np.array([[0, 1, 1], [2, 2, 4]]), x(2, 3), axis=1, reduction="add", opset=16)

for k, axis, largest in ((3, 1, 1), (5, 3, 1), (1, 1, 1), (4, 2, 0)):
    one(
        "TopK",
        f"k{k}_axis{axis}" + ("" if largest else "_smallest"),
        x(1, 16, 9, 7),
        ints(k),
        axis=axis,
        largest=largest,
        outputs=2,
        out=("float32", "int64"),
        kinds=("fp16",),
    )
one("TopK", "3d", x(1, 12, 20), ints(4), axis=-1, outputs=2, out=("float32", "int64"), kinds=("fp16",))


@network("TopK")
def values_only(g):
    g.output(g.op("TopK", g.input("x", 1, 100), g.ints(10), axis=1, outputs=2)[0])


for kind in ("ArgMax", "ArgMin"):
    for name, (shape, axis, keep) in {
        "channels": ((1, 16, 9, 7), 1, 1),
        "channels_dropped": ((1, 16, 9, 7), 1, 0),
        "rows": ((1, 16, 9, 7), 2, 1),
        "columns": ((1, 16, 9, 7), 3, 0),
        "3d": ((1, 12, 20), -1, 1),
        "2d": ((3, 33), 1, 0),
        "batch2": ((2, 8, 5, 6), 1, 1),
    }.items():
        one(
            kind,
            name,
            x(*shape),
            axis=axis,
            keepdims=keep,
            out="int64",
            kinds=("i8", "fp16") if name == "channels" else ("fp16",),
        )
for exclusive in (0, 1):
    for reverse in (0, 1):
        one(
            "CumSum",
            f"e{exclusive}_r{reverse}",
            x(1, 16, 9, 7),
            np.array(2, np.int64),
            exclusive=exclusive,
            reverse=reverse,
        )
one("CumSum", "channels", x(1, 16, 9, 7, low=-1, high=1), np.array(1, np.int64))
one("CumSum", "2d", x(3, 33, low=-1, high=1), np.array(1, np.int64))
one("NonZero", "plain", x(4, 6), out="int64")
one("OneHot", "ids", x(1, 9, dtype="int64", sample=ids(6)), np.array(6, np.int64), f32(0, 1), axis=-1)
one("OneHot", "axis1", x(2, 9, dtype="int64", sample=ids(6)), np.array(6, np.int64), f32(-1, 2), axis=1)
one("Trilu", "upper", x(1, 4, 9, 9), opset=14)
one("Trilu", "lower", x(1, 4, 9, 9), np.array(1, np.int64), upper=0, opset=14)
one("ReverseSequence", "whole", x(7, 2, 8), ints(7, 7), time_axis=0, batch_axis=1)
one("ReverseSequence", "parts", x(7, 2, 8), ints(5, 7), time_axis=0, batch_axis=1)
one("EyeLike", "map", x(6, 6))
one("Shape", "shape", x(1, 16, 9, 7), out="int64")
one("Size", "size", x(1, 16, 9, 7), out="int64")
one("Compress", "channels", x(1, 4, 5, 6), np.array([1, 0, 1, 1], bool), axis=1)
one("Unique", "sorted", x(12), out="float32")


@network("ConstantOfShape")
def added(g):
    shape = g.op("Shape", g.input("x", 1, 16, 9, 7))
    g.output(g.op("Add", "x", g.op("ConstantOfShape", shape)))


@network("Range")
def positions(g):
    n = g.op("Range", g.const(np.int64(0)), g.const(np.int64(12)), g.const(np.int64(1)))
    g.output(g.op("Add", g.input("x", 3, 12), to_float(g, n)))


@network("Concat")
def shape_arithmetic(g):
    """What exporters leave of a dynamic view(n, -1)."""
    v = g.relu(g.input("x", 1, 16, 5, 6))
    n = g.op("Unsqueeze", g.op("Gather", g.op("Shape", v), g.const(np.int64(0)), axis=0), g.ints(0))
    g.output(g.op("Reshape", v, g.op("Concat", n, g.ints(-1), axis=0)))


@network("If")
def constant_condition(g):
    import onnx
    from onnx import helper

    def branch(name, kind):
        node = helper.make_node(kind, ["x"], [name])
        value = helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [1, 16, 5, 6])
        return helper.make_graph([node], name, [], [value])

    g.input("x", 1, 16, 5, 6)
    g.output(g.op("If", g.const(np.array(True)), then_branch=branch("yes", "Relu"), else_branch=branch("no", "Neg")))


one("Clip", "of_scalar_input", x(1), scalar(-1), scalar(1))
