"""onnxruntime's functions about the process: providers, device, version, logging. The rest has no meaning here and does nothing."""

from __future__ import annotations

import operator
import os
import platform
from typing import Any

from . import _core
from .errors import InvalidArgument
from .options import NPU, SOFTWARE

__all__ = [
    "disable_telemetry_events",
    "enable_telemetry_events",
    "get_all_providers",
    "get_available_providers",
    "get_build_info",
    "get_device",
    "get_version_string",
    "preload_dlls",
    "set_default_logger_severity",
    "set_default_logger_verbosity",
    "set_seed",
]


def get_all_providers() -> list[str]:
    """The names that `providers` understands, best first."""
    return [NPU, SOFTWARE]


def get_available_providers() -> list[str]:
    """What a session can run on here, best first: the NPU where there is one, and the software NPU."""
    asked = [os.environ.get(name) for name in ("EZ_RKNN_RUNTIME", "ZTU_RKNPU2_RUNTIME_LIBRARY")]
    library = next((value for value in asked if value), "")
    npu = library.lower() != "software" if library else _core.npu_present()
    return get_all_providers() if npu else [SOFTWARE]


def get_device() -> str:
    """ "NPU" or "CPU": what a session runs on unless told otherwise."""
    return "NPU" if get_available_providers()[0] == NPU else "CPU"


def get_version_string() -> str:
    """The version of this package."""
    return _core.version


def get_build_info() -> str:
    """One line for bug reports."""
    return f"ez-rknn-async {_core.version}, {platform.machine()}, software NPU {_core.software_runtime_path() or 'missing'}"


def set_default_logger_severity(severity: int) -> None:
    """Messages below are dropped: 0 verbose, 1 information, 2 warnings, 3 errors, 4 none but fatal errors.

    Holds for the engine, for the software NPU, and for the warnings of sessions made from now on. The vendor's library reads the
    environment variable RKNN_LOG_LEVEL instead. Python's `logging` is never touched.
    """
    level = operator.index(severity)
    if not 0 <= level <= 4:
        raise InvalidArgument(f"severity {severity!r}; accepted: 0 (verbose) to 4 (fatal)")
    _core.set_log_severity(level)


def set_default_logger_verbosity(verbosity: int) -> None:
    """No effect: set_default_logger_severity(0) shows all there is."""
    operator.index(verbosity)


def set_seed(seed: int) -> None:
    """No effect: nothing here is random."""
    operator.index(seed)


def enable_telemetry_events() -> None:
    """No effect: nothing is ever sent anywhere."""


def disable_telemetry_events() -> None:
    """No effect: nothing is ever sent anywhere."""


def preload_dlls(cuda: bool = True, cudnn: bool = True, msvc: bool = True, directory: Any = None) -> None:
    """No effect: no such libraries are used."""
