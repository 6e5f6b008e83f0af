"""Run Rockchip .rknn models on the NPU, or anywhere, with an ONNX-Runtime-like API.

import ez_rknn_async as ez
session = ez.InferenceSession("model.rknn")
outputs = session.run(None, {"images": array})
"""

from __future__ import annotations

import atexit
from typing import TYPE_CHECKING, Any

from . import _core, errors
from ._core import npu_present, software_runtime_path
from .binding import IOBinding, SessionIOBinding
from .devices import OrtDevice
from .errors import (
    Closed,
    DeviceError,
    Error,
    InvalidArgument,
    InvalidType,
    ModelError,
    NoSuchFile,
    QueueFull,
    RuntimeMissing,
    Timeout,
    ToolkitError,
    ToolkitMissing,
    Unsupported,
)
from .nodes import ModelMetadata, NodeArg
from .options import (
    RknnProviderOptions,
    Rknpu2ProviderOptions,
    Rknpu3ProviderOptions,
    known_options,
    make_provider_options,
    make_rknpu2_provider_options,
    make_rknpu3_provider_options,
)
from .session import InferenceSession
from .values import OrtValue

if TYPE_CHECKING:
    from .conversion import convert

__version__: str = _core.version

__all__ = [
    "Closed",
    "DeviceError",
    "Error",
    "IOBinding",
    "InferenceSession",
    "InvalidArgument",
    "InvalidType",
    "ModelError",
    "ModelMetadata",
    "NoSuchFile",
    "NodeArg",
    "OrtDevice",
    "OrtValue",
    "QueueFull",
    "RknnProviderOptions",
    "Rknpu2ProviderOptions",
    "Rknpu3ProviderOptions",
    "RuntimeMissing",
    "SessionIOBinding",
    "Timeout",
    "ToolkitError",
    "ToolkitMissing",
    "Unsupported",
    "convert",
    "errors",
    "known_options",
    "make_provider_options",
    "make_rknpu2_provider_options",
    "make_rknpu3_provider_options",
    "npu_present",
    "software_runtime_path",
]

# Callbacks need the interpreter: whatever is accepted is delivered before it ends.
atexit.register(_core.close_all)


def __getattr__(name: str) -> Any:
    if name == "convert":  # few programs compile models: the others do not pay for its imports
        from .conversion import convert

        return convert
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
