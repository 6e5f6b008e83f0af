"""Pools, reductions, resizing, sampling."""

import numpy as np
from case import f32, ints, network, one, x


def pool(kind, name, shape, kernel, **attributes):
    kernel = [kernel] * (len(shape) - 2) if isinstance(kernel, int) else kernel
    one(kind, name, x(*shape, low=-1.5, high=2.5), kernel_shape=kernel, **attributes)


ALL = ("i8", "fp16", "i16")
for kind in ("MaxPool", "AveragePool"):
    pool(kind, "k2_s2", (1, 16, 12, 10), 2, strides=[2, 2], kinds=ALL)
    pool(kind, "k2_s2_odd", (1, 16, 13, 11), 2, strides=[2, 2])
    pool(kind, "k2_s2_ceil", (1, 16, 13, 11), 2, strides=[2, 2], ceil_mode=1)
    pool(kind, "k3_s2_p1", (1, 16, 13, 11), 3, strides=[2, 2], pads=[1, 1, 1, 1])
    pool(kind, "k3_s2_p1_ceil", (1, 16, 12, 10), 3, strides=[2, 2], pads=[1, 1, 1, 1], ceil_mode=1)
    pool(kind, "k3_s1_p1", (1, 20, 9, 7), 3, pads=[1, 1, 1, 1])
    pool(kind, "k5_s1_p2", (1, 16, 13, 11), 5, pads=[2, 2, 2, 2])
    pool(kind, "k9_s1_p4", (1, 16, 20, 20), 9, pads=[4, 4, 4, 4])
    pool(kind, "k13_s1_p6", (1, 16, 20, 20), 13, pads=[6, 6, 6, 6])
    pool(kind, "k3x1", (1, 16, 12, 10), [3, 1], strides=[2, 1])
    pool(kind, "k1x3_p01", (1, 16, 12, 10), [1, 3], strides=[1, 2], pads=[0, 1, 0, 1])
    pool(kind, "asympad", (1, 16, 12, 10), 3, strides=[2, 2], pads=[0, 0, 1, 1])
    pool(kind, "k1_s2", (1, 16, 12, 10), 1, strides=[2, 2])
    pool(kind, "c3", (1, 3, 12, 10), 2, strides=[2, 2])
    pool(kind, "c1", (1, 1, 12, 10), 2, strides=[2, 2])
    pool(kind, "c130", (1, 130, 6, 6), 3, strides=[1, 1])
    pool(kind, "batch2", (2, 16, 8, 9), 3, strides=[2, 2], pads=[1, 1, 1, 1])
    pool(kind, "whole_map", (1, 24, 7, 7), 7)
    pool(kind, "whole_map_large", (1, 24, 20, 20), 20)
    pool(kind, "bigger_than_map", (1, 16, 4, 4), 5, pads=[2, 2, 2, 2])
    pool(kind, "s3", (1, 16, 15, 15), 2, strides=[3, 3])
    pool(kind, "k8_s8", (1, 16, 32, 32), 8, strides=[8, 8])
    pool(kind, "1d", (1, 16, 40), 3, strides=[2], pads=[1, 1])
    pool(kind, "1d_k2", (1, 16, 40), 2, strides=[2])
    pool(kind, "3d", (1, 4, 6, 8, 8), 2, strides=[2, 2, 2])
    pool(kind, "same_upper", (1, 16, 13, 11), 3, strides=[2, 2], auto_pad="SAME_UPPER")
    pool(kind, "same_lower", (1, 16, 13, 11), 3, strides=[2, 2], auto_pad="SAME_LOWER")
    pool(kind, "dilated", (1, 16, 14, 14), 3, dilations=[2, 2], opset=19)
    pool(kind, "large_map", (1, 8, 120, 90), 3, strides=[2, 2], pads=[1, 1, 1, 1])
    one("Global" + kind, "4d", x(1, 40, 9, 7))
    one("Global" + kind, "c5", x(1, 5, 8, 8))
    one("Global" + kind, "large", x(1, 24, 40, 36))
    one("Global" + kind, "batch2", x(2, 16, 5, 6))
    one("Global" + kind, "3d", x(1, 12, 20))
pool("MaxPool", "dilated_p2", (1, 16, 14, 14), 3, dilations=[2, 2], pads=[2, 2, 2, 2])
for name, kernel, pads, ceil in (
    ("k3_s2_p1", 3, 1, 0),
    ("k3_s2_p1_ceil", 3, 1, 1),
    ("k5_s2_p2", 5, 2, 0),
    ("k2_s2_ceil", 2, 0, 1),
):
    pool(
        "AveragePool",
        f"include_{name}",
        (1, 16, 12, 11),
        kernel,
        strides=[2, 2],
        pads=[pads] * 4,
        ceil_mode=ceil,
        count_include_pad=1,
    )
