"""Errors. Every one is a RuntimeError, and also the built-in class that a Python programmer would catch for it."""

from __future__ import annotations

__all__ = [
    "Cancelled",
    "Closed",
    "DeviceError",
    "EPFail",
    "EngineError",
    "Error",
    "Fail",
    "InvalidArgument",
    "InvalidGraph",
    "InvalidProtobuf",
    "InvalidType",
    "ModelError",
    "ModelLoadCanceled",
    "ModelLoaded",
    "NoModel",
    "NoSuchFile",
    "QueueFull",
    "RuntimeException",
    "RuntimeMissing",
    "Timeout",
    "ToolkitError",
    "ToolkitMissing",
    "Unsupported",
]


class Error(RuntimeError):
    """Anything that went wrong in this package."""


class InvalidArgument(Error, ValueError):
    """A value is not accepted: a name, shape, option. The message holds the value and what is accepted."""


class InvalidType(InvalidArgument, TypeError):
    """A value's type, or an array's dtype, is not accepted."""


class NoSuchFile(Error, FileNotFoundError):
    """A path that does not exist, cannot be read, or is no file."""


class ModelError(Error, ValueError):
    """The bytes are no well-formed .rknn model."""

    offset: int | None = None
    """The byte of the file whose value was refused, where that is known."""


class Unsupported(Error, NotImplementedError):
    """Well-formed, but something this version cannot execute; the message names it."""


class RuntimeMissing(Error):
    """No usable librknnrt was found; the message lists every path tried."""


class DeviceError(Error):
    """A call into librknnrt failed."""

    rknn_ret: int = -1
    """What the call returned."""


class QueueFull(Error, TimeoutError):
    """There was no room for a task within submit_timeout_ms. Nothing was queued."""


class Timeout(Error, TimeoutError):
    """A wait with a limit reached it."""


class Closed(Error):
    """The session is closed, or was made in another process (before a fork)."""


class ToolkitMissing(Error):
    """convert found no rknn-toolkit2; the message says what to install and how to name it."""


class ToolkitError(Error):
    """rknn-toolkit2 refused a model or died; the message ends with its own last lines."""


class Cancelled(Error):
    """The call was ended before its task began: RunOptions.terminate was set."""


class ModelLoadCanceled(Error):
    """SessionOptions.set_load_cancellation_flag(True) was called before the session was made."""


# ONNX Runtime's names. It has one class a status code; a handler written for one of them catches what is meant by it here.
Fail = RuntimeException = Error
InvalidProtobuf = InvalidGraph = NoModel = ModelError
EngineError = EPFail = DeviceReset = DeviceError
NotImplemented = Unsupported  # not in __all__: it is a built-in name


class ModelLoaded(Error):
    """Never raised: a session has one model."""


class ModelRequiresCompilation(Error):
    """Never raised: a .rknn model is compiled."""


class NotFound(Error):
    """Never raised; see NoSuchFile, InvalidArgument and RuntimeMissing."""
