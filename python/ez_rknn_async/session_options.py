"""SessionOptions as onnxruntime has it. What an NPU and a compiled model leave nothing to choose is kept and has no effect."""

from __future__ import annotations

import enum
import operator
import os
from collections.abc import Mapping
from typing import Any, Generic, NoReturn, TypeVar, overload

from . import _core
from .errors import InvalidArgument, InvalidType, ModelLoadCanceled, Unsupported

__all__ = ["ExecutionMode", "ExecutionOrder", "GraphOptimizationLevel", "SessionOptions"]


_WARNING = 2


class GraphOptimizationLevel(enum.IntEnum):
    """No effect: a .rknn model was optimised when it was compiled."""

    ORT_DISABLE_ALL = 0
    ORT_ENABLE_BASIC = 1
    ORT_ENABLE_EXTENDED = 2
    ORT_ENABLE_LAYOUT = 3
    ORT_ENABLE_ALL = 99


class ExecutionMode(enum.IntEnum):
    """No effect: the compiler fixed the order of the layers."""

    ORT_SEQUENTIAL = 0
    ORT_PARALLEL = 1


class ExecutionOrder(enum.IntEnum):
    """No effect: the compiler fixed the order of the layers."""

    DEFAULT = 0
    PRIORITY_BASED = 1
    MEMORY_EFFICIENT = 2


T = TypeVar("T", bool, int, str, GraphOptimizationLevel, ExecutionMode, ExecutionOrder)


class _Setting(Generic[T]):
    """An attribute of one type; another type is refused, as onnxruntime does."""

    def __init__(self, default: T, doc: str) -> None:
        self._default: T = default
        self._type: type[T] = type(default)
        self.__doc__ = doc

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    @overload
    def __get__(self, options: None, owner: type) -> _Setting[T]: ...
    @overload
    def __get__(self, options: SessionOptions, owner: type) -> T: ...
    def __get__(self, options: SessionOptions | None, owner: type) -> T | _Setting[T]:
        if options is None:
            return self
        value: T = options._settings.get(self._name, self._default)
        return value

    def __set__(self, options: SessionOptions, value: T) -> None:
        if self._type is int and hasattr(value, "__index__"):
            options._settings[self._name] = operator.index(value)  # numpy's integers too
        elif isinstance(value, self._type):
            options._settings[self._name] = value
        else:
            accepted = self._type.__name__
            raise InvalidType(f"SessionOptions.{self._name} = {value!r}; accepted: a value of type {accepted}")


