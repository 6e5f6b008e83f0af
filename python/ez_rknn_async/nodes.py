"""What a model says about its inputs, its outputs and itself."""

from __future__ import annotations


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
        return self._name

    @property
    def shape(self) -> list[int]:
        return self._shape

    @property
    def type(self) -> str:
        """In ONNX Runtime's words: "tensor(float)"."""
        return self._type

    @property
    def native_type(self) -> str:
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
        return self._zero_point

    @property
    def dynamic_shapes(self) -> list[list[int]]:
        """The shapes a dynamic model accepts; entry k goes with entry k of the other inputs. Empty for a static model."""
        return self._dynamic_shapes

    def __repr__(self) -> str:
        return f"NodeArg(name={self._name!r}, type={self._type!r}, shape={self._shape})"


class ModelMetadata:
    """The fields ONNX Runtime has; a .rknn file fills in `custom_metadata_map` only."""

    __slots__ = (
        "custom_metadata_map",
        "description",
        "domain",
        "graph_description",
        "graph_name",
        "producer_name",
        "version",
    )

    def __init__(self, custom_metadata_map: dict[str, str]) -> None:
        self.custom_metadata_map = custom_metadata_map
        self.producer_name = ""
        self.graph_name = ""
        self.graph_description = ""
        self.description = ""
        self.domain = ""
        self.version = 0

    def __repr__(self) -> str:
        return f"ModelMetadata(custom_metadata_map={self.custom_metadata_map!r})"
