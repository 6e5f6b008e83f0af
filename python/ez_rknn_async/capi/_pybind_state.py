"""Another of onnxruntime's names for onnxruntime_pybind11_state."""

from ..errors import DeviceReset, ModelRequiresCompilation, NotFound, NotImplemented  # noqa: F401
from .onnxruntime_pybind11_state import *  # noqa: F403
