"""RKNNLite: the class of the vendor's rknn-toolkit-lite2, which runs models on a board."""

from __future__ import annotations

from typing import Any

import numpy as np

from .model import Model, reported

__all__ = ["RKNNLite"]


class RKNNLite(Model):
    """Load, initialise, run, release. Nothing raises: see the return values and the log."""

    @reported(-1)
    def init_runtime(
        self, target: str | None = None, device_id: str | None = None, async_mode: bool = False, core_mask: int = 0
    ) -> int:
        """0, or -1 when the model cannot run here (the log says why).

        target      None, or the model's own chip
        device_id   not used: the model runs on this machine
        async_mode  accepted; results are always those of the inputs given
        core_mask   one of the NPU_CORE_ constants
        """
        return self._initialise(target, core_mask)

    @reported(None)
    def inference(
        self,
        inputs: list[np.ndarray],
        data_type: Any = None,
        data_format: Any = None,
        inputs_pass_through: list[int] | None = None,
        get_frame_id: bool = False,
        reuse_outputs: bool = False,
    ) -> list[np.ndarray] | None:
        """Run once. Returns the outputs as float32 arrays in model order, or None when it failed (the log says why).

        inputs       one array per input; 4-D ones in NHWC, others in the model's own shape
        data_type    None, or a dtype name (or a list of them) that inputs are converted to first
        data_format  None, "nhwc" or "nchw", or a list of these: the order of 4-D inputs
        reuse_outputs  accepted; outputs are always the caller's own
        """
        return self._infer(inputs, data_type, data_format, inputs_pass_through, get_frame_id)
