"""Normalisations, softmax, recurrent layers, attention, and small networks."""

import numpy as np
from case import CASES, Case, network, one, scalar, w, x
from graph import ids


def positive(*shape):
    return lambda g: g.const((np.abs(g.rng.standard_normal(shape)) + 0.5).astype(np.float32))


for name, shape in {
    "4d": (1, 16, 9, 7),
    "c5": (1, 5, 9, 7),
    "batch2": (2, 16, 5, 6),
    "3d": (1, 16, 20),
    "2d": (3, 33),
}.items():
    c = shape[1]
    one("BatchNormalization", name, x(*shape), w(c, scale=1), w(c, scale=1), w(c, scale=1), positive(c))
one(
    "BatchNormalization",
    "epsilon",
    x(1, 16, 9, 7),
    w(16, scale=1),
    w(16, scale=1),
    w(16, scale=1),
    positive(16),
    epsilon=0.1,
)
for name, shape in {
    "4d": (1, 16, 9, 7),
    "c5": (1, 5, 9, 7),
    "batch2": (2, 16, 5, 6),
    "3d": (1, 16, 20),
    "large": (1, 8, 40, 33),
}.items():
    c = shape[1]
    one("InstanceNormalization", name, x(*shape), positive(c), w(c, scale=1))
for name, (shape, axis) in {
    "3d": ((1, 12, 20), -1),
    "3d_odd": ((1, 7, 33), -1),
    "3d_batch2": ((2, 12, 20), -1),
    "2d": ((3, 33), -1),
    "4d_last": ((1, 16, 9, 24), -1),
    "4d_two": ((1, 16, 5, 8), 2),
    "4d_three": ((1, 16, 5, 8), 1),
    "wide": ((1, 6, 768), -1),
}.items():
    last = shape[axis:]
    one("LayerNormalization", name, x(*shape), positive(*last), w(*last, scale=1), axis=axis, opset=17)
one("LayerNormalization", "no_bias", x(1, 12, 20), positive(20), axis=-1, opset=17)
one("LayerNormalization", "epsilon", x(1, 12, 20), positive(20), w(20, scale=1), axis=-1, epsilon=0.05, opset=17)
for groups in (1, 2, 4, 16):
    one("GroupNormalization", f"g{groups}", x(1, 16, 9, 7), positive(16), w(16, scale=1), num_groups=groups, opset=21)
    one(
        "GroupNormalization",
        f"g{groups}_opset18",
        x(1, 16, 9, 7),
        positive(groups),
        w(groups, scale=1),
        num_groups=groups,
        opset=18,
    )
for name, (shape, axis, p) in {
    "channels_l2": ((1, 16, 9, 7), 1, 2),
    "last_l2": ((1, 16, 9, 7), -1, 2),
    "channels_l1": ((1, 16, 9, 7), 1, 1),
    "3d_l2": ((1, 12, 20), -1, 2),
    "2d_l2": ((3, 33), 1, 2),
}.items():
    one("LpNormalization", name, x(*shape), axis=axis, p=p)
for size in (1, 3, 5):
    one("LRN", f"size{size}", x(1, 16, 9, 7), size=size)
one("LRN", "alpha_beta_bias", x(1, 16, 9, 7), size=5, alpha=0.3, beta=0.5, bias=2.0)
one("LRN", "c5", x(1, 5, 9, 7), size=3, alpha=0.1)
one("MeanVarianceNormalization", "default", x(1, 16, 9, 7))
one("MeanVarianceNormalization", "space", x(1, 16, 9, 7), axes=[2, 3])
one("MeanVarianceNormalization", "channels", x(2, 16, 9, 7), axes=[1])


@network("RMSNormalization")
def composed(g):
    v = g.input("x", 1, 12, 32)
    mean = g.op("ReduceMean", g.op("Pow", v, g.const(scalar(2))), axes=[-1])
    root = g.op("Sqrt", g.op("Add", mean, g.const(scalar(1e-5))))
    g.output(g.op("Mul", g.op("Div", v, root), g.weight(32, scale=1)))


