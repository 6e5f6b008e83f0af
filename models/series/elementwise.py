"""Functions of one, two and three operands, comparisons, conversions."""

import numpy as np
from case import f32, network, one, scalar, to_float, w, x
from graph import ids

ALL = ("i8", "fp16", "i16")
SHAPES = {"4d": (1, 16, 9, 7), "c5": (1, 5, 11, 3), "3d": (1, 12, 20), "2d": (3, 33), "batch2": (2, 8, 5, 6)}

# operator: (least, most, opset, variants of attributes)
FUNCTIONS = {
    "Abs": (-3, 3, 13, {"": {}}),
    "Acos": (-0.95, 0.95, 13, {"": {}}),
    "Acosh": (1.1, 6, 13, {"": {}}),
    "Asin": (-0.95, 0.95, 13, {"": {}}),
    "Asinh": (-3, 3, 13, {"": {}}),
    "Atan": (-3, 3, 13, {"": {}}),
    "Atanh": (-0.9, 0.9, 13, {"": {}}),
    "Ceil": (-3, 3, 13, {"": {}}),
    "Celu": (-3, 3, 13, {"": {}, "_a2": {"alpha": 2.0}}),
    "Cos": (-4, 4, 13, {"": {}}),
    "Cosh": (-2, 2, 13, {"": {}}),
    "Elu": (-3, 3, 13, {"": {}, "_a03": {"alpha": 0.3}, "_a2": {"alpha": 2.0}}),
    "Erf": (-2, 2, 13, {"": {}}),
    "Exp": (-3, 2, 13, {"": {}}),
    "Floor": (-3, 3, 13, {"": {}}),
    "Gelu": (-4, 4, 20, {"": {}, "_tanh": {"approximate": "tanh"}}),
    "HardSigmoid": (-4, 4, 13, {"": {}, "_sixth": {"alpha": 1 / 6, "beta": 0.5}, "_b3": {"alpha": 0.3, "beta": 0.3}}),
    "HardSwish": (-5, 5, 14, {"": {}}),
    "Identity": (-3, 3, 13, {"": {}}),
    "IsInf": (-3, 3, 13, {"": {}}),
    "IsNaN": (-3, 3, 13, {"": {}}),
    "LeakyRelu": (-3, 3, 13, {"": {}, "_a03": {"alpha": 0.3}, "_negative": {"alpha": -0.5}, "_a2": {"alpha": 2.0}}),
    "Log": (0.1, 5, 13, {"": {}}),
    "Mish": (-4, 4, 18, {"": {}}),
    "Neg": (-3, 3, 13, {"": {}}),
    "Reciprocal": (0.3, 4, 13, {"": {}}),
    "Relu": (-3, 3, 13, {"": {}}),
    "Round": (-3, 3, 13, {"": {}}),
    "Selu": (-3, 3, 13, {"": {}, "_other": {"alpha": 1.2, "gamma": 0.8}}),
    "Shrink": (-3, 3, 13, {"": {}, "_soft": {"lambd": 0.7, "bias": 0.7}}),
    "Sigmoid": (-6, 6, 13, {"": {}}),
    "Sign": (-3, 3, 13, {"": {}}),
    "Sin": (-4, 4, 13, {"": {}}),
    "Sinh": (-2, 2, 13, {"": {}}),
    "Softplus": (-5, 5, 13, {"": {}}),
    "Softsign": (-4, 4, 13, {"": {}}),
    "Sqrt": (0, 5, 13, {"": {}}),
    "Tan": (-1.2, 1.2, 13, {"": {}}),
    "Tanh": (-3, 3, 13, {"": {}}),
    "ThresholdedRelu": (-3, 3, 13, {"": {}, "_a05": {"alpha": 0.5}}),
}
for kind, (low, high, opset, variants) in FUNCTIONS.items():
    boolean = kind in ("IsInf", "IsNaN")
    for suffix, attributes in variants.items():
        for shape_name in ("4d", "c5", "3d", "2d", "batch2") if not suffix else ("4d",):
            one(
                kind,
                shape_name + suffix,
                x(*SHAPES[shape_name], low=low, high=high),
                opset=opset,
                then=to_float if boolean else None,
                kinds=ALL if shape_name == "4d" and kind in ("Relu", "Sigmoid", "Tanh", "Abs") else ("i8", "fp16"),
                **attributes,
            )