pool("AveragePool", "include_k3_s1_p1", (1, 16, 12, 11), 3, pads=[1, 1, 1, 1], count_include_pad=1)
pool("LpPool", "p2", (1, 16, 12, 10), 2, strides=[2, 2])
pool("LpPool", "p1", (1, 16, 12, 10), 3, strides=[1, 1], p=1)
one("GlobalLpPool", "p2", x(1, 16, 6, 6))
one("MaxRoiPool", "two", x(1, 16, 12, 12), f32([0, 0, 0, 7, 7], [0, 3, 2, 11, 9]), pooled_shape=[2, 2])
one(
    "RoiAlign",
    "two",
    x(1, 16, 12, 12),
    f32([0.5, 0.5, 7, 7], [3, 2, 11, 9]),
    ints(0, 0),
    output_height=3,
    output_width=3,
    opset=16,
    kinds=("fp16",),
)

REDUCED = {
    "channels": ((1, 16, 6, 5), (1,)),
    "space": ((1, 16, 6, 5), (2, 3)),
    "rows": ((1, 16, 6, 5), (2,)),
    "columns": ((1, 16, 6, 5), (3,)),
    "channels_rows": ((1, 16, 6, 5), (1, 2)),
    "all_but_batch": ((1, 16, 6, 5), (1, 2, 3)),
    "last": ((1, 12, 20), (2,)),
    "3d_middle": ((2, 12, 20), (1,)),
    "2d": ((3, 33), (1,)),
    "batch": ((3, 8, 5, 4), (0,)),
    "5d": ((1, 2, 6, 5, 4), (2,)),
}
for kind in ("Max", "Min", "Mean", "Sum", "Prod", "L1", "L2", "LogSum", "LogSumExp", "SumSquare"):
    few = kind in ("L1", "LogSum", "SumSquare", "LogSumExp", "Prod")
    for name, (shape, axes) in REDUCED.items():
        if few and name not in ("channels", "space", "last", "2d"):
            continue
        source = x(*shape, low=0.7 if kind in ("LogSum", "Prod") else -2, high=1.4 if kind == "Prod" else 2)
        # Until opset 13 (ReduceSum) and 18 (the others) the axes are an attribute.
        operands, attributes = ([ints(*axes)], {}) if kind == "Sum" else ([], {"axes": list(axes)})
        one("Reduce" + kind, name, source, *operands, keepdims=1, **attributes)
        if name in ("channels", "space", "last"):
            one("Reduce" + kind, name + "_dropped", source, *operands, keepdims=0, **attributes)
    if kind != "Sum":
        one("Reduce" + kind, "axes_input", x(1, 16, 6, 5, low=0.5, high=1.5), ints(2, 3), keepdims=1, opset=18)
    one("Reduce" + kind, "all", x(1, 4, 3, 5, low=0.7, high=1.4), keepdims=0)

SCALES = {
    "x2": (2, 2),
    "x3": (3, 3),
    "x4": (4, 4),
    "x2x1": (2, 1),
    "x1_5": (1.5, 1.5),
    "half": (0.5, 0.5),
    "x8": (8, 8),
}
MODES = ("half_pixel", "pytorch_half_pixel", "align_corners", "asymmetric")
for coordinates in MODES:
    for name, (h, v) in SCALES.items():
        if name in ("x8", "x2x1") and coordinates != "asymmetric":
            continue
        for mode, rounding in (("nearest", "floor"), ("nearest", "round_prefer_floor"), ("linear", None)):
            if rounding == "round_prefer_floor" and name not in ("x2", "x1_5"):
                continue
            extra = {"nearest_mode": rounding} if rounding else {}
            one(
                "Resize",
                f"{mode}_{coordinates}_{name}" + ("_rpf" if rounding == "round_prefer_floor" else ""),
                x(1, 16, 8, 6),
                "",
                f32(1, 1, h, v),
                mode=mode,
                coordinate_transformation_mode=coordinates,
                **extra,
            )
for rounding in ("ceil", "round_prefer_ceil"):
    for coordinates in ("half_pixel", "asymmetric"):
        one(
            "Resize",
            f"nearest_{coordinates}_{rounding}",
            x(1, 16, 8, 6),
            "",
            f32(1, 1, 1.5, 2.5),
            mode="nearest",
            coordinate_transformation_mode=coordinates,
            nearest_mode=rounding,
        )
for name, size in {
    "sizes_16_12": (16, 12),
    "sizes_13_20": (13, 20),
    "sizes_5_3": (5, 3),
    "sizes_1": (1, 1),
    "sizes_80": (80, 60),
}.items():
    for mode in ("nearest", "linear"):
        one(
            "Resize",
            f"{mode}_{name}",
            x(1, 16, 8, 6),
            "",
            "",
            ints(1, 16, *size),
            mode=mode,
            coordinate_transformation_mode="half_pixel",
        )
        one(
            "Resize",
            f"{mode}_{name}_corners",
            x(1, 16, 8, 6),
            "",
            "",
            ints(1, 16, *size),
            mode=mode,
            coordinate_transformation_mode="align_corners",
        )