@network("LayerNormalization")
def composed_channels(g):
    """LayerNorm over channels as ConvNeXt has it."""
    v = g.op("Transpose", g.conv(g.input("x", 1, 16, 9, 7), 16, 24), perm=[0, 2, 3, 1])
    centred = g.op("Sub", v, g.op("ReduceMean", v, axes=[-1]))
    var = g.op("ReduceMean", g.op("Pow", centred, g.const(scalar(2))), axes=[-1])
    y = g.op("Div", centred, g.op("Sqrt", g.op("Add", var, g.const(scalar(1e-6)))))
    y = g.op("Add", g.op("Mul", y, g.weight(24, scale=1)), g.weight(24, scale=0.2))
    g.output(g.op("Transpose", y, perm=[0, 3, 1, 2]))


for kind in ("Softmax", "LogSoftmax"):
    for name, (shape, axis) in {
        "channels": ((1, 16, 9, 7), 1),
        "rows": ((1, 16, 9, 7), 2),
        "columns": ((1, 16, 9, 7), 3),
        "c5": ((1, 5, 9, 7), 1),
        "c1000": ((1, 1000), 1),
        "map1x1": ((1, 33, 1, 1), 1),
        "3d": ((1, 12, 20), -1),
        "3d_middle": ((2, 12, 20), 1),
        "2d_axis0": ((3, 33), 0),
        "batch2": ((2, 16, 5, 6), 1),
        "5d": ((1, 2, 6, 5, 4), 2),
    }.items():
        one(kind, name, x(*shape, low=-3, high=3), axis=axis)
one("Softmax", "opset11_axis1", x(1, 4, 6, 5), axis=1, opset=11)


def recurrent(
    kind,
    name,
    time,
    batch,
    size,
    hidden,
    *,
    direction="forward",
    initial=False,
    bias=True,
    lengths=None,
    peephole=False,
    clip=None,
    outputs=None,
    constant_state=False,
    **attributes,
):
    gates = {"LSTM": 4, "GRU": 3, "RNN": 1}[kind]
    d = 2 if direction == "bidirectional" else 1
    state = (
        (lambda: w(d, batch, hidden, scale=0.5)) if constant_state else (lambda: x(d, batch, hidden, low=-1, high=1))
    )
    operands = [x(time, batch, size), w(d, gates * hidden, size, scale=0.3), w(d, gates * hidden, hidden, scale=0.3)]
    operands.append(w(d, 2 * gates * hidden, scale=0.2) if bias else "")
    operands.append(np.array(lengths, np.int32) if lengths else "")
    operands += [state()] if initial else [""]
    if kind == "LSTM":
        operands += [state()] if initial else [""]
        operands += [w(d, 3 * hidden, scale=0.3)] if peephole else []
    while isinstance(operands[-1], str) and operands[-1] == "":
        operands.pop()
    if clip:
        attributes["clip"] = clip
    number = outputs or (3 if kind == "LSTM" else 2)
    one(kind, name, *operands, outputs=number, hidden_size=hidden, direction=direction, **attributes)


for kind in ("LSTM", "GRU", "RNN"):
    for direction in ("forward", "reverse", "bidirectional"):
        recurrent(kind, direction, 7, 1, 20, 24, direction=direction)
    recurrent(kind, "odd_sizes", 5, 1, 13, 9)
    recurrent(kind, "odd_sizes_bidirectional", 5, 1, 13, 9, direction="bidirectional")
    recurrent(kind, "batch2", 5, 2, 16, 16)
    recurrent(kind, "batch3_bidirectional", 5, 3, 16, 16, direction="bidirectional")
    recurrent(kind, "no_bias", 6, 1, 16, 16, bias=False)
    recurrent(kind, "one_step", 1, 1, 16, 16)
    recurrent(kind, "initial_inputs", 6, 1, 16, 16, initial=True)
    recurrent(kind, "initial_inputs_bidirectional", 6, 1, 16, 16, initial=True, direction="bidirectional")
    recurrent(kind, "initial_constants", 6, 1, 16, 16, initial=True, constant_state=True)
    recurrent(kind, "y_only", 6, 1, 16, 16, outputs=1) if kind == "RNN" else None
    recurrent(kind, "large", 12, 1, 64, 128)
    recurrent(kind, "lengths", 6, 2, 16, 16, lengths=[4, 6])
    recurrent(kind, "clip", 6, 1, 16, 16, clip=0.5)
