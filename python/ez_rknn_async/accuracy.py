"""How far a compiled model's tensors are from those of the ONNX model it was made of, layer by layer.

Runs on the software NPU, which can show the tensors between the layers; ONNX Runtime (the package `onnxruntime`) is the float reference.
"""

from __future__ import annotations

import json
import os
import pathlib
import tempfile
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from ._file import describe
from .session import InferenceSession

DUMP = "EZ_RKNN_DUMP"


def compare(
    model: str | os.PathLike[str],
    onnx: str | os.PathLike[str],
    inputs: Mapping[str, np.ndarray] | None = None,
    *,
    seed: int = 0,
    progress: Callable[[float, str], None] = lambda fraction, text: None,
) -> dict[str, Any]:
    """Run both models on the same inputs and compare every tensor that has the same name and size in both.

    inputs  arrays by input name, as `InferenceSession.run` takes them: a model that normalises its inputs itself gets raw ones, and
            ONNX Runtime the normalised. Left out, they are random within the range of each input (seeded by `seed`).

    Returns {"inputs": "given" or "random", "tensors": [...], "unmatched": [names of the .rknn only]}; the tensors in the order the model
    computes them, each with name, type (of the node that makes it), dtype, shape, cosine, max_abs (largest difference), relative (rms of
    the difference over rms of the reference), range (of the reference), and for quantised ones max_steps (max_abs over the scale).
    Raises what InferenceSession raises, ValueError for inputs that do not fit, ImportError without onnxruntime.
    """
    facts = describe(os.fspath(model))
    feed = dict(inputs) if inputs is not None else random_inputs(facts, np.random.default_rng(seed))
    progress(0.0, "software NPU")
    tensors, index = dumped_tensors(model, feed)
    progress(0.4, "ONNX Runtime")
    wanted = reference_tensors(onnx, normalised(facts, feed), set(tensors), facts["batch"])
    makers = {name: node["type"] for node in facts["graphs"][0]["nodes"] for name in node["outputs"]}
    rows = []
    for k, (name, value) in enumerate(tensors.items()):
        progress(0.8 + 0.2 * k / len(tensors), "tensors")
        reference = wanted.get(name)
        if reference is None or reference.size != value.size or name in feed:
            continue
        row = {
            "name": name,
            "type": makers.get(name, ""),
            "dtype": index[name]["dtype"],
            "shape": list(reference.shape),
        }
        row |= distance(value, reference)
        if "scale" in index[name]:
            row["max_steps"] = row["max_abs"] / index[name]["scale"]
        rows.append(row)
    matched = {row["name"] for row in rows}
    return {
        "inputs": "random" if inputs is None else "given",
        "tensors": rows,
        "unmatched": [name for name in tensors if name not in matched and name not in feed],
    }


def distance(value: np.ndarray, reference: np.ndarray) -> dict[str, float]:
    a, b = value.astype(np.float64).ravel(), reference.astype(np.float64).ravel()
    off, norms = a - b, float(np.linalg.norm(a) * np.linalg.norm(b))
    scale = float(np.sqrt((b**2).mean()))
    return {
        "cosine": float(a @ b / norms) if norms else float(np.array_equal(a, b)),
        "max_abs": float(np.abs(off).max()),
        "relative": float(np.sqrt((off**2).mean())) / scale if scale else float(np.abs(off).max()),
        "range": float(np.ptp(b)),
    }


def random_inputs(facts: dict[str, Any], random: np.random.Generator) -> dict[str, np.ndarray]:
    """Numbers within what each input can hold: its quantised range, 0..255 for pictures, -1..1 for floats."""
    feed = {}
    for tensor in facts["graphs"][0]["inputs"]:
        shape = [*tensor["shape"]]
        if facts["batch"] > 1 and shape:
            shape[0] *= facts["batch"]
        if "mean" in tensor:
            value = random.integers(0, 256, shape).astype(np.float32)
        elif tensor["dtype"] in ("int8", "int16") and "scale" in tensor:
            info = np.iinfo(tensor["dtype"])
            low, high = ((n - tensor["zero_point"]) * tensor["scale"] for n in (info.min, info.max))
            value = random.uniform(low, high, shape).astype(np.float32)
        elif tensor["dtype"].startswith("float"):
            value = random.uniform(-1, 1, shape).astype(np.float16).astype(np.float32)
        else:
            value = random.integers(0, 2, shape).astype(tensor["dtype"])
        feed[tensor["name"]] = value
    return feed


