"""The same package under the name of the one whose interface it follows: change nothing but what is installed."""

import importlib
import sys

from ez_rknn_async import *  # noqa: F403
from ez_rknn_async import __all__, __version__  # noqa: F401

# Its modules too are the same objects under both names.
for _module in (
    "errors",
    "capi",
    "capi.onnxruntime_pybind11_state",
    "capi.onnxruntime_inference_collection",
    "capi._pybind_state",
):
    sys.modules[f"{__name__}.{_module}"] = importlib.import_module(f"ez_rknn_async.{_module}")
capi = sys.modules[f"{__name__}.capi"]
