"""Element types in the three spellings in use: numpy's, ONNX Runtime's text ("tensor(float)") and ONNX's numbers."""

from __future__ import annotations

from typing import Any

import numpy as np

from .errors import InvalidType

# numpy's name -> (ONNX Runtime's text, ONNX's number)
_TYPES: dict[str, tuple[str, int]] = {
    "float32": ("tensor(float)", 1),
    "uint8": ("tensor(uint8)", 2),
    "int8": ("tensor(int8)", 3),
    "uint16": ("tensor(uint16)", 4),
    "int16": ("tensor(int16)", 5),
    "int32": ("tensor(int32)", 6),
    "int64": ("tensor(int64)", 7),
    "bool": ("tensor(bool)", 9),
    "float16": ("tensor(float16)", 10),
    "float64": ("tensor(double)", 11),
    "uint32": ("tensor(uint32)", 12),
    "bfloat16": ("tensor(bfloat16)", 16),
    "int4": ("tensor(int4)", 22),
}
_BY_TEXT = {text: name for name, (text, _) in _TYPES.items()}
_BY_NUMBER = {number: name for name, (_, number) in _TYPES.items()}


class ElementType(str):
    """The text "tensor(float)" of an element type; `int()` of it, and its use as an index, give ONNX's number."""

    __slots__ = ()

    def __int__(self) -> int:
        return _TYPES[_BY_TEXT[str(self)]][1]

    __index__ = __int__


def element_type(name: str) -> ElementType:
    return ElementType(_TYPES[name][0])


def type_name(spec: Any) -> str:
    """numpy's name of a type in any spelling: "float32" of np.float32, np.dtype("f4"), "tensor(float)", 1.

    Raises InvalidType for what is none.
    """
    if isinstance(spec, str):
        name = _BY_TEXT.get(str(spec), str(spec))
        if name in _TYPES:
            return name
    elif isinstance(spec, int) and not isinstance(spec, bool):
        if spec in _BY_NUMBER:
            return _BY_NUMBER[spec]
        raise InvalidType(f"element type {spec} given; accepted: ONNX's numbers {sorted(_BY_NUMBER)}")
    try:
        name = np.dtype(spec).name
    except TypeError:
        name = ""
    if name in _TYPES:
        return name
    raise InvalidType(
        f"element type {spec!r} given; accepted: a numpy type, one of {sorted(_BY_TEXT)}, or an ONNX number"
    )