for coordinates in (
    "half_pixel",
    "asymmetric",
    "align_corners",
    "pytorch_half_pixel",
):  # sizes that the scales do not divide
    for mode in ("nearest", "linear"):
        one(
            "Resize",
            f"{mode}_{coordinates}_uneven",
            x(1, 16, 7, 9),
            "",
            f32(1, 1, 1.3, 1.7),
            mode=mode,
            coordinate_transformation_mode=coordinates,
        )
one(
    "Resize",
    "linear_half_pixel_shrunk_unevenly",
    x(1, 16, 11, 13),
    "",
    f32(1, 1, 0.6, 0.35),
    mode="linear",
    coordinate_transformation_mode="half_pixel",
)
one(
    "Resize",
    "linear_c3",
    x(1, 3, 8, 6),
    "",
    f32(1, 1, 2, 2),
    mode="linear",
    coordinate_transformation_mode="half_pixel",
)
one(
    "Resize",
    "linear_c21_x2",
    x(1, 21, 7, 5),
    "",
    f32(1, 1, 2, 2),
    mode="linear",
    coordinate_transformation_mode="half_pixel",
)
one(
    "Resize",
    "linear_batch2",
    x(2, 16, 8, 6),
    "",
    f32(1, 1, 2, 2),
    mode="linear",
    coordinate_transformation_mode="half_pixel",
)
one(
    "Resize",
    "nearest_batch2",
    x(2, 16, 8, 6),
    "",
    f32(1, 1, 2, 2),
    mode="nearest",
    coordinate_transformation_mode="asymmetric",
    nearest_mode="floor",
)
one(
    "Resize",
    "nearest_3d",
    x(1, 16, 20),
    "",
    f32(1, 1, 2),
    mode="nearest",
    coordinate_transformation_mode="asymmetric",
    nearest_mode="floor",
)
one("Resize", "linear_3d", x(1, 16, 20), "", f32(1, 1, 2), mode="linear", coordinate_transformation_mode="half_pixel")
one(
    "Resize",
    "linear_x2_large",
    x(1, 32, 40, 40),
    "",
    f32(1, 1, 2, 2),
    mode="linear",
    coordinate_transformation_mode="half_pixel",
)
one(
    "Resize", "cubic_x2", x(1, 16, 8, 6), "", f32(1, 1, 2, 2), mode="cubic", coordinate_transformation_mode="half_pixel"
)
one("Resize", "antialias_half", x(1, 16, 8, 6), "", f32(1, 1, 0.5, 0.5), mode="linear", antialias=1, opset=18)
one("Upsample", "nearest_x2", x(1, 16, 8, 6), f32(1, 1, 2, 2), mode="nearest", opset=9)
one("Upsample", "linear_x2", x(1, 16, 8, 6), f32(1, 1, 2, 2), mode="linear", opset=9)


@network("Resize")
def after_convolution(g):
    y = g.relu(g.conv(g.input("x", 1, 16, 9, 7), 16, 24))
    up = g.op("Resize", y, "", g.const(f32(1, 1, 2, 2)), mode="linear", coordinate_transformation_mode="half_pixel")
    g.output(g.conv(up, 24, 16, k=1))


for mode in ("bilinear", "nearest", "bicubic"):
    for padding in ("zeros", "border", "reflection"):
        for corners in (0, 1):
            one(
                "GridSample",
                f"{mode}_{padding}_{corners}",
                x(1, 8, 9, 7),
                x(1, 5, 6, 2, low=-1.2, high=1.2),
                mode=mode,
                padding_mode=padding,
                align_corners=corners,
                opset=16,
                kinds=("fp16",) if mode == "nearest" else ("i8", "fp16"),
            )
one("GridSample", "batch2", x(2, 8, 9, 7), x(2, 5, 6, 2, low=-1, high=1), opset=16)


def identity_grid(g):
    v, u = np.mgrid[-1:1:9j, -1:1:7j].astype(np.float32)
    return g.const(np.stack([u, v * 0.8], -1)[None])


one("GridSample", "constant_grid", x(1, 8, 9, 7), identity_grid, opset=16)
one("AffineGrid", "rotated", x(1, 2, 3, low=-1, high=1), ints(1, 8, 9, 7), opset=20)
one("CenterCropPad", "crop", x(1, 16, 9, 7), ints(1, 16, 5, 5), opset=18)
one("MaxUnpool", "k2", x(1, 4, 3, 3), np.arange(36).reshape(1, 4, 3, 3) * 4, kernel_shape=[2, 2], strides=[2, 2])
one("Col2Im", "k2", x(1, 20, 12), ints(6, 8), ints(2, 2), strides=[2, 2], opset=18)
