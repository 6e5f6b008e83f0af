"""OrtValue: a tensor in host memory, or in memory the NPU reads and writes without a copy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from . import _core
from .devices import CPU, NPU, device_name
from .element_types import ElementType, element_type, type_name
from .errors import InvalidArgument, InvalidType

if TYPE_CHECKING:
    from .session import InferenceSession

_FLAGS = {
    "default": 0,
    "cacheable": 1,
    "non_cacheable": 2,
    "non-cacheable": 2,
    "uncached": 2,
    "try_sram": 4,
    "sram": 4,
}
_LAYOUTS = {"native": "native", "nhwc": "nhwc", "onnx": "dense", "nchw": "dense", "dense": "dense"}


class OrtValue:
    """A tensor. Copies of the object, and every array or DLPack capsule made of it, share its memory.

    A value of a model's own type holds the model's own numbers; of another type, real values that the runtime converts.
    """

    __slots__ = ("_value",)

    def __init__(self, value: _core.Value) -> None:
        self._value = value

    # ---- making

    @classmethod
    def ortvalue_from_numpy(
        cls,
        numpy_obj: Any,
        device_type: Any = CPU,
        device_id: int = 0,
        vendor_id: int = -1,
        *,
        name: str | None = None,
        session: InferenceSession | None = None,
        io_kind: str = "input",
        layout: str = "native",
        sync: bool = True,
    ) -> OrtValue:
        """On the CPU a view of the array, which is kept; on the NPU a copy in device memory.

        name, session, io_kind  the input or output whose layout and type the device memory gets. An array of another
                                type than the model's own is cast to it
        layout                  "native": as the session's zero_copy_layout says; "nhwc"; "onnx": as the array
        sync                    ignored: device values are in step with the CPU after each write
        """
        del vendor_id, sync
        array = np.asarray(numpy_obj, order="C")
        if device_name(device_type, device_id) == CPU:
            return cls(_core.Value.wrap(_native(array)))
        if session is None and name is None:
            value = _core.Value.on_device(type_name(array.dtype), list(array.shape), 0)
        else:
            core, name = _port(session, name)
            order = _choice("layout", layout, {**_LAYOUTS, "onnx": "native"})
            value = _core.Value.for_port(core, io_kind, name, None, list(array.shape), 0, order)
            array = array.astype(value.type(), copy=False)
        value.write(array)
        return cls(value)

    @classmethod
    def ortvalue_from_shape_and_type(
        cls,
        shape: Sequence[int],
        element_type: Any,
        device_type: Any = CPU,
        device_id: int = 0,
        vendor_id: int = -1,
        memory_info: Any = None,
        *,
        name: str | None = None,
        session: InferenceSession | None = None,
        io_kind: str = "input",
        layout: str = "native",
        mem_flags: str | int | None = "cacheable",
    ) -> OrtValue:
        """Zeroed.

        element_type  numpy's, ONNX Runtime's or ONNX's spelling
        session       with `name`: device memory for that input or output; without: for any session, a dma-buf where
                      the machine has a heap for it
        mem_flags     "default", "cacheable", "non_cacheable", "sram", or their number: which heap the memory is from
        """
        del vendor_id, memory_info
        type_ = type_name(element_type)
        dims = [int(d) for d in shape]
        if device_name(device_type, device_id) == CPU:
            return cls(_core.Value.allocate(type_, dims))
        flags = _flags(mem_flags)
        if session is None and name is None:
            return cls(_core.Value.on_device(type_, dims, flags))
        core, name = _port(session, name)
        order = _choice("layout", layout, _LAYOUTS)
        return cls(_core.Value.for_port(core, io_kind, name, type_, dims, flags, order))

    @classmethod
    def ortvalue_from_dmabuf(
        cls,
        fd: int,
        shape: Sequence[int],
        element_type: Any,
        *,
        size: int | None = None,
        offset: int = 0,
        virt_addr: int | None = None,
        session: InferenceSession | None = None,
        name: str | None = None,
        io_kind: str = "input",
        layout: str = "native",
        w_stride: int = 0,
        h_stride: int = 0,
    ) -> OrtValue:
        """Memory behind a descriptor: a dma-buf of a decoder, camera or another process. The descriptor is duplicated.

        size, offset        the bytes that are used; up to the end of the file by default
        virt_addr           a mapping of the caller's that stays; one is made by default
        session, name       the input or output it is for; without them it fits every dense tensor of its shape
        layout              what lies there: "native" (the session's device layout), "nhwc", or "onnx" (as `shape`)
        w_stride, h_stride  pixels from row to row and rows from image to image, with layout "nhwc"
        """
        order = _choice("layout", layout, _LAYOUTS)
        dims, type_ = [int(d) for d in shape], type_name(element_type)
        place = (int(fd), int(size or 0), int(offset), int(virt_addr or 0))
        if session is None and name is None:
            return cls(_core.Value.from_fd(type_, dims, *place, order, w_stride, h_stride))
        core, name = _port(session, name)
        return cls(_core.Value.for_port_fd(core, io_kind, name, *place, type_, dims, order, w_stride, h_stride))

    @classmethod
    def ortvalue_from_numpy_with_onnx_type(cls, data: np.ndarray, onnx_element_type: int) -> OrtValue:
        """A view of the array whose elements are taken for another type of the same size, for example bfloat16 (16)."""
        return cls(_core.Value.wrap_as(np.asarray(data, order="C"), type_name(onnx_element_type)))

    @classmethod
    def from_dlpack(cls, data: Any) -> OrtValue:
        """A view of any dense CPU tensor with __dlpack__, or of a DLPack capsule."""
        return cls(_core.Value.wrap(data))

    # ---- looking at

    def numpy(self) -> np.ndarray:
        """A copy, dense, in the order of shape()."""
        array: np.ndarray = self._value.read()
        return array

    def data_ptr(self) -> int:
        """The address of the first element; of device memory that of its mapping."""
        return self._value.data_ptr()

    def device_name(self) -> str:
        """ "cpu" or "rknpu2"."""
        return self._value.device()

    def device_type(self) -> str:
        """As device_name()."""
        return self._value.device()

    def device_id(self) -> int:
        """Always 0: there is one of each device."""
        return 0

    def shape(self) -> list[int]:
        """As numpy() gives it."""
        return self._value.shape()

    def element_type(self) -> ElementType:
        """ "tensor(float)"; int() of it is ONNX's number, which onnxruntime's method returns."""
        return element_type(self._value.type())

    def data_type(self) -> str:
        """ "tensor(float)", in ONNX Runtime's words."""
        return self._value.onnx_type()

    def tensor_size_in_bytes(self) -> int:
        """Of the elements, without padding."""
        return self._value.bytes()

    def quantisation(self) -> tuple[float, int] | None:
        """(scale, zero_point) of a quantised model's own numbers: real = (number - zero_point) * scale."""
        pair: tuple[float, int] | None = self._value.quantisation()
        return pair

    def is_tensor(self) -> bool:
        """Always True: there are only tensors."""
        return True

    def is_sparse_tensor(self) -> bool:
        """Always False."""
        return False

    def is_tensor_sequence(self) -> bool:
        """Always False."""
        return False

    def has_value(self) -> bool:
        """Always True: a value without memory does not exist."""
        return True

    def memory_info(self) -> dict[str, Any]:
        """Where the value lies: device_type, device_id; of device memory also size, fd, offset, virt_addr, strides, ..."""
        info = self._value.memory_info()
        return info if self.device_name() == NPU else {k: info[k] for k in ("device_type", "device_id")}

    def fileno(self) -> int:
        """The descriptor of device memory, the value's own: duplicate it to keep it longer."""
        fd: int = self._value.memory_info()["fd"]
        if fd < 0:
            raise InvalidArgument("the value has no descriptor; accepted: a device value whose memory can be shared")
        return fd

    # ---- changing

    def update_inplace(self, data: Any) -> None:
        """Copies an array, or another value, of exactly this shape and type. The address stays."""
        if isinstance(data, OrtValue):
            self._value.write_value(data._value)
        else:
            self._value.write(data)

    def sync_to_device(self) -> None:
        """After writing to data_ptr() or a view of device memory."""
        self._value.sync_to_device()

    def sync_from_device(self) -> None:
        """Before reading device memory by its address or a view."""
        self._value.sync_from_device()

    # ---- exchanging

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        if copy or self.device_name() == NPU:
            if copy is False:
                raise ValueError("a device value becomes an array of its own by a copy only")
            array = self.numpy()
        else:
            array = self._value.view()
        if dtype is None or array.dtype == dtype:
            return array
        if copy is False:
            raise ValueError(f"{array.dtype} becomes {np.dtype(dtype)} by a copy only")
        return array.astype(dtype)

    def __dlpack__(self, **kwargs: Any) -> Any:
        """The same memory. Device memory is mapped, and is CPU memory to DLPack; it is synchronised for reading first."""
        self._value.sync_from_device()
        return self._value.exchange().__dlpack__(**kwargs)

    def __dlpack_device__(self) -> tuple[int, int]:
        return (1, 0)

    def __repr__(self) -> str:
        return f"OrtValue({self.data_type()}, {self.shape()}, {self.device_name()!r})"


def _native(array: np.ndarray) -> np.ndarray:
    type_name(array.dtype)  # raises for a type no model takes
    if not array.dtype.isnative:
        raise InvalidType(f"dtype {array.dtype} given; accepted: this machine's byte order")
    return array


def _port(session: InferenceSession | None, name: str | None) -> tuple[_core.Session, str]:
    if session is None or name is None:
        raise InvalidArgument("session and name belong together: the input or output that the device memory is for")
    core = getattr(session, "_core", None)
    if core is None:
        raise InvalidType(f"session: {type(session).__name__} given; accepted: an InferenceSession")
    return core, name


def _choice(what: str, given: Any, known: dict[str, str]) -> str:
    chosen = known.get(str(given).lower())
    if chosen is None:
        raise InvalidArgument(f"{what}: {given!r} given; accepted: {', '.join(known)}")
    return chosen


def _flags(given: str | int | None) -> int:
    if given is None:
        return 0
    if isinstance(given, str) and given.strip().lower() in _FLAGS:
        return _FLAGS[given.strip().lower()]
    if isinstance(given, int) and not isinstance(given, bool) and given in _FLAGS.values():
        return given
    raise InvalidArgument(f"mem_flags: {given!r} given; accepted: {', '.join(_FLAGS)}, or 0, 1, 2, 4")