recurrent("LSTM", "peephole", 6, 1, 16, 16, peephole=True)
recurrent("LSTM", "input_forget", 6, 1, 16, 16, input_forget=1)
recurrent("LSTM", "activations", 6, 1, 16, 16, activations=["HardSigmoid", "Tanh", "Tanh"])
recurrent("GRU", "linear_before_reset", 6, 1, 16, 16, linear_before_reset=1)
recurrent("GRU", "linear_before_reset_bidirectional", 6, 1, 16, 16, linear_before_reset=1, direction="bidirectional")
recurrent("RNN", "relu", 6, 1, 16, 16, activations=["Relu"])


@network("LSTM", deep=True)
def stacked_with_dense(g):
    v = g.input("x", 8, 1, 16)
    for size in (16, 32):
        d = g.op(
            "LSTM",
            v,
            g.weight(2, 64, size, scale=0.3),
            g.weight(2, 64, 16, scale=0.3),
            g.weight(2, 128, scale=0.2),
            hidden_size=16,
            direction="bidirectional",
            outputs=3,
        )
        v = g.op("Reshape", g.op("Transpose", d[0], perm=[0, 2, 1, 3]), g.ints(8, 1, 32))
    g.output(g.matmul(v, 32, 20))


@network("GRU", deep=True)
def behind_convolution(g):
    y = g.relu(g.conv(g.input("x", 1, 3, 8, 16), 3, 4))
    y = g.op("Reshape", g.op("Transpose", y, perm=[3, 0, 1, 2]), g.ints(16, 1, 32))
    y = g.op(
        "GRU",
        y,
        g.weight(1, 48, 32, scale=0.2),
        g.weight(1, 48, 16, scale=0.2),
        g.weight(1, 96, scale=0.2),
        hidden_size=16,
        outputs=2,
    )
    g.output(y[0])


def heads_of(g, v, tokens, heads, size):
    return g.op("Transpose", g.op("Reshape", v, g.ints(1, tokens, heads, size)), perm=[0, 2, 1, 3])


def attention(g, v, tokens, features, heads, mask=None, divide=True):
    size = features // heads
    q, k, u = (heads_of(g, g.matmul(v, features, features), tokens, heads, size) for _ in range(3))
    scores = g.op("MatMul", q, g.op("Transpose", k, perm=[0, 1, 3, 2]))
    scores = g.op("Div" if divide else "Mul", scores, g.const(scalar(size**0.5 if divide else size**-0.5)))
    if mask is not None:
        scores = g.op("Add", scores, mask)
    y = g.op("MatMul", g.op("Softmax", scores, axis=-1), u)
    y = g.op("Reshape", g.op("Transpose", y, perm=[0, 2, 1, 3]), g.ints(1, tokens, features))
    return g.matmul(y, features, features)


def attention_case(name, tokens, features, heads, masked=False, **options):
    def fill(g):
        v = g.input("x", 1, tokens, features)
        mask = g.const(np.triu(np.full((1, 1, tokens, tokens), -8, np.float32), 1)) if masked else None
        g.output(g.op("Add", v, attention(g, v, tokens, features, heads, mask, **options)))

    CASES.append(Case("Attention", name, fill, deep=True))


attention_case("t12_f32_h2", 12, 32, 2)
attention_case("t17_f48_h3", 17, 48, 3)
attention_case("t12_f32_h1", 12, 32, 1)
attention_case("t50_f64_h4", 50, 64, 4)
attention_case("t12_f32_h2_masked", 12, 32, 2, masked=True)
attention_case("t12_f32_h2_scaled_by_mul", 12, 32, 2, divide=False)
attention_case("t196_f64_h2", 196, 64, 2)