def normalised(facts: dict[str, Any], feed: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """What the network behind the model's own normalisation sees."""
    result = dict(feed)
    for tensor in facts["graphs"][0]["inputs"]:
        if "mean" in tensor and tensor["name"] in feed:
            mean, std = (np.asarray(tensor[k], np.float32).reshape(1, -1, 1, 1) for k in ("mean", "std"))
            result[tensor["name"]] = (np.asarray(feed[tensor["name"]], np.float32) - mean) / std
    return result


def dumped_tensors(
    model: str | os.PathLike[str], feed: Mapping[str, np.ndarray]
) -> tuple[dict[str, np.ndarray], dict[str, dict[str, Any]]]:
    """Every tensor of one run on the software NPU, by name, and what the dump's index says of it."""
    before = os.environ.get(DUMP)
    with tempfile.TemporaryDirectory(prefix="ez-rknn-") as folder:
        os.environ[DUMP] = folder
        try:
            with InferenceSession(model, provider_options={"runtime": "software"}) as session:
                session.run(None, feed)
        finally:
            os.environ.pop(DUMP)
            if before is not None:
                os.environ[DUMP] = before
        (run,) = pathlib.Path(folder).iterdir()
        index = {entry["tensor"]: entry for entry in json.loads((run / "index.json").read_text())}
        return {name: np.load(run / entry["file"]) for name, entry in index.items()}, index


def reference_tensors(
    onnx: str | os.PathLike[str], feed: Mapping[str, np.ndarray], names: set[str], batch: int
) -> dict[str, np.ndarray]:
    """Those of the named tensors that the ONNX model has, as ONNX Runtime computes them."""
    try:
        import onnxruntime
    except ImportError as e:
        raise ImportError("comparing needs ONNX Runtime: pip install onnxruntime") from e

    content = pathlib.Path(onnx).read_bytes()
    made = [name for name in node_outputs(content) if name in names]
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL  # no tensor is fused away
    try:
        session = onnxruntime.InferenceSession(with_outputs(content, made), options, providers=["CPUExecutionProvider"])
        types = {i.name: NUMPY_TYPE.get(i.type, np.float32) for i in session.get_inputs()}
        missing = [n for n in types if n not in feed]
        if missing:
            raise ValueError(f"the ONNX model has inputs {', '.join(missing)}, which the .rknn does not have")
        parts = [
            dict(zip(types, sample, strict=True))
            for sample in zip(*(np.split(np.asarray(feed[n]).astype(t), batch) for n, t in types.items()), strict=True)
        ]
        answers = [session.run(made, part) for part in parts]
    except ValueError:
        raise
    except Exception as e:  # onnxruntime's own types, which derive from Exception
        raise ValueError(f"ONNX Runtime and {os.fspath(onnx)}: {str(e).splitlines()[0]}") from e
    return {
        name: np.concatenate(v) if batch > 1 else v[0] for name, v in zip(made, zip(*answers, strict=True), strict=True)
    }


NUMPY_TYPE = {
    "tensor(float)": np.float32,
    "tensor(float16)": np.float16,
    "tensor(double)": np.float64,
    "tensor(int64)": np.int64,
    "tensor(int32)": np.int32,
    "tensor(uint8)": np.uint8,
    "tensor(int8)": np.int8,
    "tensor(bool)": np.bool_,
}

# An ONNX file is a protocol buffer: ModelProto.graph is field 7, GraphProto.node 1 and .output 12, NodeProto.output 2,
# ValueInfoProto.name 1. Reading the names and asking for more outputs takes no more than these.


def fields(data: memoryview) -> Iterator[tuple[int, memoryview]]:
    """Number and bytes of the length-delimited fields of a message; the others are skipped."""
    at = 0

    def varint() -> int:
        nonlocal at
        value = shift = 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    try:
        while at < len(data):
            key = varint()
            if key & 7 == 2:
                size = varint()
                if size > len(data) - at:
                    raise IndexError
                yield key >> 3, data[at : at + size]
                at += size
            elif key & 7 == 0:
                varint()
            else:
                at += {1: 8, 5: 4}[key & 7]
    except (IndexError, KeyError):
        raise ValueError("this is not an ONNX file") from None


def node_outputs(model: bytes) -> list[str]:
    graphs = [graph for number, graph in fields(memoryview(model)) if number == 7]
    nodes = [node for graph in graphs for number, node in fields(graph) if number == 1]
    return [bytes(name).decode() for node in nodes for number, name in fields(node) if number == 2 and len(name)]


def with_outputs(model: bytes, names: list[str]) -> bytes:
    """The model with these tensors as outputs too: parts of a message that follow each other are merged by every reader."""
    graphs = [graph for number, graph in fields(memoryview(model)) if number == 7]
    outputs = [value for graph in graphs for number, value in fields(graph) if number == 12]
    there = {bytes(name).decode() for value in outputs for number, name in fields(value) if number == 1}
    added = b"".join(message(12, message(1, name.encode())) for name in names if name not in there)
    return model + message(7, added)


def message(number: int, content: bytes) -> bytes:
    size, length = len(content), b""
    while size >= 0x80:
        length += bytes([size & 0x7F | 0x80])
        size >>= 7
    return bytes([number << 3 | 2]) + length + bytes([size]) + content
