"""Write seed.onnx, a YOLOv5-shaped network of random weights, and the three calibration pictures.

`images` [1,3,640,640] in 0..1 -> five strided convolutions -> three sigmoid heads -> `output0` [1,25200,85].
One generator with a fixed seed makes weights and pictures, so the order of the calls below is part of the result.
Needs numpy and onnx; writes seed.onnx, in0..2_u8.npy (NHWC), in0..2.npy (NCHW, 0..1) and ds.txt where it is started.
"""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

rng = np.random.default_rng(7)
nodes, weights = [], []


def const(name, array):
    weights.append(numpy_helper.from_array(array, name))
    return name


def node(kind, inputs, output, **attributes):
    nodes.append(helper.make_node(kind, inputs, [output], **attributes))
    return output


def conv(x, ci, co, k, stride, pad, name, relu=True):
    w = (rng.normal(size=(co, ci, k, k)) * np.sqrt(2 / (ci * k * k))).astype("f4")
    b = (rng.normal(size=co) * 0.1).astype("f4")
    node(
        "Conv",
        [x, const(name + ".w", w), const(name + ".b", b)],
        name,
        kernel_shape=[k, k],
        strides=[stride, stride],
        pads=[pad] * 4,
    )
    return node("Relu", [name], name + ".r") if relu else name


def make_model():
    x = conv("images", 3, 8, 6, 2, 2, "stem")
    x = conv(x, 8, 16, 3, 2, 1, "c2")
    p3 = conv(x, 16, 24, 3, 2, 1, "c3")
    p4 = conv(p3, 24, 32, 3, 2, 1, "c4")
    p5 = conv(p4, 32, 48, 3, 2, 1, "c5")
    heads = []
    for x, ci, n, i in ((p3, 24, 80, 3), (p4, 32, 40, 4), (p5, 48, 20, 5)):
        y = conv(x, ci, 255, 1, 1, 0, f"h{i}", relu=False)
        shape = const(f"s{i}", np.array([1, 3, 85, n * n], "i8"))
        heads.append(node("Reshape", [node("Sigmoid", [y], f"a{i}"), shape], f"r{i}"))
    y = node("Transpose", [node("Concat", heads, "cat", axis=3)], "tr", perm=[0, 1, 3, 2])
    node("Reshape", [y, const("t", np.array([1, 25200, 85], "i8"))], "output0")

    def value(name, shape):
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)

    graph = helper.make_graph(
        nodes, "g", [value("images", [1, 3, 640, 640])], [value("output0", [1, 25200, 85])], weights
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)])
    model.ir_version = 8
    onnx.checker.check_model(model)
    return model


def make_picture():
    """Smooth random colour fields: a sum of twelve plane waves, stretched to 0..255."""
    yy, xx = np.mgrid[0:640, 0:640] / 640
    p = np.zeros((640, 640, 3))
    for _ in range(12):
        a, b, phase = rng.uniform(1, 12), rng.uniform(1, 12), rng.uniform(0, 6.28)
        p += np.sin(6.28 * (a * xx + b * yy) + phase)[..., None] * rng.uniform(-1, 1, 3)
    return np.round((p - p.min()) / (p.max() - p.min()) * 255).astype(np.uint8)


if __name__ == "__main__":
    onnx.save(make_model(), "seed.onnx")
    for i in range(3):
        u8 = make_picture()
        np.save(f"in{i}_u8.npy", u8[None])
        np.save(f"in{i}.npy", np.ascontiguousarray((u8.astype("f4") / 255).transpose(2, 0, 1)[None]))
    with open("ds.txt", "w") as f:
        f.write("\n".join(f"in{i}.npy" for i in range(3)))
