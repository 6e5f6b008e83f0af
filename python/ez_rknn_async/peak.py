"""The most multiply-accumulates a second that a runtime reaches here: one large matrix product, by its own rknn_matmul functions.

Those belong to the C interface that every librknnrt has, so the figure is of the very library that runs the models; nothing of the
session engine is involved.
"""

from __future__ import annotations

import ctypes
import time

M, K, N = 512, 1024, 512
TYPES = {"float": 1, "int8": 2}  # float16 x float16 -> float32, int8 x int8 -> int32
SECONDS = 0.3
NAME, DIMS = 256, 16


class _Attribute(ctypes.Structure):
    _fields_ = (
        ("name", ctypes.c_char * NAME),
        ("n_dims", ctypes.c_uint32),
        ("dims", ctypes.c_uint32 * DIMS),
        ("size", ctypes.c_uint32),
        ("type", ctypes.c_int32),
    )


class _Attributes(ctypes.Structure):
    _fields_ = (("A", _Attribute), ("B", _Attribute), ("C", _Attribute))


class _Info(ctypes.Structure):
    _fields_ = (
        ("M", ctypes.c_int32),
        ("K", ctypes.c_int32),
        ("N", ctypes.c_int32),
        ("type", ctypes.c_int32),
        ("layouts", ctypes.c_int16 * 4),
        ("iommu_domain_id", ctypes.c_int32),
        ("group_size", ctypes.c_int16),
        ("reserved", ctypes.c_int8 * 34),
    )


class _Memory(ctypes.Structure):
    _fields_ = (("virt_addr", ctypes.c_void_p),)  # the rest is the library's


def gemm_peaks(library: str, seconds: float = SECONDS) -> dict[str, float]:
    """10^9 multiply-accumulates a second by kind of number, "int8" and "float" (float16 in, float32 sums): the best of several runs.

    library  the path of a librknnrt. A kind that it does not multiply, as on old versions, is left out.
    """
    runtime = ctypes.CDLL(library)
    for name in ("rknn_matmul_create", "rknn_matmul_run", "rknn_matmul_set_io_mem", "rknn_create_mem"):
        if not hasattr(runtime, name):
            return {}
    runtime.rknn_create_mem.restype = ctypes.POINTER(_Memory)
    runtime.rknn_create_mem.argtypes = (ctypes.c_uint64, ctypes.c_uint32)
    runtime.rknn_destroy_mem.argtypes = (ctypes.c_uint64, ctypes.c_void_p)
    runtime.rknn_matmul_set_io_mem.argtypes = (ctypes.c_uint64, ctypes.c_void_p, ctypes.c_void_p)
    runtime.rknn_matmul_run.argtypes = runtime.rknn_matmul_destroy.argtypes = (ctypes.c_uint64,)
    peaks = {}
    for kind, number in TYPES.items():
        best = _best_time(runtime, number, seconds)
        if best is not None:
            peaks[kind] = M * K * N / best / 1e9
    return peaks


def _best_time(runtime: ctypes.CDLL, number: int, seconds: float) -> float | None:
    """Seconds of the fastest run; None when the library does not do it."""
    context, attributes = ctypes.c_uint64(), _Attributes()
    if runtime.rknn_matmul_create(
        ctypes.byref(context), ctypes.byref(_Info(M, K, N, number)), ctypes.byref(attributes)
    ):
        return None
    memories = []
    try:
        for name in "ABC":
            attribute = getattr(attributes, name)
            memory = runtime.rknn_create_mem(context, attribute.size)
            if not memory:
                return None
            memories.append(memory)
            ctypes.memset(memory.contents.virt_addr, 0x11, attribute.size)  # small numbers as int8 and as float16
            if runtime.rknn_matmul_set_io_mem(context, memory, ctypes.byref(attribute)):
                return None
        best = None
        end = time.perf_counter() + seconds
        while best is None or time.perf_counter() < end:
            begin = time.perf_counter()
            if runtime.rknn_matmul_run(context):
                return None
            spent = time.perf_counter() - begin
            best = spent if best is None else min(best, spent)
        return best
    finally:
        for memory in memories:
            runtime.rknn_destroy_mem(context, memory)
        runtime.rknn_matmul_destroy(context)
