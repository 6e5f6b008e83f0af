"""How users call this package, for the type checker: `mypy --strict` accepts every line. It is not run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import ez_rknn_async as ez
import ztu_somemodelruntime_ez_rknn_async as alias
from ez_rknn_async.capi.onnxruntime_pybind11_state import Fail, NoSuchFile


def load(path: Path) -> ez.InferenceSession:
    options = ez.SessionOptions()
    options.graph_optimization_level = ez.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.intra_op_num_threads = 2
    options.add_session_config_entry("key", "value")
    try:
        return ez.InferenceSession(
            path,
            options,
            providers=["RKNPU2ExecutionProvider", "CPUExecutionProvider"],
            provider_options=ez.make_provider_options(layout="nchw", schedule=[0, 1, 2], max_queue_size=4),
        )
    except NoSuchFile as e:
        raise SystemExit(str(e)) from e
    except Fail:
        return ez.InferenceSession(str(path), provider_options=[{"runtime": "software"}])


def load_content(content: bytes | bytearray | memoryview, master: ez.InferenceSession) -> ez.InferenceSession:
    plain: dict[str, Any] = {"runtime": "software", "threads_per_core": 2}
    return ez.InferenceSession(content, provider_options=plain, use_weight_from=master)


def run(session: ez.InferenceSession, image: NDArray[np.float32]) -> NDArray[Any]:
    name: str = session.input_names[0]
    outputs = session.run(None, {name: image})
    outputs = session.run(["output0"], [image])
    outputs = session.run(session.output_names, image, {"ztu_modelrt_dispatch_batch": True})
    first: NDArray[Any] = outputs[0]
    return first


def run_later(session: ez.InferenceSession, image: NDArray[np.float32]) -> list[NDArray[Any]]:
    collected: list[NDArray[Any]] = []

    def callback(results: list[NDArray[Any]] | None, user_data: Any, error: str) -> None:
        if results is None:
            raise RuntimeError(f"{user_data}: {error}")
        collected.extend(results)

    session.run_async(None, {"images": image}, callback, user_data=42)
    outputs = session.run_pipeline({"images": image}, depth=3)
    if outputs is not None:
        collected.extend(outputs)
    return collected


def describe(session: ez.InferenceSession) -> dict[str, str]:
    for node in [*session.get_inputs(), *session.get_outputs()]:
        shape: list[int] = node.shape
        scale: float | None = node.scale
        print(node.name, shape, node.type, node.native_type, node.layout, scale, node.zero_point)
    weights: int = session.get_memory_info()["weights"]
    print(weights, session.get_perf_detail(), session.get_runtime()["path"], session.get_providers())
    metadata = session.get_modelmeta()
    version: int = metadata.version
    print(metadata.producer_name, version, ez.get_available_providers(), ez.get_device())
    return metadata.custom_metadata_map


def under_the_other_name(path: str) -> ez.InferenceSession:
    with alias.InferenceSession(path) as session:
        return session


def bind(session: ez.InferenceSession, image: NDArray[np.float32], limits: ez.RunOptions) -> NDArray[Any]:
    binding = session.io_binding()
    binding.bind_cpu_input("images", image)
    binding.bind_output("output0", "cpu")
    session.run_with_iobinding(binding, limits, timeout=1.5)
    values: list[ez.OrtValue] = session.run_with_iobinding_async(binding).result(2.0)
    value = ez.OrtValue.ortvalue_from_numpy(image)
    first: NDArray[Any] = session.run_with_ort_values(["output0"], {"images": value}, limits)[0].numpy()
    return first if values else binding.copy_outputs_to_cpu()[0]


async def in_an_event_loop(session: ez.InferenceSession, images: list[NDArray[np.float32]]) -> int:
    outputs: list[NDArray[Any]] = await session.arun(None, images[0], timeout=1.0)
    async for results in session.amap(images):
        outputs = results
    return len(outputs)


def in_flight(session: ez.InferenceSession, images: list[NDArray[np.float32]]) -> list[list[NDArray[Any]]]:
    future = session.submit(None, images[0])
    everything: list[list[NDArray[Any]]] = [future.result(1.0)]
    with session.pipeline(depth=3) as pipeline:
        for image in images:
            outputs: list[NDArray[Any]] | None = pipeline.push(image)
            if outputs is not None:
                everything.append(outputs)
        everything += pipeline.flush()
    everything += session.map(images)
    submitted: int = session.stats()["submitted"]
    session.warmup(2)
    return everything[:submitted]
