"""Convolutions, transposed convolutions and products of matrices."""

import numpy as np
from case import f32, network, one, scalar, w, x

ALL = ("i8", "fp16", "i16")


def conv(name, shape, out, kernel, *, group=1, bias=True, then=None, kinds=("i8", "fp16"), **attributes):
    kernel = [kernel] * (len(shape) - 2) if isinstance(kernel, int) else kernel
    operands = [x(*shape), w(out, shape[1] // group, *kernel)] + ([w(out, scale=0.3)] if bias else [])
    one("Conv", name, *operands, kernel_shape=kernel, group=group, then=then, kinds=kinds, **attributes)


conv("k1", (1, 32, 9, 7), 40, 1, kinds=ALL)
conv("k1_s3", (1, 19, 16, 13), 12, 1, strides=[3, 3])
conv("k1_large", (1, 512, 4, 4), 300, 1)
conv("k3", (1, 16, 14, 14), 24, 3, pads=[1, 1, 1, 1], kinds=ALL)
conv("k3_no_bias", (1, 16, 14, 14), 24, 3, bias=False)
conv("k3_c1", (1, 1, 28, 28), 6, 3, pads=[1, 1, 1, 1])
conv("k3_c2", (1, 2, 15, 17), 9, 3, pads=[1, 1, 1, 1])
conv("k3_c3_s2", (1, 3, 33, 31), 16, 3, strides=[2, 2], pads=[1, 1, 1, 1])
conv("k3_c4", (1, 4, 12, 20), 7, 3)
conv("k3_c5", (1, 5, 12, 20), 7, 3)
conv("k3_s12", (1, 16, 15, 17), 16, 3, strides=[1, 2], pads=[1, 1, 1, 1])
conv("k3_s21", (1, 16, 15, 17), 16, 3, strides=[2, 1], pads=[1, 1, 1, 1])
conv("k3_s4", (1, 16, 21, 23), 16, 3, strides=[4, 4])
conv("k3_dil23", (1, 16, 20, 20), 16, 3, dilations=[2, 3], pads=[2, 3, 2, 3])
conv("k3_dil8", (1, 8, 30, 30), 8, 3, dilations=[8, 8], pads=[8, 8, 8, 8])
conv("k3_dil2_s2", (1, 16, 20, 20), 16, 3, dilations=[2, 2], strides=[2, 2], pads=[2, 2, 2, 2])
conv("k3_asympad", (1, 16, 13, 13), 16, 3, pads=[0, 2, 1, 0])
conv("k3_bigpad", (1, 16, 9, 9), 16, 3, pads=[3, 3, 3, 3])
conv("k2_s2", (1, 16, 14, 14), 16, 2, strides=[2, 2])
conv("k5x3", (1, 16, 14, 14), 16, [5, 3], pads=[2, 1, 2, 1])
conv("k1x9", (1, 16, 8, 40), 16, [1, 9], pads=[0, 4, 0, 4])
conv("k9x1", (1, 16, 40, 8), 16, [9, 1], pads=[4, 0, 4, 0])
conv("k7_s2", (1, 16, 28, 28), 16, 7, strides=[2, 2], pads=[3, 3, 3, 3])
conv("k11_s4_c3", (1, 3, 67, 67), 16, 11, strides=[4, 4], pads=[2, 2, 2, 2])
conv("k15", (1, 8, 24, 24), 8, 15, pads=[7, 7, 7, 7])
conv("k16_s16_c3", (1, 3, 64, 64), 48, 16, strides=[16, 16])
conv("k31_dw", (1, 16, 40, 40), 16, 31, group=16, pads=[15, 15, 15, 15])
conv("g2", (1, 16, 11, 11), 24, 3, group=2, pads=[1, 1, 1, 1], kinds=ALL)
conv("g3_c9", (1, 9, 11, 11), 6, 3, group=3, pads=[1, 1, 1, 1])
conv("g8_c64", (1, 64, 7, 7), 128, 3, group=8, pads=[1, 1, 1, 1])
conv("g32_c64_k1", (1, 64, 7, 7), 64, 1, group=32)
conv("dw", (1, 40, 12, 12), 40, 3, group=40, pads=[1, 1, 1, 1], kinds=ALL)
conv("dw_s2_c65", (1, 65, 13, 15), 65, 3, group=65, strides=[2, 2], pads=[1, 1, 1, 1])
conv("dw_k5_dil2", (1, 24, 20, 20), 24, 5, group=24, dilations=[2, 2], pads=[4, 4, 4, 4])
conv("dw_k1", (1, 24, 9, 9), 24, 1, group=24)
conv("dw_k7x3", (1, 24, 20, 20), 24, [7, 3], group=24, pads=[3, 1, 3, 1])
conv("dw_multiplier2", (1, 16, 12, 12), 32, 3, group=16, pads=[1, 1, 1, 1])
conv("dw_c3", (1, 3, 16, 16), 3, 3, group=3, pads=[1, 1, 1, 1])
conv("dw_batch2", (2, 24, 9, 9), 24, 3, group=24, pads=[1, 1, 1, 1])
conv("batch2_s2", (2, 16, 13, 13), 24, 3, strides=[2, 2], pads=[1, 1, 1, 1])
conv("batch3_c3", (3, 3, 17, 19), 8, 3, pads=[1, 1, 1, 1])
conv("batch5_k1", (5, 24, 5, 3), 17, 1)
conv("whole_map", (1, 32, 7, 7), 40, 7)
conv("map1x1", (1, 48, 1, 1), 33, 1)
conv("w1_k3x1", (1, 16, 60, 1), 24, [3, 1], pads=[1, 0, 1, 0])
conv("wide", (1, 8, 3, 700), 8, 3, pads=[1, 1, 1, 1])
conv("tall", (1, 8, 700, 3), 8, 3, pads=[1, 1, 1, 1])
conv("tiles", (1, 32, 120, 120), 32, 3, pads=[1, 1, 1, 1])
conv("many_kernels", (1, 64, 10, 10), 1100, 1)
conv("one_kernel", (1, 24, 10, 10), 1, 3, pads=[1, 1, 1, 1])
conv("same_upper", (1, 16, 15, 15), 16, 4, strides=[2, 2], auto_pad="SAME_UPPER")
conv("same_lower", (1, 16, 15, 15), 16, 4, strides=[2, 2], auto_pad="SAME_LOWER")
conv("conv1d", (1, 16, 37), 24, 5, pads=[2, 2])
conv("conv1d_s2_dil", (1, 8, 64), 12, 3, strides=[2], dilations=[2], pads=[2, 2])
conv("conv1d_dw", (1, 24, 40), 24, 7, group=24, pads=[3, 3])
conv("conv1d_batch2", (2, 8, 33), 12, 3, pads=[1, 1])
conv("conv3d", (1, 4, 6, 8, 8), 6, 3, pads=[1, 1, 1, 1, 1, 1])
conv("conv3d_s2_k122", (1, 4, 4, 8, 8), 6, [1, 2, 2], strides=[1, 2, 2])

AFTER = {
    "relu": lambda g, y: g.relu(y),
    "relu6": lambda g, y: g.op("Clip", y, g.const(scalar(0)), g.const(scalar(6))),
    "clip": lambda g, y: g.op("Clip", y, g.const(scalar(-0.7)), g.const(scalar(1.1))),
    "clip_low": lambda g, y: g.op("Clip", y, g.const(scalar(-0.4))),
    "clip_high": lambda g, y: g.op("Clip", y, "", g.const(scalar(0.9))),
    "leaky": lambda g, y: g.op("LeakyRelu", y, alpha=0.2),
    "leaky_above_1": lambda g, y: g.op("LeakyRelu", y, alpha=1.5),
    "prelu": lambda g, y: g.op("PRelu", y, g.const(np.linspace(-0.3, 0.6, 24, dtype=np.float32).reshape(24, 1, 1))),
    "prelu_one": lambda g, y: g.op("PRelu", y, g.const(f32(0.3).reshape(1, 1, 1))),
    "sigmoid": lambda g, y: g.op("Sigmoid", y),
    "silu": lambda g, y: g.silu(y),
    "tanh": lambda g, y: g.op("Tanh", y),
    "elu": lambda g, y: g.op("Elu", y),
    "elu_half": lambda g, y: g.op("Elu", y, alpha=0.5),
    "hardswish": lambda g, y: g.op("Mul", y, g.op("HardSigmoid", y, alpha=1 / 6, beta=0.5)),
    "hardsigmoid": lambda g, y: g.op("HardSigmoid", y),
    "gelu": lambda g, y: g.op(
        "Mul",
        g.op("Mul", y, g.op("Add", g.op("Erf", g.op("Div", y, g.const(scalar(2**0.5)))), g.const(scalar(1)))),
        g.const(scalar(0.5)),
    ),
    "mish": lambda g, y: g.op("Mul", y, g.op("Tanh", g.op("Softplus", y))),
    "softplus": lambda g, y: g.op("Softplus", y),
    "abs": lambda g, y: g.op("Abs", y),
    "mul": lambda g, y: g.op("Mul", y, g.const(scalar(0.3))),
    "mul_negative": lambda g, y: g.op("Mul", y, g.const(scalar(-0.7))),
    "add_channel": lambda g, y: g.op("Add", y, g.weight(24, 1, 1, scale=1)),
    "mul_channel": lambda g, y: g.op("Mul", y, g.weight(24, 1, 1, scale=1)),
    "batchnorm": lambda g, y: g.op(
        "BatchNormalization",
        y,
        g.weight(24, scale=1),
        g.weight(24, scale=1),
        g.weight(24, scale=1),
        g.const(np.linspace(0.4, 2, 24, dtype=np.float32)),
    ),
    "residual": lambda g, y: g.op("Add", y, g.conv("x0", 16, 24)),
    "residual_relu": lambda g, y: g.relu(g.op("Add", y, g.conv("x0", 16, 24))),
    "residual_silu": lambda g, y: g.silu(g.op("Add", g.silu(y), g.conv("x0", 16, 24, k=1))),
    "sub": lambda g, y: g.op("Sub", y, g.conv("x0", 16, 24)),
    "mul_branch": lambda g, y: g.op("Mul", y, g.op("Sigmoid", g.conv("x0", 16, 24))),
    "softmax": lambda g, y: g.op("Softmax", y, axis=1),
    "maxpool": lambda g, y: g.op("MaxPool", g.relu(y), kernel_shape=[2, 2], strides=[2, 2]),
    "avgpool": lambda g, y: g.op("AveragePool", y, kernel_shape=[3, 3], strides=[2, 2]),
    "transpose": lambda g, y: g.op("Transpose", y, perm=[0, 2, 3, 1]),
    "reshape": lambda g, y: g.op("Reshape", y, g.ints(1, 4, 6, -1)),
}
for name, then in AFTER.items():
    conv(f"then_{name}", (1, 16, 12, 12), 24, 3, pads=[1, 1, 1, 1], then=then, operator="Conv fused")
    if name in ("relu", "sigmoid", "silu", "leaky", "residual"):
        conv(
            f"dw_then_{name}",
            (1, 24, 11, 11),
            24,
            3,
            group=24,
            pads=[1, 1, 1, 1],
            then=then if name != "residual" else lambda g, y: g.op("Add", y, g.relu("x0")),
            operator="Conv fused",
        )


def deconv(name, shape, out, kernel, *, group=1, bias=True, **attributes):
    kernel = [kernel] * (len(shape) - 2) if isinstance(kernel, int) else kernel
    operands = [x(*shape), w(shape[1], out // group, *kernel, scale=0.1)] + ([w(out, scale=0.3)] if bias else [])
    one("ConvTranspose", name, *operands, kernel_shape=kernel, group=group, **attributes)


deconv("k2_s2", (1, 16, 9, 7), 12, 2, strides=[2, 2])
deconv("k3_s2", (1, 16, 9, 7), 12, 3, strides=[2, 2])
deconv("k3_s2_p1_op1", (1, 16, 9, 7), 12, 3, strides=[2, 2], pads=[1, 1, 1, 1], output_padding=[1, 1])
deconv("k4_s2_p1", (1, 16, 9, 7), 12, 4, strides=[2, 2], pads=[1, 1, 1, 1])
deconv("k4_s2_p1_no_bias", (1, 16, 9, 7), 12, 4, bias=False, strides=[2, 2], pads=[1, 1, 1, 1])
deconv("k5_s3", (1, 16, 6, 6), 12, 5, strides=[3, 3], pads=[1, 1, 1, 1])
deconv("k8_s4_p2", (1, 16, 6, 6), 8, 8, strides=[4, 4], pads=[2, 2, 2, 2])
deconv("k16_s8_p4", (1, 8, 5, 5), 8, 16, strides=[8, 8], pads=[4, 4, 4, 4])
deconv("k3_s1_p1", (1, 16, 9, 7), 12, 3, pads=[1, 1, 1, 1])
deconv("k3_s1", (1, 16, 9, 7), 12, 3)
deconv("k1_s1", (1, 16, 9, 7), 12, 1)
deconv("k2x3_s2x1", (1, 16, 9, 7), 12, [2, 3], strides=[2, 1], pads=[0, 1, 0, 1])
deconv("asympad", (1, 16, 9, 7), 12, 4, strides=[2, 2], pads=[1, 0, 2, 1])
deconv("dil2", (1, 16, 9, 7), 12, 3, dilations=[2, 2])
deconv("dw_k4_s2", (1, 24, 9, 7), 24, 4, group=24, strides=[2, 2], pads=[1, 1, 1, 1])
deconv("dw_k2_s2", (1, 65, 9, 7), 65, 2, group=65, strides=[2, 2])
deconv("g2_k3_s2", (1, 16, 6, 6), 8, 3, group=2, strides=[2, 2])
deconv("batch2", (2, 16, 6, 6), 12, 4, strides=[2, 2], pads=[1, 1, 1, 1])
deconv("c1", (1, 1, 8, 8), 3, 4, strides=[2, 2], pads=[1, 1, 1, 1])
deconv("c130_k70", (1, 130, 5, 5), 70, 2, strides=[2, 2])
deconv("same_upper", (1, 8, 6, 6), 8, 3, strides=[2, 2], auto_pad="SAME_UPPER")
deconv("deconv1d", (1, 16, 19), 12, 4, strides=[2], pads=[1, 1])
deconv("deconv3d", (1, 4, 4, 5, 5), 6, 2, strides=[2, 2, 2])


def gemm(name, a, b, c=None, **attributes):
    one("Gemm", name, x(*a), b, *([c] if c is not None else []), **attributes)


gemm("plain", (4, 32), w(32, 20, scale=0.2), w(20, scale=0.3))
gemm("transB", (1, 100), w(60, 100, scale=0.1), w(60, scale=0.3), transB=1)
gemm("transA", (32, 5), w(32, 20, scale=0.2), w(20, scale=0.3), transA=1)
gemm("alpha_beta", (4, 32), w(32, 20, scale=0.2), w(20, scale=0.3), alpha=0.5, beta=2.0)
gemm("no_bias", (3, 32), w(32, 20, scale=0.2))
gemm("two_inputs", (6, 32), x(32, 20, low=-0.4, high=0.4))
gemm("two_inputs_transB", (6, 32), x(20, 32, low=-0.4, high=0.4), transB=1)
gemm("bias_scalar", (4, 32), w(32, 20, scale=0.2), f32(0.25))
gemm("bias_column", (4, 32), w(32, 20, scale=0.2), w(4, 1, scale=0.3))
gemm("large", (1, 2000), w(500, 2000, scale=0.02), w(500, scale=0.3), transB=1)
gemm("tall", (130, 24), w(24, 9, scale=0.2), w(9, scale=0.3))


def matmul(name, a, b, **options):
    one("MatMul", name, x(*a), x(*b, low=-0.5, high=0.5), **options)


def matmul_const(name, a, *b, **options):
    one("MatMul", name, x(*a), w(*b, scale=0.2), **options)


matmul("2d", (12, 20), (20, 17))
matmul("2d_odd", (1, 33), (33, 1))
matmul("3d", (4, 12, 20), (4, 20, 17))
matmul("3d_bcast", (4, 12, 20), (1, 20, 17))
matmul("3d_2d", (4, 12, 20), (20, 17))
matmul("4d", (1, 4, 12, 20), (1, 4, 20, 17), kinds=ALL)
matmul("4d_batch2", (2, 3, 8, 16), (2, 3, 16, 8))
matmul("4d_bcast_heads", (1, 4, 12, 20), (1, 1, 20, 17))
matmul("5d", (1, 2, 3, 8, 12), (1, 2, 3, 12, 5))
matmul("long_k", (1, 2, 8, 400), (1, 2, 400, 8))
matmul("large", (1, 2, 96, 64), (1, 2, 64, 96))
matmul("vector_right", (4, 12, 20), (20,))
matmul("vector_left", (20,), (20, 17))
matmul_const("const_2d", (12, 20), 20, 17)
matmul_const("const_3d", (2, 12, 20), 20, 17)
matmul_const("const_4d", (1, 4, 12, 20), 20, 17)
matmul_const("const_heads", (1, 4, 12, 20), 4, 20, 17)
matmul_const("const_batch1", (1, 50, 64), 64, 48)
one("MatMul", "const_left", w(12, 20, scale=0.2), x(20, 17))
one("MatMul", "const_left_3d", w(3, 12, 20, scale=0.2), x(3, 20, 17))


@network("MatMul")
def self_product(g):
    a = g.input("x", 1, 4, 16, 24)
    g.output(g.op("MatMul", a, g.op("Transpose", a, perm=[0, 1, 3, 2])))


@network("MatMul")
def then_add_relu(g):
    a = g.input("x", 1, 20, 32)
    g.output(g.relu(g.matmul(a, 32, 24)))


for equation, a, b in (
    ("bij,bjk->bik", (2, 6, 8), (2, 8, 5)),
    ("bhqd,bhkd->bhqk", (1, 2, 7, 8), (1, 2, 9, 8)),
    ("nchw,oc->nohw", (1, 8, 5, 6), (12, 8)),
    ("ij,ij->i", (6, 8), (6, 8)),
    ("nctkv,kvw->nctw", (1, 4, 6, 3, 5), (3, 5, 5)),
):
    one("Einsum", equation.replace(",", "_").replace("->", "_to_"), x(*a), x(*b), equation=equation)
