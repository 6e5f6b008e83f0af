"""The names that programs import from onnxruntime's module of this name: exceptions above all."""

from ez_rknn_async import *  # noqa: F403
from ez_rknn_async.errors import DeviceReset, ModelRequiresCompilation, NotFound, NotImplemented  # noqa: F401
