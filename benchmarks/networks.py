"""Three networks of real size with random weights, for npu_bench.py: as ONNX, compiled for RK3588 (int8 and fp16), and
quantised for ONNX Runtime (static QDQ, weights int8 per channel, activations uint8 or int8).

    networks.py CACHE [--corpus FOLDER] [--toolkit PYTHON]

needs onnx and onnxruntime; PYTHON is the interpreter of rknn-toolkit2 ($RKNN_TOOLKIT_PYTHON). With --corpus, the
model.onnx of every case folder is quantised as well. What exists already is kept.
"""

import argparse
import logging
import pathlib
import sys

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "models"))


class Graph:
    """Builds one network; layers return the name of their result."""

    def __init__(self, name, shape, seed):
        self.name, self.random = name, np.random.default_rng(seed)
        self.nodes, self.constants = [], []
        self.input = helper.make_tensor_value_info("images", TensorProto.FLOAT, shape)

    def constant(self, array):
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(array), name))
        return name

    def add(self, kind, *inputs, **attributes):
        name = f"t{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [name], name=f"{kind}_{name}", **attributes))
        return name

    def conv(self, x, in_c, out_c, size=1, stride=1, groups=1, activation=None, pad=None, gain=2.0):
        """Weights scaled so that activations keep their variance through a deep network."""
        fan_in = in_c // groups * size * size
        shape = (out_c, in_c // groups, size, size)
        weights = (self.random.standard_normal(shape) * np.sqrt(gain / fan_in)).astype(np.float32)
        bias = (self.random.standard_normal(out_c) * 0.05).astype(np.float32)
        pads = [size // 2 if pad is None else pad] * 4
        args = {"kernel_shape": [size, size], "strides": [stride, stride], "pads": pads, "group": groups}
        y = self.add("Conv", x, self.constant(weights), self.constant(bias), **args)
        match activation:
            case "relu":
                return self.add("Relu", y)
            case "relu6":
                return self.add("Clip", y, self.constant(np.float32(0)), self.constant(np.float32(6)))
            case "silu":
                return self.add("Mul", y, self.add("Sigmoid", y))
        return y

    def classify(self, x, in_c, classes=1000):
        x = self.add("Flatten", self.add("GlobalAveragePool", x))
        weights = (self.random.standard_normal((in_c, classes)) * 0.03).astype(np.float32)
        return self.add("Gemm", x, self.constant(weights), self.constant(np.zeros(classes, np.float32)))

    def model(self, outputs):
        infos = [helper.make_tensor_value_info(o, TensorProto.FLOAT, None) for o in outputs]
        graph = helper.make_graph(self.nodes, self.name, [self.input], infos, self.constants)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
        return onnx.shape_inference.infer_shapes(model)


def mobilenetv2():
    g = Graph("mobilenetv2_224", [1, 3, 224, 224], 1)
    x, channels = g.conv("images", 3, 32, 3, 2, activation="relu6"), 32
    for expand, out, repeats, first_stride in (
        (1, 16, 1, 1),
        (6, 24, 2, 2),
        (6, 32, 3, 2),
        (6, 64, 4, 2),
        (6, 96, 3, 1),
        (6, 160, 3, 2),
        (6, 320, 1, 1),
    ):
        for i in range(repeats):
            wide, stride, y = channels * expand, first_stride if i == 0 else 1, x
            if expand != 1:
                y = g.conv(y, channels, wide, activation="relu6")
            y = g.conv(y, wide, wide, 3, stride, groups=wide, activation="relu6")
            y = g.conv(y, wide, out, gain=1.0)
            x, channels = (g.add("Add", x, y) if stride == 1 and channels == out else y), out
    return g.model([g.classify(g.conv(x, 320, 1280, activation="relu6"), 1280)])


def resnet50():
    g = Graph("resnet50_224", [1, 3, 224, 224], 2)
    x = g.conv("images", 3, 64, 7, 2, activation="relu")
    x, channels = g.add("MaxPool", x, kernel_shape=[3, 3], strides=[2, 2], pads=[1] * 4), 64
    for middle, repeats, first_stride in ((64, 3, 1), (128, 4, 2), (256, 6, 2), (512, 3, 2)):
        for i in range(repeats):
            stride = first_stride if i == 0 else 1
            y = g.conv(x, channels, middle, activation="relu")
            y = g.conv(y, middle, middle, 3, stride, activation="relu")
            y = g.conv(y, middle, 4 * middle, gain=0.5)
            side = x if i else g.conv(x, channels, 4 * middle, 1, stride, pad=0, gain=1.0)
            x, channels = g.add("Relu", g.add("Add", side, y)), 4 * middle
    return g.model([g.classify(x, 2048)])


def yolov5s():
    g = Graph("yolov5s_640", [1, 3, 640, 640], 3)

    def conv(x, in_c, out_c, size=1, stride=1, **more):
        return g.conv(x, in_c, out_c, size, stride, activation="silu", **more)

    def join(*parts):
        return g.add("Concat", *parts, axis=1)

    def c3(x, in_c, out_c, repeats, residual=True):
        half = out_c // 2
        a, b = conv(x, in_c, half), conv(x, in_c, half)
        for _ in range(repeats):
            y = conv(conv(a, half, half), half, half, 3)
            a = g.add("Add", a, y) if residual else y
        return conv(join(a, b), out_c, out_c)

    def upsampled(x):
        scales = g.constant(np.array([1, 1, 2, 2], np.float32))
        how = {"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
        return g.add("Resize", x, "", scales, **how)

    x = c3(conv(conv("images", 3, 32, 6, 2, pad=2), 32, 64, 3, 2), 64, 64, 1)
    p3 = c3(conv(x, 64, 128, 3, 2), 128, 128, 2)
    p4 = c3(conv(p3, 128, 256, 3, 2), 256, 256, 3)
    x = conv(c3(conv(p4, 256, 512, 3, 2), 512, 512, 1), 512, 256)
    pools = [x]
    for _ in range(3):
        pools.append(g.add("MaxPool", pools[-1], kernel_shape=[5, 5], strides=[1, 1], pads=[2] * 4))
    h5 = conv(conv(join(*pools), 1024, 512), 512, 256)
    h4 = conv(c3(join(upsampled(h5), p4), 512, 256, 1, False), 256, 128)
    o3 = c3(join(upsampled(h4), p3), 256, 128, 1, False)
    o4 = c3(join(conv(o3, 128, 128, 3, 2), h4), 256, 256, 1, False)
    o5 = c3(join(conv(o4, 256, 256, 3, 2), h5), 512, 512, 1, False)
    return g.model([g.add("Sigmoid", g.conv(o, c, 255)) for o, c in ((o3, 128), (o4, 256), (o5, 512))])


def quantise(path, stem, rows):
    """Both activation types of ONNX Runtime's static quantisation."""
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

    class Rows(CalibrationDataReader):
        def __init__(self):
            self.left = iter(rows)

        def get_next(self):
            return next(self.left, None)

    for tag, activations in (("u8s8", QuantType.QUInt8), ("s8s8", QuantType.QInt8)):
        to = stem.with_name(f"{stem.name}_{tag}.onnx")
        if to.exists():
            continue
        how = {"quant_format": QuantFormat.QDQ, "per_channel": True, "weight_type": QuantType.QInt8}
        try:
            quantize_static(str(path), str(to), Rows(), activation_type=activations, **how)
        except Exception as e:  # every failure of the quantiser: the table then has no such column
            print(f"{stem.name}: not quantised as {tag}: {str(e)[:200]}")


def make_real(cache, python):
    from toolkit import Job, Toolkit

    pictures = [np.random.default_rng(seed).random((1, 3, 640, 640), np.float32) for seed in range(2)]
    with Toolkit(python, timeout=1500) as toolkit:
        for make in (mobilenetv2, resnet50, yolov5s):
            model = make()
            path = cache / f"{model.graph.name}.onnx"
            size = model.graph.input[0].type.tensor_type.shape.dim[2].dim_value
            rows = [np.ascontiguousarray(p[:, :, :size, :size]) for p in pictures]
            if not path.exists():
                onnx.save(model, path)
                np.save(path.with_suffix(".npy"), rows[0])
            for tag in ("i8", "fp16", "i8_rk3566", "i8_rk3576"):
                rknn = cache / f"{model.graph.name}_{tag}.rknn"
                if not rknn.exists():
                    print(rknn.name, flush=True)
                    kind, _, chip = tag.partition("_")
                    toolkit.build(
                        Job(
                            str(path),
                            str(rknn),
                            target=chip or "rk3588",
                            quantise=kind == "i8",
                            calibration=[[r] for r in rows],
                        )
                    )
            quantise(path, cache / model.graph.name, [{"images": r} for r in rows])


def quantise_corpus(cache, corpus):
    import json

    for case in sorted(corpus.glob("*/case.json")):
        inputs = json.loads(case.read_text())["inputs"]
        row = {i["name"]: np.load(case.with_name(i["files"][0])) for i in inputs}
        if any(list(row[i["name"]].shape) != i["shape"] or row[i["name"]].dtype != np.float32 for i in inputs):
            row = {i["name"]: np.resize(row[i["name"]], i["shape"]).astype(i["dtype"]) for i in inputs}
        quantise(case.with_name("model.onnx"), cache / case.parent.name, [row])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cache", type=pathlib.Path)
    parser.add_argument("--corpus", type=pathlib.Path)
    parser.add_argument("--toolkit", metavar="PYTHON", help="the interpreter of a venv with rknn-toolkit2")
    args = parser.parse_args()
    logging.disable(logging.WARNING)
    args.cache.mkdir(parents=True, exist_ok=True)
    make_real(args.cache, args.toolkit)
    if args.corpus:
        quantise_corpus(args.cache, args.corpus)


if __name__ == "__main__":
    main()
