"""Run Rockchip .rknn models on the NPU, or anywhere, with an ONNX-Runtime-like API.

import ez_rknn_async as ez
session = ez.InferenceSession("model.rknn")
outputs = session.run(None, {"images": array})
"""

from __future__ import annotations

import atexit
from typing import TYPE_CHECKING, Any

from . import _core, errors
from ._core import RunOptions, npu_present, software_runtime_path
from .binding import IOBinding, SessionIOBinding
from .devices import OrtDevice
from .environment import (
    disable_telemetry_events,
    enable_telemetry_events,
    get_all_providers,
    get_available_providers,
    get_build_info,
    get_device,
    get_version_string,
    preload_dlls,
    set_default_logger_severity,
    set_default_logger_verbosity,
    set_seed,
)
from .errors import (
    Cancelled,
    Closed,
    DeviceError,
    EngineError,
    EPFail,
    Error,
    Fail,
    InvalidArgument,
    InvalidGraph,
    InvalidProtobuf,
    InvalidType,
    ModelError,
    ModelLoadCanceled,
    ModelLoaded,
    NoModel,
    NoSuchFile,
    QueueFull,
    RuntimeException,
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
from .session_options import ExecutionMode, ExecutionOrder, GraphOptimizationLevel, SessionOptions
from .values import OrtValue

if TYPE_CHECKING:
    from .conversion import convert

__version__: str = _core.version

__all__ = [
    "Cancelled",
    "Closed",
    "DeviceError",
    "EPFail",
    "EngineError",
    "Error",
    "ExecutionMode",
    "ExecutionOrder",
    "Fail",
    "GraphOptimizationLevel",
    "IOBinding",
    "InferenceSession",
    "InvalidArgument",
    "InvalidGraph",
    "InvalidProtobuf",
    "InvalidType",
    "ModelError",
    "ModelLoadCanceled",
    "ModelLoaded",
    "ModelMetadata",
    "NoModel",
    "NoSuchFile",
    "NodeArg",
    "OrtDevice",
    "OrtValue",
    "QueueFull",
    "RknnProviderOptions",
    "Rknpu2ProviderOptions",
    "Rknpu3ProviderOptions",
    "RunOptions",
    "RuntimeException",
    "RuntimeMissing",
    "SessionIOBinding",
    "SessionOptions",
    "Timeout",
    "ToolkitError",
    "ToolkitMissing",
    "Unsupported",
    "convert",
    "disable_telemetry_events",
    "enable_telemetry_events",
    "errors",
    "get_all_providers",
    "get_available_providers",
    "get_build_info",
    "get_device",
    "get_version_string",
    "known_options",
    "make_provider_options",
    "make_rknpu2_provider_options",
    "make_rknpu3_provider_options",
    "npu_present",
    "preload_dlls",
    "set_default_logger_severity",
    "set_default_logger_verbosity",
    "set_seed",
    "software_runtime_path",
]

# Callbacks need the interpreter: whatever is accepted is delivered before it ends.
atexit.register(_core.close_all)


def __getattr__(name: str) -> Any:
    if name == "convert":  # few programs compile models: the others do not pay for its imports
        from .conversion import convert

        return convert
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