@network("Attention", deep=True)
def mask_input(g):
    v = g.input("x", 1, 12, 32)
    g.output(attention(g, v, 12, 32, 2, g.input("mask", 1, 1, 12, 12, sample=lambda r, s: r.integers(0, 2, s) * -8.0)))


@network("Attention", deep=True)
def scores_of_three_inputs(g):
    q, k, v = (g.input(n, 1, 4, 14, 16) for n in "qkv")
    scores = g.op("Mul", g.op("MatMul", q, g.op("Transpose", k, perm=[0, 1, 3, 2])), g.const(scalar(0.25)))
    g.output(g.op("MatMul", g.op("Softmax", scores, axis=-1), v))


@network("Attention", deep=True)
def cross(g):
    q, k, v = g.input("q", 1, 4, 6, 16), g.input("k", 1, 4, 20, 16), g.input("v", 1, 4, 20, 16)
    scores = g.op("Mul", g.op("MatMul", q, g.op("Transpose", k, perm=[0, 1, 3, 2])), g.const(scalar(0.25)))
    g.output(g.op("MatMul", g.op("Softmax", scores, axis=-1), v))


@network("Attention", deep=True)
def linear_over_space(g):
    """Linear attention of EfficientViT: products over the pixels without a softmax."""
    y = g.conv(g.input("x", 1, 16, 8, 8), 16, 48, k=1)
    q, k, v = g.op("Split", g.op("Reshape", y, g.ints(1, 3, 16, 64)), axis=1, outputs=3)
    k = g.op("Transpose", g.relu(k), perm=[0, 1, 3, 2])
    g.output(g.op("Reshape", g.op("MatMul", g.op("MatMul", v, k), g.relu(q)), g.ints(1, 16, 8, 8)))


def layer_norm(g, v, features):
    return g.op(
        "LayerNormalization",
        v,
        g.const((1 + 0.2 * g.rng.standard_normal(features)).astype("f4")),
        g.weight(features, scale=0.1),
        axis=-1,
    )


@network("Attention", deep=True, opset=17)
def encoder_layer(g):
    v = g.input("x", 1, 16, 32)
    v = g.op("Add", v, attention(g, layer_norm(g, v, 32), 16, 32, 4))
    y = g.matmul(layer_norm(g, v, 32), 32, 64)
    half = g.op("Mul", y, g.const(scalar(0.5)))
    y = g.op("Mul", half, g.op("Add", g.op("Erf", g.op("Div", y, g.const(scalar(2**0.5)))), g.const(scalar(1))))
    g.output(g.op("Add", v, g.matmul(y, 64, 32)))


@network("Network", deep=True, opset=17)
def vision_transformer(g):
    y = g.op("Reshape", g.conv(g.input("x", 1, 3, 32, 32), 3, 32, k=8, stride=8, pad=0), g.ints(1, 32, 16))
    y = g.op("Concat", g.weight(1, 1, 32, scale=1), g.op("Transpose", y, perm=[0, 2, 1]), axis=1)
    v = g.op("Add", y, g.weight(1, 17, 32, scale=0.5))
    v = g.op("Add", v, attention(g, layer_norm(g, v, 32), 17, 32, 2))
    v = g.op("Add", v, g.matmul(g.relu(g.matmul(layer_norm(g, v, 32), 32, 64)), 64, 32))
    g.output(g.dense(g.op("Gather", v, g.const(np.array(0, np.int64)), axis=1), 32, 10))


@network("Network", deep=True)
def text_classifier(g):
    v = g.op("Gather", g.weight(60, 24, scale=1), g.input("ids", 1, 14, dtype="int64", sample=ids(60)), axis=0)
    y = g.relu(
        g.op(
            "Conv",
            g.op("Transpose", v, perm=[0, 2, 1]),
            g.weight(32, 24, 3),
            g.weight(32, scale=0.2),
            kernel_shape=[3],
            pads=[1, 1],
        )
    )
    g.output(g.dense(g.op("ReduceMax", y, axes=[2], keepdims=0), 32, 5))


