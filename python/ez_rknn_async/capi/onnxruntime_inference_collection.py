"""The names that programs import from onnxruntime's module of this name: InferenceSession and what belongs to it."""

from ez_rknn_async import *  # noqa: F403
