"""Names of the places a tensor can lie in."""

from __future__ import annotations

from typing import Any

from .errors import InvalidArgument

CPU, NPU = "cpu", "rknpu2"
_NAMES = {"cpu": CPU, "rknpu2": NPU, "rknpu": NPU, "rknn": NPU, "npu": NPU}
_NUMBERS = {CPU: 0, NPU: 3}  # ONNX Runtime's


def device_name(device: Any, device_id: Any = 0) -> str:
    """ "cpu" or "rknpu2", of a name in any letter case or an OrtDevice. There is one of each: `device_id` is 0."""
    if isinstance(device, OrtDevice):
        return device.device_name()
    name = _NAMES.get(str(device).lower())
    if name is None:
        raise InvalidArgument(f"device_type: {device!r} given; accepted: {', '.join(_NAMES)}")
    if device_id not in (0, None):
        raise InvalidArgument(f"device_id: {device_id!r} given; accepted: 0")
    return name


class OrtDevice:
    """The CPU, or the NPU (which is also what the software NPU's memory is called)."""

    __slots__ = ("_name",)

    def __init__(self, name: str) -> None:
        self._name = device_name(name)

    @staticmethod
    def make(ort_device_name: str, device_id: int = 0, vendor_id: int = -1) -> OrtDevice:
        """By name, in any letter case; `device_id` is 0."""
        del vendor_id
        return OrtDevice(device_name(ort_device_name, device_id))

    def device_name(self) -> str:
        """ "cpu" or "rknpu2"."""
        return self._name

    def device_id(self) -> int:
        """Always 0: there is one of each."""
        return 0

    def device_type(self) -> int:
        """0 for the CPU, 3 for an NPU, as in ONNX Runtime."""
        return _NUMBERS[self._name]

    def device_vendor_id(self) -> int:
        """Always 0: not stated."""
        return 0

    def device_mem_type(self) -> int:
        """Always 0, the default memory."""
        return 0

    def __eq__(self, other: object) -> bool:
        return isinstance(other, OrtDevice) and other._name == self._name

    def __hash__(self) -> int:
        return hash(self._name)

    def __repr__(self) -> str:
        return f"OrtDevice({self._name!r})"