@network("Network", deep=True)
def detector_head(g):
    y = g.silu(g.conv(g.input("x", 1, 3, 48, 48), 3, 16, stride=2))
    y = g.silu(g.conv(y, 16, 32, stride=2))
    box, score = g.conv(y, 32, 64, k=1), g.op("Sigmoid", g.conv(y, 32, 6, k=1))
    p = g.op("Softmax", g.op("Reshape", box, g.ints(1, 4, 16, 144)), axis=2)
    d = g.op(
        "Reshape",
        g.op("Conv", p, g.const(np.arange(16, dtype="f4").reshape(1, 16, 1, 1)), kernel_shape=[1, 1])
        if False
        else g.op(
            "ReduceSum", g.op("Mul", p, g.const(np.arange(16, dtype="f4").reshape(1, 1, 16, 1))), g.ints(2), keepdims=0
        ),
        g.ints(1, 4, 144),
    )
    g.output(g.op("Concat", d, g.op("Reshape", score, g.ints(1, 6, 144)), axis=1))


@network("Network", deep=True)
def squeeze_excite(g):
    y = g.op("Mul", *(lambda v: (v, g.op("HardSigmoid", v)))(g.conv(g.input("x", 1, 8, 14, 14), 8, 24)))
    s = g.op("GlobalAveragePool", y)
    s = g.op("HardSigmoid", g.conv(g.relu(g.conv(s, 24, 8, k=1)), 8, 24, k=1), alpha=1 / 6)
    g.output(g.conv(g.op("Mul", y, s), 24, 16, k=1))


@network("Network", deep=True)
def unet(g):
    a = g.relu(g.conv(g.input("x", 1, 3, 24, 24), 3, 16))
    b = g.relu(g.conv(g.op("MaxPool", a, kernel_shape=[2, 2], strides=[2, 2]), 16, 24))
    up = g.op("ConvTranspose", b, g.weight(24, 16, 2, 2, scale=0.15), kernel_shape=[2, 2], strides=[2, 2])
    g.output(g.op("Sigmoid", g.conv(g.relu(g.conv(g.op("Concat", a, up, axis=1), 32, 16)), 16, 1, k=1)))


@network("Network", deep=True)
def many_outputs(g):
    y = g.relu(g.conv(g.input("x", 1, 8, 12, 12), 8, 16))
    g.output(
        y,
        g.op("Sigmoid", y),
        g.op("GlobalMaxPool", y),
        g.op("Softmax", y, axis=1),
        g.op("Reshape", y, g.ints(1, 16, 144)),
    )


@network("Network", deep=True)
def many_inputs(g):
    a, b, c = g.input("a", 1, 8, 12, 12), g.input("b", 1, 8, 12, 12), g.input("c", 1, 16)
    y = g.op("Add", g.conv(a, 8, 16), g.conv(b, 8, 16))
    g.output(g.op("Mul", y, g.op("Reshape", g.op("Sigmoid", g.dense(c, 16, 16)), g.ints(1, 16, 1, 1))))


@network("Network")
def input_is_output(g):
    v = g.input("x", 1, 16, 5, 6)
    g.output(g.relu(v), g.op("Identity", v))


@network("Network", deep=True)
def involution_like(g):
    """Weights made by the network, applied to unfolded patches."""
    v = g.input("x", 1, 16, 8, 8)
    k = g.op("Reshape", g.conv(v, 16, 18, k=1), g.ints(1, 2, 1, 9, 8, 8))
    patches = [
        g.op("Slice", g.op("Pad", v, g.ints(0, 0, 1, 1, 0, 0, 1, 1)), g.ints(i, j), g.ints(i + 8, j + 8), g.ints(2, 3))
        for i in range(3)
        for j in range(3)
    ]
    p = g.op("Reshape", g.op("Concat", *patches, axis=1), g.ints(1, 9, 2, 8, 8, 8))
    p = g.op("Transpose", p, perm=[0, 2, 3, 1, 4, 5])
    g.output(g.op("Reshape", g.op("ReduceSum", g.op("Mul", k, p), g.ints(3), keepdims=0), g.ints(1, 16, 8, 8)))