CLIPS = {"both": (-0.5, 1.2), "six": (0.0, 6.0), "low": (-0.7, None), "high": (None, 0.6), "below": (-2.0, -0.3)}
for name, (low, high) in CLIPS.items():
    bounds = [scalar(low) if low is not None else "", *([scalar(high)] if high is not None else [])]
    one("Clip", name, x(1, 16, 9, 7, low=-3, high=7), *bounds)
one("Clip", "3d", x(1, 12, 20), scalar(-1), scalar(1))

for name, slope in {
    "channel": (16, 1, 1),
    "channel_4d": (1, 16, 1, 1),
    "one": (1, 1, 1),
    "element": (16, 9, 7),
    "width": (7,),
}.items():
    one("PRelu", name, x(1, 16, 9, 7), w(*slope, scale=0.3))
one("PRelu", "3d", x(1, 12, 20), w(12, 1, scale=0.3))
one("PRelu", "input", x(1, 16, 9, 7), x(1, 16, 1, 1))
one("PRelu", "c5", x(1, 5, 9, 7), w(5, 1, 1, scale=0.3))

PAIRS = {
    "same": ((1, 16, 9, 7), (1, 16, 9, 7)),
    "c5": ((1, 5, 9, 7), (1, 5, 9, 7)),
    "channel": ((1, 16, 9, 7), (1, 16, 1, 1)),
    "channel_left": ((1, 16, 1, 1), (1, 16, 9, 7)),
    "space": ((1, 16, 9, 7), (1, 1, 9, 7)),
    "row": ((1, 16, 9, 7), (1, 16, 9, 1)),
    "width": ((1, 16, 9, 7), (1, 1, 1, 7)),
    "rank": ((1, 16, 9, 7), (9, 7)),
    "cross": ((1, 16, 1, 7), (1, 1, 9, 1)),
    "batch2": ((2, 16, 5, 6), (2, 16, 5, 6)),
    "batch_bcast": ((2, 16, 5, 6), (1, 16, 5, 6)),
    "3d": ((1, 12, 20), (1, 12, 20)),
    "3d_bcast": ((4, 12, 20), (1, 1, 20)),
    "2d": ((3, 33), (3, 33)),
    "2d_bcast": ((3, 33), (3, 1)),
    "5d": ((1, 2, 4, 5, 6), (1, 2, 4, 5, 6)),
}
ARITHMETIC = ("Add", "Sub", "Mul", "Div", "Max", "Min", "Pow", "Mod")
for kind in ARITHMETIC:
    for name, (a, b) in PAIRS.items():
        low = 0.3 if kind in ("Div", "Pow", "Mod") else -2
        left = x(*a, low=0.1 if kind == "Pow" else -2)
        extra = {"fmod": 1} if kind == "Mod" else {}
        kinds = ALL if name == "same" and kind in ("Add", "Sub", "Mul", "Max") else ("i8", "fp16")
        one(kind, name, left, x(*b, low=low), kinds=kinds, **extra)
    if kind == "Mod":
        continue
    one(kind, "const_scalar", x(1, 16, 9, 7, low=0.1 if kind == "Pow" else -2), scalar(1.5))
    one(kind, "const_negative", x(1, 16, 9, 7, low=0.4 if kind == "Pow" else -2), scalar(-0.6))
    one(kind, "const_channel", x(1, 16, 9, 7, low=0.1), np.linspace(0.4, 2, 16, dtype=np.float32).reshape(1, 16, 1, 1))
    one(kind, "const_left", np.linspace(0.4, 2, 16, dtype=np.float32).reshape(1, 16, 1, 1), x(1, 16, 9, 7, low=0.3))
    one(
        kind,
        "const_full",
        x(1, 6, 9, 7, low=0.1),
        lambda g: g.const(np.abs(g.rng.standard_normal((1, 6, 9, 7))).astype("f4") + 0.3),
    )
    one(kind, "const_width", x(1, 12, 20, low=0.1), np.linspace(0.4, 2, 20, dtype=np.float32))
    one(kind, "const_2d", x(3, 33, low=0.1), np.linspace(0.4, 2, 33, dtype=np.float32))
for exponent in (2, 3, 0.5, -0.5, -1, 1, 4):
    one("Pow", f"to_{exponent}".replace(".", "_").replace("-", "minus_"), x(1, 16, 9, 7, low=0.3), scalar(exponent))
one("Pow", "negative_base_squared", x(1, 16, 9, 7), scalar(2))
one("Pow", "negative_base_cubed", x(1, 16, 9, 7), scalar(3))