class SessionOptions:
    """Options of a session, by onnxruntime's names. Not to be changed while a session is made with it."""

    __slots__ = ("_cancelled", "_custom_op_libraries", "_entries", "_providers", "_settings")

    enable_profiling = _Setting(
        False, "Profile the session from its start; InferenceSession.end_profiling() returns the file."
    )
    profile_file_prefix = _Setting(
        "onnxruntime_profile_", "How the name of the profile's file begins; the time follows."
    )
    log_severity_level = _Setting(
        -1, "From 3 on, loading issues no warnings. -1: as set_default_logger_severity() says."
    )
    log_verbosity_level = _Setting(0, "No effect; kept for callers.")
    logid = _Setting("", "No effect; kept for callers.")
    graph_optimization_level = _Setting(GraphOptimizationLevel.ORT_ENABLE_ALL, "No effect: the model is compiled.")
    execution_mode = _Setting(ExecutionMode.ORT_SEQUENTIAL, "No effect: the model is compiled.")
    execution_order = _Setting(ExecutionOrder.DEFAULT, "No effect: the model is compiled.")
    intra_op_num_threads = _Setting(
        0,
        "No effect. An NPU needs no threads; the software NPU shares the CPUs the process may use (taskset, cgroups).",
    )
    inter_op_num_threads = _Setting(
        0, "No effect. Several tasks at once: the provider options schedule, threads_per_core."
    )
    enable_cpu_mem_arena = _Setting(True, "No effect; kept for callers.")
    enable_mem_pattern = _Setting(True, "No effect; kept for callers.")
    enable_mem_reuse = _Setting(True, "No effect; kept for callers.")
    use_deterministic_compute = _Setting(False, "No effect: the same inputs give the same outputs.")
    use_per_session_threads = _Setting(True, "No effect: workers belong to a session.")

    def __init__(self) -> None:
        self._settings: dict[str, Any] = {}
        self._entries: dict[str, str] = {}
        self._custom_op_libraries: list[str] = []
        self._providers: list[tuple[str, dict[str, Any]]] = []
        self._cancelled = False

    @property
    def optimized_model_filepath(self) -> str:
        """Always "": there is no optimised model to write. Raises Unsupported when set to something"""
        return ""

    @optimized_model_filepath.setter
    def optimized_model_filepath(self, path: str) -> None:
        if path:
            raise Unsupported(
                f'optimized_model_filepath = {path!r}: a .rknn model is compiled, no other is written; accepted: ""'
            )

    def add_session_config_entry(self, key: str, value: str) -> None:
        """Kept for get_session_config_entry(); no entry has an effect. Provider options are given by that name."""
        if not isinstance(key, str) or not isinstance(value, str):
            raise InvalidType(f"session config entry {key!r} = {value!r}; accepted: two texts")
        self._entries[key] = value

    def get_session_config_entry(self, key: str) -> str:
        """The value of an entry. Raises InvalidArgument (a RuntimeError) for a key that was not added."""
        if key not in self._entries:
            raise InvalidArgument(
                f"session config entry {key!r} does not exist; there are: {', '.join(self._entries) or 'none'}"
            )
        return self._entries[key]

    def register_custom_ops_library(self, path: str | os.PathLike[str]) -> None:
        """As the provider option custom_op_path: a library that exports get_rknn_custom_op()."""
        path = os.fspath(path)
        if not os.path.exists(path):
            raise InvalidArgument(f"custom operator library {path!r} does not exist")
        self._custom_op_libraries.append(path)

    def add_provider(self, name: str, options: Mapping[str, Any]) -> None:
        """Used when the session is given no providers."""
        self._providers.append((name, dict(options)))

    def has_providers(self) -> bool:
        """Whether add_provider() was called."""
        return bool(self._providers)

    def add_free_dimension_override_by_name(self, name: str, value: int) -> None:
        """No effect: the shapes of a .rknn model have numbers, no names; run() refuses others."""

    def add_free_dimension_override_by_denotation(self, denotation: str, value: int) -> None:
        """No effect: as add_free_dimension_override_by_name()."""

    def set_load_cancellation_flag(self, cancel: bool) -> None:
        """Sessions made with these options raise ModelLoadCanceled instead of loading."""
        self._cancelled = bool(cancel)

    def add_initializer(self, name: str, value: Any) -> NoReturn:
        """Raises Unsupported: the weights of a .rknn model are compiled in."""
        raise Unsupported(
            "add_initializer: the weights of a .rknn model are compiled in; accepted: use_weight_from=session"
        )

    def add_external_initializers(self, names: list[str], values: list[Any]) -> NoReturn:
        """Raises Unsupported: the weights of a .rknn model are compiled in."""
        self.add_initializer(str(names), values)

    def add_external_initializers_from_files_in_memory(self, names: Any, buffers: Any, lengths: Any) -> NoReturn:
        """Raises Unsupported: the weights of a .rknn model are compiled in."""
        self.add_initializer(str(names), buffers)

    def __repr__(self) -> str:
        changed = ", ".join(f"{name}={value!r}" for name, value in self._settings.items())
        return f"SessionOptions({changed})"


class LoadSettings:
    """What a SessionOptions asks for when a model is loaded; nothing for any other object. Raises ModelLoadCanceled."""

    def __init__(self, options: Any) -> None:
        self._options = options if isinstance(options, SessionOptions) else SessionOptions()
        if self._options._cancelled:
            raise ModelLoadCanceled("set_load_cancellation_flag(True) was called on the session's options")

    @property
    def warn(self) -> bool:
        """Whether warnings are to be issued."""
        level = self._options.log_severity_level
        return (level if level >= 0 else _core.log_severity()) <= _WARNING

    @property
    def profile_prefix(self) -> str | None:
        """How the profile's file name begins; None when none is wanted."""
        return self._options.profile_file_prefix if self._options.enable_profiling else None

    def providers(self, given: Any) -> Any:
        """The providers that apply: those of the session come first."""
        return given if given is not None or not self._options._providers else self._options._providers

    def custom_operators(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """The entry of `options` that holds the libraries of both."""
        if not self._options._custom_op_libraries:
            return {}
        others = options.get("custom_op_paths", [])
        others = [others] if isinstance(others, str | os.PathLike) else list(others)
        return {"custom_op_paths": [*others, *self._options._custom_op_libraries]}
