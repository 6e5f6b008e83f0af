"""What a model says about its inputs, its outputs and itself."""

from __future__ import annotations

from . import _file
from .errors import Error


class NodeArg:
    """One input or output. `type` and `shape` are what `run` takes and returns; `native_type` is what the model computes with."""

    __slots__ = (
        "_dynamic_shapes",
        "_layout",
        "_name",
        "_native_type",
        "_scale",
        "_shape",
        "_strides",
        "_type",
        "_zero_point",
    )

    def __init__(
        self,
        name: str,
        shape: list[int],
        type: str,
        native_type: str,
        layout: str,
        scale: float | None,
        zero_point: int | None,
        dynamic_shapes: list[list[int]],
        strides: list[int],
    ) -> None:
        self._name = name
        self._shape = shape
        self._type = type
        self._native_type = native_type
        self._layout = layout
        self._scale = scale
        self._zero_point = zero_point
        self._dynamic_shapes = dynamic_shapes
        self._strides = strides

    @property
    def name(self) -> str:
        """As in the model; "input_0", "output_0", ... for a tensor without one."""
        return self._name

    @property
    def shape(self) -> list[int]:
        """As `run` takes or returns it; for a model with several shapes that of the first."""
        return self._shape

    @property
    def type(self) -> str:
        """In ONNX Runtime's words: "tensor(float)"."""
        return self._type

    @property
    def native_type(self) -> str:
        """The type the model itself has: "tensor(int8)", "tensor(float16)", ..."""
        return self._native_type

    @property
    def layout(self) -> str:
        """The order of `shape`: "NCHW", "NHWC", "NC1HWC2", or "" for another rank than 4."""
        return self._layout

    @property
    def strides(self) -> list[int]:
        """Of native inputs and outputs: elements from one index to the next, padding included. Else empty: dense."""
        return self._strides

    @property
    def scale(self) -> float | None:
        """real = (value - zero_point) * scale for a quantised native type, else None."""
        return self._scale

    @property
    def zero_point(self) -> int | None:
        """The native value of real 0 for a quantised native type, else None."""
        return self._zero_point

    @property
    def dynamic_shapes(self) -> list[list[int]]:
        """The shapes a dynamic model accepts; entry k goes with entry k of the other inputs. Empty for a static model."""
        return self._dynamic_shapes

    def __repr__(self) -> str:
        return f"NodeArg(name={self._name!r}, type={self._type!r}, shape={self._shape})"


class ModelMetadata:
    """The fields ONNX Runtime has, as far as a .rknn file fills them in."""

    __slots__ = (
        "custom_metadata_map",
        "description",
        "domain",
        "graph_description",
        "graph_name",
        "producer_name",
        "version",
    )

    def __init__(
        self,
        custom_metadata_map: dict[str, str],
        *,
        producer_name: str = "",
        graph_name: str = "",
        graph_description: str = "",
        description: str = "",
        domain: str = "",
        version: int = 0,
    ) -> None:
        """
        custom_metadata_map  {"rknn_custom_string": text} where the file has one
        producer_name        the compiler and its version, "rknn-toolkit2 2.3.2"
        description          chip, NPU generation and the framework the model came from
        version              of the file's format
        The others are "": the file does not hold them.
        """
        self.custom_metadata_map = custom_metadata_map
        self.producer_name = producer_name
        self.graph_name = graph_name
        self.graph_description = graph_description
        self.description = description
        self.domain = domain
        self.version = version

    def __repr__(self) -> str:
        return f"ModelMetadata({', '.join(f'{name}={getattr(self, name)!r}' for name in self.__slots__)})"


def read_metadata(model: str | bytes | bytearray | memoryview, custom_string: str) -> ModelMetadata:
    """Of a model that has been loaded, from what its file says; empty fields where the file is not understood."""
    custom = {"rknn_custom_string": custom_string} if custom_string else {}
    try:
        facts = _file.summary(model)
    except Error:  # a board's runtime may read more than this package does
        return ModelMetadata(custom)
    version = facts["compiler_version"].partition("(")[0].strip()
    return ModelMetadata(
        custom,
        producer_name=f"rknn-toolkit2 {version}" if version else "",
        description=", ".join(filter(None, (facts["target"], facts["npu"], facts["framework"]))),
        version=facts["format_version"] & 0xFF,
    )