for kind in ("Sum", "Mean", "Max", "Min"):
    one(kind, "three", x(1, 16, 9, 7), x(1, 16, 9, 7), x(1, 16, 9, 7))
    one(kind, "one", x(1, 16, 9, 7))
one("Sum", "two", x(1, 16, 9, 7), x(1, 16, 9, 7))

for kind in ("Less", "LessOrEqual", "Greater", "GreaterOrEqual", "Equal"):
    opset = 16 if kind.endswith("OrEqual") else 13
    for name in ("same", "channel", "3d", "2d", "batch2"):
        a, b = PAIRS[name]
        one(kind, name, x(*a), x(*b), then=to_float, opset=opset)
    one(kind, "const", x(1, 16, 9, 7), scalar(0.25), then=to_float, opset=opset)
    one(kind, "bool_output", x(1, 16, 9, 7), x(1, 16, 9, 7), out="bool", opset=opset)


def compare(g, n, shape):
    return g.op("Greater", g.input(f"x{n}", *shape), g.const(scalar(0.1 * n)))


for kind in ("And", "Or", "Xor"):

    @network(kind)
    def same(g, kind=kind):
        g.output(to_float(g, g.op(kind, compare(g, 0, (1, 16, 9, 7)), compare(g, 1, (1, 16, 9, 7)))))

    @network(kind)
    def bcast(g, kind=kind):
        g.output(to_float(g, g.op(kind, compare(g, 0, (1, 16, 9, 7)), compare(g, 1, (1, 16, 1, 1)))))


@network("Not")
def not_4d(g):
    g.output(to_float(g, g.op("Not", compare(g, 0, (1, 16, 9, 7)))))


for name, (c, a, b) in {
    "same": ((1, 16, 9, 7), (1, 16, 9, 7), (1, 16, 9, 7)),
    "mask": ((1, 1, 9, 7), (1, 16, 9, 7), (1, 16, 9, 7)),
    "scalar": ((1, 16, 9, 7), (1, 16, 9, 7), (1,)),
    "3d": ((1, 12, 20), (1, 12, 20), (1, 12, 20)),
    "batch2": ((2, 8, 5, 6), (2, 8, 5, 6), (2, 8, 5, 6)),
}.items():

    def where(g, c=c, a=a, b=b):
        other = g.input("b", *b) if b != (1,) else g.const(f32(-1.5))
        g.output(g.op("Where", compare(g, 0, c), g.input("a", *a), other))

    where.__name__ = name
    network("Where")(where)


@network("Where")
def const_mask(g):
    mask = g.const(np.tril(np.ones((20, 20), bool)).reshape(1, 1, 20, 20))
    g.output(g.op("Where", mask, g.input("a", 1, 4, 20, 20), g.const(f32(-8))))


@network("Where")
def bool_input(g):
    mask = g.input("mask", 1, 16, 9, 7, sample=ids(2), dtype="bool")
    g.output(g.op("Where", mask, g.input("a", 1, 16, 9, 7), g.input("b", 1, 16, 9, 7)))


for name, to in {"int32": 6, "int64": 7, "bool": 9, "float16": 10}.items():
    one("Cast", f"to_{name}_and_back", x(1, 16, 9, 7, low=-5, high=5), to=to, then=to_float)
one("Cast", "to_int64_output", x(1, 16, 9, 7, low=-5, high=5), to=7, out="int64")
one("Cast", "to_int32_output", x(1, 16, 9, 7, low=-5, high=5), to=6, out="int32")
for dtype in ("int64", "int32"):
    one("Cast", f"from_{dtype}", x(1, 16, 9, 7, dtype=dtype, sample=ids(9)), to=1)
one("Add", "int64", x(1, 4, 6, dtype="int64", sample=ids(9)), x(1, 4, 6, dtype="int64", sample=ids(9)), out="int64")
one("Mul", "int32", x(1, 4, 6, dtype="int32", sample=ids(9)), x(1, 4, 6, dtype="int32", sample=ids(9)), out="int32")
one("Dropout", "inference", x(1, 16, 9, 7))
one("Hardmax", "axis1", x(1, 16, 9, 7), axis=1)
one("BitShift", "left", x(1, 16, dtype="int64", sample=ids(9)), np.array([1], np.int64), direction="LEFT", out="int64")


@network("QuantizeLinear")
def and_back(g):
    scale, zero = g.const(f32(0.0473)[0]), g.const(np.int8(3))  # no input lies in the middle of two steps
    g.output(g.op("DequantizeLinear", g.op("QuantizeLinear", g.input("x", 1, 16, 9, 7), scale, zero), scale, zero))
