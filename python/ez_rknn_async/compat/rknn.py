"""RKNN: the class of the vendor's rknn-toolkit2, as far as it runs models. Building them is the vendor's."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, NoReturn

import numpy as np

from ..errors import Unsupported
from .model import Model, reported

__all__ = ["RKNN"]

#: Methods that only the vendor's package has.
BUILDING = frozenset(
    [
        "accuracy_analysis",
        "build",
        "codegen",
        "config",
        "export_encrypted_rknn_model",
        "export_rknn",
        "hybrid_quantization_step1",
        "hybrid_quantization_step2",
        "load_caffe",
        "load_darknet",
        "load_onnx",
        "load_pytorch",
        "load_tensorflow",
        "load_tflite",
        "optimize_onnx",
        "reg_custom_op",
    ]
)


class RKNN(Model):
    """The half that runs models returns codes and None as the vendor's does; the half that builds them raises Unsupported."""

    def __init__(self, verbose: bool = False, verbose_file: str | None = None) -> None:
        super().__init__(verbose, verbose_file)

    def __getattr__(self, name: str) -> Callable[..., NoReturn]:
        if name not in BUILDING:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

        def refuse(*_args: Any, **_kwargs: Any) -> NoReturn:
            raise Unsupported(
                f"RKNN.{name} belongs to building models, which only the vendor's rknn-toolkit2 does. "
                "ez_rknn_async.convert drives an installed one; or run this script with that package's Python"
            )

        return refuse

    @reported(-1)
    def init_runtime(
        self,
        target: str | None = None,
        device_id: str | None = None,
        perf_debug: bool = False,
        eval_mem: bool = False,
        async_mode: bool = False,
        core_mask: int = 0,
        fallback_prior_device: str = "cpu",
    ) -> int:
        """0, or -1 when the model cannot run here (the log says why).

        target      None, or the model's own chip. Either way the model runs on this machine: its NPU, or the software NPU
        core_mask   one of the NPU_CORE_ constants
        The other arguments are accepted and change nothing.
        """
        return self._initialise(target, core_mask)

    @reported(None)
    def inference(
        self,
        inputs: list[np.ndarray],
        data_format: Any = None,
        inputs_pass_through: list[int] | None = None,
        get_frame_id: bool = False,
    ) -> list[np.ndarray] | None:
        """Run once. Returns the outputs as float32 arrays in model order, or None when it failed (the log says why).

        inputs       one array per input; 4-D ones in NHWC, others in the model's own shape
        data_format  None, "nhwc" or "nchw", or a list of these: the order of 4-D inputs
        """
        return self._infer(inputs, None, data_format, inputs_pass_through, get_frame_id)

    @reported(None)
    def eval_perf(self, is_print: bool = True, fix_freq: bool = True, loop_cnt: int = 10) -> dict[str, Any] | None:
        """Time of `loop_cnt` runs on zeros, in microseconds: {"runs", "average_us", "minimum_us", "fps"}."""
        session = self._ready()
        feed = [np.zeros(node.shape, dtype=np.float32) for node in session.get_inputs()]
        session.run(None, feed)  # the first one prepares
        times = []
        for _ in range(max(1, loop_cnt)):
            start = time.perf_counter_ns()
            session.run(None, feed)
            times.append((time.perf_counter_ns() - start) / 1e3)
        average = sum(times) / len(times)
        result = {"runs": len(times), "average_us": average, "minimum_us": min(times), "fps": 1e6 / average}
        if is_print:
            print(
                f"{result['runs']} runs on {session.get_providers()[0]}: {average:.0f} us on average, {result['fps']:.1f} fps"
            )
        return result

    @reported(None)
    def eval_memory(self, is_print: bool = True) -> dict[str, int] | None:
        """Bytes: {"weight_memory", "internal_memory", "other_memory", "total_memory"}; other is what else the file holds."""
        self._ready()
        facts = self._description()
        weights, internal = facts["weight_bytes"], max(g["arena_bytes"] for g in facts["graphs"])
        other = max(0, facts["file_bytes"] - weights)
        result = {
            "weight_memory": weights,
            "internal_memory": internal,
            "other_memory": other,
            "total_memory": weights + internal + other,
        }
        if is_print:
            print("\n".join(f"{name.replace('_', ' '):16} {count:12} bytes" for name, count in result.items()))
        return result
