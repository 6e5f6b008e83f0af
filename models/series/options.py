"""Options of the compiler, over a few networks that each of them can change."""

import numpy as np
from case import CASES, Case, scalar
from graph import picture


def residual(g):
    a = g.relu(g.conv(g.input("x", 1, 16, 12, 12), 16, 32))
    g.output(g.relu(g.op("Add", g.conv(g.relu(g.conv(a, 32, 32)), 32, 32), a)))


def classifier(g):
    y = g.relu(g.conv(g.input("x", 1, 3, 20, 20, sample=picture), 3, 16, stride=2))
    y = g.silu(g.conv(g.relu(g.conv(y, 16, 16, groups=16)), 16, 24, k=1))
    g.output(g.dense(g.op("Flatten", g.op("GlobalAveragePool", y)), 24, 10))


def wide(g):
    """Enough weights to be worth compressing, many of them equal or zero."""
    v = g.input("x", 1, 64, 6, 6)
    for size in (64, 96):
        k = g.rng.standard_normal((size, 64 if size == 64 else 64, 3, 3)) * 0.06
        k[np.abs(k) < 0.05] = 0
        v = g.relu(
            g.op("Conv", v, g.const(k.astype("f4")), g.weight(size, scale=0.2), kernel_shape=[3, 3], pads=[1] * 4)
        )
    g.output(v)


def sparse(g):
    """Zeros and channel counts that leave padding: what the compiler finds worth compressing, in either type."""
    v = g.input("x", 1, 3, 12, 12)
    for ci, co in ((3, 16), (16, 24), (24, 40), (40, 24)):
        k = g.rng.standard_normal((co, ci, 3, 3)) * 0.1
        k[g.rng.random(k.shape) < 0.8] = 0
        v = g.relu(g.op("Conv", v, g.const(k.astype("f4")), g.weight(co, scale=0.2), kernel_shape=[3, 3], pads=[1] * 4))
    g.output(v)


def activations(g):
    y = g.conv(g.input("x", 1, 16, 9, 9), 16, 24, k=1)
    g.output(g.op("Sigmoid", y), g.op("Tanh", y), g.op("LeakyRelu", y, alpha=0.2), g.silu(y))


def mixed(g):
    y = g.op("MaxPool", g.relu(g.conv(g.input("x", 1, 8, 12, 12), 8, 16)), kernel_shape=[2, 2], strides=[2, 2])
    up = g.op(
        "Resize", y, "", g.const(np.float32([1, 1, 2, 2])), mode="linear", coordinate_transformation_mode="half_pixel"
    )
    g.output(g.op("Softmax", g.op("Concat", up, g.op("Mul", up, g.const(scalar(0.5))), axis=1), axis=1))


# Left out: inputs_yuv_fmt, whose files take planes that neither the simulator nor the ONNX model knows.
NETWORKS = (residual, classifier, wide, activations, mixed)


def option(name, *networks, **options):
    for net in networks or NETWORKS:
        CASES.append(Case("Options", f"{name}_{net.__name__}", net, deep=True, **options))


I8 = ("i8",)
option("default")
for algorithm in ("normal", "mmse", "kl_divergence", "gdq"):
    option(algorithm, residual, classifier, kinds=I8, config=dict(quantized_algorithm=algorithm))
for method in ("layer", "channel"):
    option(f"per_{method}", kinds=I8, config=dict(quantized_method=method))
option("per_layer_mmse", residual, kinds=I8, config=dict(quantized_method="layer", quantized_algorithm="mmse"))
option("w16a16i", kinds=I8, config=dict(quantized_dtype="w16a16i"))
option("w16a16i_dfp", kinds=I8, config=dict(quantized_dtype="w16a16i_dfp"))
option("w8a8", residual, kinds=I8, config=dict(quantized_dtype="w8a8"))
for dtype in ("w8a16", "w4a16", "w4a8", "w4a4", "w16a16f", "bfloat16", "tfloat32"):
    option(dtype, residual, kinds=I8, config=dict(quantized_dtype=dtype))
for dtype in ("float16", "bfloat16", "tfloat32"):
    option(f"float_{dtype}", residual, kinds=("fp16",), config=dict(float_dtype=dtype))
for level in range(4):
    option(f"level{level}", config=dict(optimization_level=level))
option("model_pruning", residual, wide, config=dict(model_pruning=True))
option("compress_weight", config=dict(compress_weight=True))
option("single_core", config=dict(single_core_mode=True))
option("remove_weight", residual, wide, config=dict(remove_weight=True), weights_from=True)
option("remove_reshape", classifier, config=dict(remove_reshape=True))
option("custom_string", residual, config=dict(custom_string="naïve 模型 \N{GREEK SMALL LETTER PI}"))
option("sparse_infer", wide, config=dict(sparse_infer=True))
option("flash_attention", residual, config=dict(enable_flash_attention=True))
option("batch4", residual, classifier, batch=4)
option("batch3_single_core", classifier, batch=3, config=dict(single_core_mode=True))
option("auto_hybrid", residual, classifier, kinds=I8, build=dict(auto_hybrid=True))

NORMALISED = ([123.7, 116.3, 103.5], [58.4, 57.1, 57.4])
for name, config in {
    "": {},
    "_bgr": dict(quant_img_RGB2BGR=True),
    "_w16": dict(quantized_dtype="w16a16i"),
    "_mmse": dict(quantized_algorithm="mmse"),
    "_single_core": dict(single_core_mode=True),
}.items():
    option(
        f"normalised{name}",
        classifier,
        kinds=("i8", "fp16") if not name or name == "_single_core" else I8,
        normalise=NORMALISED,
        config=dict(mean_values=[NORMALISED[0]], std_values=[NORMALISED[1]], **config),
    )

for where in ("cpu", "npu", "gpu"):
    for net, tensor in ((residual, "relu1"), (activations, "conv0"), (mixed, "maxpool2"), (mixed, "resize3")):
        option(f"op_target_{where}_{tensor}", net, config=dict(op_target={tensor: where}))

for name, shapes in {
    "sizes": [[[1, 16, 12, 12]], [[1, 16, 8, 20]], [[1, 16, 17, 9]]],
    "batches": [[[1, 16, 12, 12]], [[3, 16, 12, 12]]],
}.items():
    option(f"dynamic_{name}", residual, config=dict(dynamic_input=shapes), set_shapes=shapes)


def attention_layer(g):
    from composite import attention

    v = g.input("x", 1, 32, 64)
    g.output(g.op("Add", v, attention(g, v, 32, 64, 2)))


option("flash_attention_on", attention_layer, config=dict(enable_flash_attention=True))
option("flash_attention_off", attention_layer, config=dict(enable_flash_attention=False))
for level in range(4):
    option(f"level{level}", attention_layer, config=dict(optimization_level=level))
option("compress_weight", attention_layer, sparse, config=dict(compress_weight=True))
