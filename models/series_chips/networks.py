"""The networks of the chip series: one operator or a small group each, plus a few networks. `deep` ones are judged by
correlation, the others step by step."""

import dataclasses
import pathlib
import sys

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "fixtures"))

from graph import Graph, picture, uniform  # noqa: E402


@dataclasses.dataclass
class Network:
    name: str
    fill: object
    deep: bool = False
    batch: int = 1
    config: dict = dataclasses.field(default_factory=dict)

    def graph(self):
        g = Graph(self.name)
        self.fill(g)
        return g


NETWORKS = []


def network(fill=None, **options):
    def register(f):
        NETWORKS.append(Network(f.__name__, f, **options))
        return f

    return register(fill) if fill else register


def wide_conv(g, x, ci, co, kernel, strides=(1, 1), pads=None, dilations=(1, 1), group=1):
    kh, kw = kernel
    same = [dilations[0] * (kh // 2), dilations[1] * (kw // 2)] * 2
    return g.op(
        "Conv",
        x,
        g.weight(co, ci // group, kh, kw),
        g.weight(co, scale=0.3),
        kernel_shape=[kh, kw],
        strides=list(strides),
        pads=list(pads or same),
        dilations=list(dilations),
        group=group,
    )


def deconv(g, x, ci, co, k, stride, pad=0, extra=0, group=1):
    return g.op(
        "ConvTranspose",
        x,
        g.weight(ci, co // group, k, k, scale=(2 / (ci * k)) ** 0.5),
        g.weight(co, scale=0.3),
        kernel_shape=[k, k],
        strides=[stride] * 2,
        pads=[pad] * 4,
        output_padding=[extra] * 2,
        group=group,
    )


# Convolutions


@network
def conv_first_rgb(g):
    g.output(g.relu(wide_conv(g, g.input("x", 1, 3, 33, 29), 3, 20, (3, 3), (2, 2))))


@network
def conv_first_grey_7x7(g):
    g.output(wide_conv(g, g.input("x", 1, 1, 24, 40), 1, 12, (7, 7), (2, 2)))


@network
def conv_two_channels(g):
    g.output(wide_conv(g, g.input("x", 1, 2, 15, 15), 2, 9, (5, 5)))


@network
def conv_four_channels(g):
    g.output(g.relu(wide_conv(g, g.input("x", 1, 4, 16, 18), 4, 24, (3, 3))))


@network
def conv_odd(g):
    g.output(g.relu(wide_conv(g, g.input("x", 1, 37, 11, 9), 37, 51, (3, 3))))


@network
def conv_1x1_wide(g):
    g.output(wide_conv(g, g.input("x", 1, 96, 7, 7), 96, 200, (1, 1)))


@network
def conv_stride_3x2(g):
    g.output(wide_conv(g, g.input("x", 1, 16, 22, 19), 16, 24, (3, 3), (3, 2)))


@network
def conv_dilated(g):
    g.output(wide_conv(g, g.input("x", 1, 24, 17, 21), 24, 16, (3, 3), dilations=(2, 3)))


@network
def conv_asymmetric_pads(g):
    g.output(wide_conv(g, g.input("x", 1, 16, 12, 14), 16, 16, (4, 2), pads=(2, 0, 1, 1)))


@network
def conv_1x9(g):
    g.output(g.relu(wide_conv(g, g.input("x", 1, 20, 6, 40), 20, 28, (1, 9))))


@network
def conv_grouped_4(g):
    g.output(wide_conv(g, g.input("x", 1, 32, 10, 11), 32, 48, (3, 3), group=4))


@network
def depthwise_3x3(g):
    g.output(g.relu(wide_conv(g, g.input("x", 1, 40, 14, 13), 40, 40, (3, 3), group=40)))


@network
def depthwise_5x5_stride2(g):
    g.output(wide_conv(g, g.input("x", 1, 72, 15, 15), 72, 72, (5, 5), (2, 2), group=72))


@network
def depthwise_dilated(g):
    g.output(wide_conv(g, g.input("x", 1, 16, 16, 16), 16, 16, (3, 3), dilations=(2, 2), group=16))


@network
def depthwise_multiplier(g):
    g.output(wide_conv(g, g.input("x", 1, 12, 10, 10), 12, 24, (3, 3), group=12))


@network
def conv_clip(g):
    x = wide_conv(g, g.input("x", 1, 16, 12, 12), 16, 16, (3, 3))
    g.output(g.op("Clip", x, g.const(np.float32(0)), g.const(np.float32(6))))


@network
def conv_clip_symmetric(g):
    x = wide_conv(g, g.input("x", 1, 16, 12, 12), 16, 16, (3, 3))
    g.output(g.op("Clip", x, g.const(np.float32(-0.75)), g.const(np.float32(0.75))))


@network
def conv_leaky(g):
    g.output(g.op("LeakyRelu", wide_conv(g, g.input("x", 1, 16, 12, 12), 16, 20, (3, 3)), alpha=0.1))


@network
def conv_prelu(g):
    x = wide_conv(g, g.input("x", 1, 16, 12, 12), 16, 20, (3, 3))
    g.output(g.op("PRelu", x, g.weight(20, 1, 1, scale=0.3)))


@network
def conv_silu(g):
    g.output(g.silu(wide_conv(g, g.input("x", 1, 16, 12, 12), 16, 20, (3, 3))))


@network
def conv_hardswish(g):
    x = wide_conv(g, g.input("x", 1, 16, 12, 12), 16, 20, (3, 3))
    g.output(g.op("HardSwish", x))


NETWORKS[-1].fill.opset = 14


@network
def conv_sigmoid(g):
    g.output(g.op("Sigmoid", wide_conv(g, g.input("x", 1, 24, 9, 9), 24, 7, (1, 1))))


@network
def conv_add_relu(g):
    x = g.input("x", 1, 24, 12, 12)
    g.output(g.relu(g.op("Add", wide_conv(g, x, 24, 24, (3, 3)), x)))


@network
def conv_batchnorm(g):
    x = wide_conv(g, g.input("x", 1, 16, 12, 12), 16, 24, (3, 3))
    stats = [g.const(a.astype(np.float32)) for a in (g.rng.uniform(0.5, 1.5, 24), g.rng.normal(size=24))]
    stats += [g.const(a.astype(np.float32)) for a in (g.rng.normal(size=24), g.rng.uniform(0.5, 2, 24))]
    g.output(g.relu(g.op("BatchNormalization", x, *stats)))


@network
def conv_many_tiles(g):
    g.output(g.relu(wide_conv(g, g.input("x", 1, 32, 90, 90), 32, 64, (3, 3))))


@network
def conv_7x7_256(g):
    g.output(wide_conv(g, g.input("x", 1, 256, 7, 7), 256, 64, (7, 7)))


@network
def conv_transpose_k2s2(g):
    g.output(deconv(g, g.input("x", 1, 16, 7, 6), 16, 20, 2, 2))


@network
def conv_transpose_k3s2(g):
    g.output(deconv(g, g.input("x", 1, 24, 6, 6), 24, 16, 3, 2, 1, 1))


@network
def conv_transpose_k4s2_relu(g):
    g.output(g.relu(deconv(g, g.input("x", 1, 16, 8, 7), 16, 12, 4, 2, 1)))


@network
def conv_transpose_depthwise(g):
    g.output(deconv(g, g.input("x", 1, 16, 6, 6), 16, 16, 4, 2, 1, group=16))


@network
def conv_1d(g):
    x = g.input("x", 1, 12, 50)
    g.output(g.relu(g.op("Conv", x, g.weight(16, 12, 5), g.weight(16, scale=0.3), kernel_shape=[5], pads=[2, 2])))


@network
def dense(g):
    g.output(g.dense(g.input("x", 1, 200), 200, 37))


@network
def dense_flatten(g):
    g.output(g.relu(g.dense(g.op("Flatten", g.input("x", 1, 12, 6, 5)), 360, 50)))


# Pooling


@network
def max_pool_3x3(g):
    g.output(g.op("MaxPool", g.input("x", 1, 20, 13, 15), kernel_shape=[3, 3], strides=[2, 2], pads=[1] * 4))


@network
def max_pool_ceil(g):
    g.output(g.op("MaxPool", g.input("x", 1, 16, 11, 11), kernel_shape=[2, 2], strides=[2, 2], ceil_mode=1))


@network
def max_pool_sppf(g):
    g.output(g.op("MaxPool", g.input("x", 1, 32, 12, 12), kernel_shape=[5, 5], pads=[2] * 4))


@network
def average_pool(g):
    g.output(g.op("AveragePool", g.input("x", 1, 24, 12, 14), kernel_shape=[2, 2], strides=[2, 2]))


@network
def average_pool_pads(g):
    x = g.input("x", 1, 20, 13, 13)
    g.output(g.op("AveragePool", x, kernel_shape=[3, 3], strides=[1, 1], pads=[1] * 4, count_include_pad=1))


@network
def average_pool_exclude(g):
    x = g.input("x", 1, 20, 13, 13)
    g.output(g.op("AveragePool", x, kernel_shape=[3, 3], strides=[2, 2], pads=[1] * 4, count_include_pad=0))


@network
def global_pools(g):
    x = g.input("x", 1, 40, 7, 9)
    g.output(g.op("GlobalAveragePool", x), g.op("GlobalMaxPool", x))


# Element by element


@network
def add_sub_mul(g):
    a, b = g.input("a", 1, 18, 9, 9), g.input("b", 1, 18, 9, 9)
    g.output(g.op("Add", a, b), g.op("Sub", a, b), g.op("Mul", a, b))


@network
def max_min_div(g):
    a, b = g.input("a", 1, 18, 9, 9), g.input("b", 1, 18, 9, 9, sample=uniform(0.5, 2))
    g.output(g.op("Max", a, b), g.op("Min", a, b), g.op("Div", a, b))


@network
def per_channel(g):
    a = g.input("a", 1, 24, 8, 8)
    g.output(g.op("Mul", a, g.weight(1, 24, 1, 1, scale=1)), g.op("Add", a, g.weight(1, 24, 1, 1, scale=1)))


@network
def scalars(g):
    a = g.input("a", 1, 24, 8, 8)
    g.output(g.op("Mul", a, g.const(np.float32(1.7))), g.op("Add", a, g.const(np.float32(0.3))))


@network
def squeeze_excite(g):
    x = g.input("x", 1, 32, 8, 8)
    s = g.relu(g.conv(g.op("GlobalAveragePool", x), 32, 8, k=1))
    g.output(g.op("Mul", x, g.op("Sigmoid", g.conv(s, 8, 32, k=1))))


def activation(kind, **attributes):
    def fill(g):
        g.output(g.op(kind, g.input("x", 1, 18, 10, 11, sample=uniform(-4, 4)), **attributes))

    NETWORKS.append(Network(f"act_{kind.lower()}", fill))


for kind in ("Relu", "Sigmoid", "Tanh", "Elu", "Softplus", "HardSigmoid", "Selu", "Abs", "Exp", "Neg"):
    activation(kind)
activation("LeakyRelu", alpha=0.2)


@network
def act_silu(g):
    g.output(g.silu(g.input("x", 1, 18, 10, 11, sample=uniform(-4, 4))))


@network
def act_gelu(g):
    x = g.input("x", 1, 18, 10, 11, sample=uniform(-4, 4))
    half = g.op("Mul", x, g.const(np.float32(0.5)))
    erf = g.op("Erf", g.op("Div", x, g.const(np.float32(2**0.5))))
    g.output(g.op("Mul", half, g.op("Add", erf, g.const(np.float32(1)))))


@network
def softmax_channels(g):
    g.output(g.op("Softmax", g.input("x", 1, 21, 6, 7, sample=uniform(-4, 4)), axis=1))


@network
def softmax_rows(g):
    g.output(g.op("Softmax", g.input("x", 1, 30, sample=uniform(-4, 4)), axis=1))


# Moves


@network
def concat(g):
    a, b = g.input("a", 1, 16, 9, 7), g.input("b", 1, 5, 9, 7)
    g.output(g.op("Concat", a, b, axis=1))


@network
def concat_spatial(g):
    a, b = g.input("a", 1, 12, 4, 7), g.input("b", 1, 12, 5, 7)
    g.output(g.op("Concat", a, b, axis=2))


@network
def split(g):
    g.output(*g.op("Split", g.input("x", 1, 48, 7, 6), g.ints(16, 24, 8), axis=1, outputs=3))


@network
def reshape_transpose(g):
    x = g.input("x", 1, 12, 6, 10)
    g.output(g.op("Reshape", x, g.ints(1, 6, 12, 10)), g.op("Transpose", x, perm=[0, 3, 1, 2]))


@network
def shuffle(g):
    x = g.op("Reshape", wide_conv(g, g.input("x", 1, 16, 8, 8), 16, 24, (1, 1)), g.ints(1, 2, 12, 8, 8))
    g.output(g.op("Reshape", g.op("Transpose", x, perm=[0, 2, 1, 3, 4]), g.ints(1, 24, 8, 8)))


@network
def slice_pad(g):
    x = g.input("x", 1, 10, 9, 12)
    g.output(
        g.op("Slice", x, g.ints(2, 1), g.ints(8, 12), g.ints(1, 3), g.ints(2, 2)),
        g.op("Pad", x, g.ints(0, 0, 1, 2, 0, 0, 3, 1), mode="constant"),
    )


@network
def depth_space(g):
    x = g.input("x", 1, 16, 6, 8)
    g.output(g.op("DepthToSpace", x, blocksize=2), g.op("SpaceToDepth", x, blocksize=2))


def resize(name, scale, mode, coordinates):
    def fill(g):
        sizes = g.const(np.float32([1, 1, scale, scale]))
        extra = {"nearest_mode": "floor"} if mode == "nearest" else {}
        x = g.input("x", 1, 20, 7, 9)
        g.output(g.op("Resize", x, "", sizes, mode=mode, coordinate_transformation_mode=coordinates, **extra))

    NETWORKS.append(Network(f"resize_{name}", fill))


resize("nearest_x2", 2, "nearest", "asymmetric")
resize("nearest_x3", 3, "nearest", "asymmetric")
resize("bilinear_x2", 2, "linear", "half_pixel")
resize("bilinear_x4", 4, "linear", "half_pixel")
resize("bilinear_corners", 2, "linear", "align_corners")


@network
def reductions(g):
    x = g.input("x", 1, 16, 9, 10)
    g.output(
        g.op("ReduceMean", x, axes=[2, 3], keepdims=1),
        g.op("ReduceMax", x, axes=[1], keepdims=1),
        g.op("ReduceSum", x, g.ints(3), keepdims=1),
    )


# Matrices, sequences, normalisation


@network(deep=True)
def matmul(g):
    g.output(g.op("MatMul", g.input("a", 1, 20, 48), g.input("b", 1, 48, 36)))


@network(deep=True)
def matmul_constant(g):
    g.output(g.matmul(g.input("a", 1, 24, 64), 64, 96))


@network(deep=True)
def layer_norm(g):
    x = g.input("x", 1, 16, 48)
    g.output(g.op("LayerNormalization", x, g.weight(48, scale=1), g.weight(48, scale=0.1), axis=-1))


NETWORKS[-1].fill.opset = 17


@network(deep=True)
def instance_norm(g):
    x = g.input("x", 1, 12, 9, 10)
    g.output(g.op("InstanceNormalization", x, g.weight(12, scale=1), g.weight(12, scale=0.1)))


@network(deep=True)
def attention(g):
    """two heads of sixteen over 20 tokens, residual"""
    x = g.input("x", 1, 20, 32)

    def heads(t, perm):
        return g.op("Transpose", g.op("Reshape", t, g.ints(1, 20, 2, 16)), perm=perm)

    q, k, v = (heads(g.matmul(x, 32, 32), perm) for perm in ([0, 2, 1, 3], [0, 2, 3, 1], [0, 2, 1, 3]))
    score = g.op("Softmax", g.op("Mul", g.op("MatMul", q, k), g.const(np.float32(0.25))), axis=-1)
    y = g.op("Reshape", g.op("Transpose", g.op("MatMul", score, v), perm=[0, 2, 1, 3]), g.ints(1, 20, 32))
    g.output(g.op("Add", x, g.matmul(y, 32, 32)))


def recurrent(kind, gates, direction):
    def fill(g):
        hidden, features, d = 16, 12, 2 if direction == "bidirectional" else 1
        g.output(
            g.op(
                kind,
                g.input("x", 6, 1, features),
                g.weight(d, gates * hidden, features, scale=0.3),
                g.weight(d, gates * hidden, hidden, scale=0.3),
                g.weight(d, 2 * gates * hidden, scale=0.1),
                hidden_size=hidden,
                direction=direction,
                outputs=2,
                **({"linear_before_reset": 1} if kind == "GRU" else {}),
            )[0]
        )

    NETWORKS.append(Network(f"{kind.lower()}_{direction}", fill, deep=True))


for kind, gates in (("LSTM", 4), ("GRU", 3)):
    for direction in ("forward", "reverse", "bidirectional"):
        recurrent(kind, gates, direction)


# Networks


@network(deep=True)
def mobilenet_block(g):
    x = g.relu(wide_conv(g, g.input("x", 1, 3, 40, 40), 3, 16, (3, 3), (2, 2)))
    y = g.relu(wide_conv(g, x, 16, 48, (1, 1)))
    y = g.relu(wide_conv(g, y, 48, 48, (3, 3), group=48))
    x = g.op("Add", x, wide_conv(g, y, 48, 16, (1, 1)))
    g.output(g.dense(g.op("Flatten", g.op("GlobalAveragePool", x)), 16, 10))


@network(deep=True)
def detector(g):
    """SiLU backbone, pooling pyramid, upsampling, two heads of odd width"""
    x = g.silu(wide_conv(g, g.input("x", 1, 3, 64, 64), 3, 16, (3, 3), (2, 2)))
    fine = g.silu(wide_conv(g, x, 16, 32, (3, 3), (2, 2)))
    x = g.silu(wide_conv(g, fine, 32, 48, (3, 3), (2, 2)))
    p = g.op("MaxPool", x, kernel_shape=[5, 5], pads=[2] * 4)
    x = g.silu(wide_conv(g, g.op("Concat", x, p, axis=1), 96, 48, (1, 1)))
    sizes = g.const(np.float32([1, 1, 2, 2]))
    up = g.op("Resize", x, "", sizes, mode="nearest", coordinate_transformation_mode="asymmetric", nearest_mode="floor")
    y = g.silu(wide_conv(g, g.op("Concat", up, fine, axis=1), 80, 32, (3, 3)))
    g.output(g.op("Sigmoid", wide_conv(g, y, 32, 21, (1, 1))), g.op("Sigmoid", wide_conv(g, x, 48, 21, (1, 1))))


@network(deep=True)
def multi_io(g):
    a = g.relu(g.conv(g.input("features", 1, 8, 8, 8), 8, 16))
    b = g.dense(g.input("vector", 1, 12), 12, 16)
    gated = g.op("Mul", a, g.op("Reshape", g.op("Sigmoid", b), g.ints(1, 16, 1, 1)))
    g.output(a, gated, g.dense(g.op("Flatten", g.op("GlobalAveragePool", gated)), 16, 5))


@network(deep=True, batch=3)
def batch_3(g):
    x = g.relu(wide_conv(g, g.input("x", 1, 3, 20, 20), 3, 8, (3, 3), (2, 2)))
    g.output(x, g.dense(g.op("Flatten", g.op("GlobalAveragePool", x)), 8, 6))


@network(deep=True)
def batch_in_shape(g):
    x = g.relu(wide_conv(g, g.input("x", 2, 6, 11, 11), 6, 20, (3, 3)))
    g.output(g.op("MaxPool", x, kernel_shape=[2, 2], strides=[2, 2]))


MEAN, STD = [123.675, 116.28, 103.53], [58.395, 57.12, 57.375]


@network(config=dict(mean_values=[MEAN], std_values=[STD]))
def picture_input(g):
    """takes raw pictures: the .rknn subtracts and divides"""
    g.output(g.relu(wide_conv(g, g.input("image", 1, 3, 24, 24, sample=picture), 3, 12, (3, 3), (2, 2))))
