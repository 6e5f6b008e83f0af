"""What RKNNLite and RKNN have in common: one model, loaded, initialised, run and released, with return codes for errors."""

from __future__ import annotations

import functools
import os
import sys
import threading
import warnings
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .._file import describe
from ..errors import InvalidArgument, InvalidType, Unsupported
from ..session import InferenceSession

#: Chips whose models run on each other.
FAMILIES = (
    ("RK3588",),
    ("RK3576",),
    ("RK3566", "RK3568"),
    ("RK3562",),
    ("RV1103", "RV1106"),
    ("RV1103B", "RV1106B"),
    ("RV1126B",),
)
CORE_MASKS = {0: "auto", 1: "0", 2: "1", 4: "2", 3: "0,1", 7: "0,1,2", 0xFFFF: "all"}
RULE = "=" * 46


class Log:
    """Lines on standard error; with `verbose` more of them, and all of them in a file as well."""

    def __init__(self, name: str, verbose: bool, path: str | os.PathLike[str] | None) -> None:
        self._name, self._verbose = name, verbose
        self._file = open(path, "a", encoding="utf-8") if verbose and path else None  # noqa: SIM115 (kept open)

    def write(self, level: str, text: str) -> None:
        if level in "DI" and not self._verbose:
            return
        for stream in (sys.stderr, self._file):
            if stream:
                print(f"{level} {self._name}: {text}", file=stream, flush=True)

    def close(self) -> None:
        if self._file:
            self._file.close()
            self._file = None


def reported(failure: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """A method whose errors are logged and turned into `failure`, as the vendor's callers expect."""

    def decorate(method: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(method)
        def call(self: Model, *args: Any, **kwargs: Any) -> Any:
            try:
                return method(self, *args, **kwargs)
            except (RuntimeError, ValueError, OSError) as e:
                self._log.write("E", f"{method.__name__}: {e}")
                return failure

        return call

    return decorate


class Model:
    """Base of both classes. Threads may call inference at once; load, initialise and release from one."""

    NPU_CORE_AUTO = 0
    NPU_CORE_0 = 1
    NPU_CORE_1 = 2
    NPU_CORE_2 = 4
    NPU_CORE_0_1 = 3
    NPU_CORE_0_1_2 = 7
    NPU_CORE_ALL = 0xFFFF

    def __init__(self, verbose: bool = False, verbose_file: str | None = None) -> None:
        self._log = Log(type(self).__name__, verbose, verbose_file)
        self._path: str | None = None
        self._content: bytes | None = None
        self._session: InferenceSession | None = None
        self._once = threading.Lock()
        self._said: set[str] = set()

    @reported(-1)
    def load_rknn(self, path: str | os.PathLike[str], key_path: str | os.PathLike[str] | None = None) -> int:
        """Read a .rknn file. 0, or -1 when there is none or it is encrypted (the log says why)."""
        if key_path is not None:
            raise Unsupported("encrypted models (key_path) are not supported: give the model as it was exported")
        name = os.fspath(path)
        with open(name, "rb") as file:
            content = file.read()
        if content[:4] != b"RKNN":
            raise InvalidArgument(f"{name} is no .rknn file")
        self._close_session()
        self._path, self._content = name, content
        self._log.write("I", f"load_rknn: {name}, {len(content)} bytes")
        return 0

    def _initialise(self, target: str | None, core_mask: int) -> int:
        if self._content is None:
            raise InvalidArgument("no model is loaded; call load_rknn first")
        if core_mask not in CORE_MASKS:
            raise InvalidArgument(f"core_mask {core_mask!r} given; accepted: the NPU_CORE_ constants of this class")
        if target is not None:
            self._check_target(target)
        self._close_session()
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            self._session = InferenceSession(
                self._content, provider_options={"layout": "nhwc", "tp_mode": CORE_MASKS[core_mask]}
            )
        for warning in caught:
            self._log.write("W", f"init_runtime: {warning.message}")
        runtime = self._session.get_runtime()
        self._log.write("I", f"init_runtime: {runtime['path']}, version {runtime['version']}")
        return 0

    def _check_target(self, target: str) -> None:
        own = self._description()["target"]
        if target.upper() not in compatible(own):
            raise InvalidArgument(f"target {target!r} given, the model is for {own}")

    def _description(self) -> dict[str, Any]:
        if self._path is None:
            raise InvalidArgument("no model is loaded; call load_rknn first")
        return describe(self._path)

    def _ready(self) -> InferenceSession:
        if self._session is None:
            raise InvalidArgument("the runtime is not initialised; call init_runtime first")
        return self._session

    def _infer(
        self,
        inputs: Any,
        data_type: Any,
        data_format: Any,
        inputs_pass_through: Any,
        get_frame_id: bool,
    ) -> list[np.ndarray]:
        session = self._ready()
        if isinstance(inputs, np.ndarray):
            inputs = [inputs]
        if not isinstance(inputs, Sequence):
            raise InvalidType(f"inputs: {type(inputs).__name__} given; accepted: a list of numpy arrays")
        if any(inputs_pass_through or ()):
            raise Unsupported("inputs_pass_through is not supported: give inputs as the original network takes them")
        if get_frame_id:
            self._warn_once("inference: get_frame_id belongs to cameras and is ignored")
        nodes = session.get_inputs()
        if len(inputs) != len(nodes):
            raise InvalidArgument(f"{len(inputs)} inputs given, the model takes {len(nodes)}")
        formats = per_input("data_format", data_format, len(nodes))
        types = per_input("data_type", data_type, len(nodes))
        feed = [
            self._arranged(np.asarray(value), node, order, dtype)
            for value, node, order, dtype in zip(inputs, nodes, formats, types, strict=True)
        ]
        return session.run(None, feed)

    def _arranged(self, value: np.ndarray, node: Any, order: str | None, dtype: str | None) -> np.ndarray:
        """One input as the session takes it: channels last where it has four dimensions."""
        if order is not None and str(order).lower() not in ("nhwc", "nchw"):
            raise InvalidArgument(f"data_format {order!r} given for input {node.name}; accepted: nhwc, nchw")
        if dtype is not None:
            try:
                value = value.astype(dtype, copy=False)
            except TypeError as e:
                raise InvalidType(f"data_type {dtype!r} given for input {node.name}: {e}") from None
        if len(node.shape) != 4:
            return value
        if value.ndim == 3:
            self._warn_once(f"inference: input {node.name} has 3 dimensions and is taken for a batch of one")
            value = value[None]
        if value.ndim == 4 and order is not None and str(order).lower() == "nchw":
            value = value.transpose(0, 2, 3, 1)
        return np.ascontiguousarray(value)

    def _warn_once(self, text: str) -> None:
        with self._once:
            if text in self._said:
                return
            self._said.add(text)
        self._log.write("W", text)

    @reported(None)
    def get_sdk_version(self) -> str | None:
        """Versions of runtime and driver as a text of several lines; None before init_runtime."""
        runtime = self._ready().get_runtime()
        return f"{RULE}\nRKNN VERSION:\n  API: {runtime['version']}\n  DRV: {runtime['driver']}\n{RULE}\n"

    @reported(None)
    def list_support_target_platform(
        self, rknn_model: str | os.PathLike[str] | None = None
    ) -> OrderedDict[str, list[str]] | None:
        """The chips a file runs on, printed and returned. Without a file: prints all chips, returns None."""
        if rknn_model is None:
            print("\n".join(["Chips, those that run each other's models on one line:", *map(", ".join, FAMILIES)]))
            return None
        own = describe(os.fspath(rknn_model))["target"]
        print(f"Target platform of the model:    {own}\nTarget platforms that it runs on: {', '.join(compatible(own))}")
        return OrderedDict(support_target_platform=list(compatible(own)), filled_target_platform=[own])

    def list_devices(self) -> tuple[list[str], list[str]]:
        """Boards at a cable, by kind of connection. None ever: models run on this machine."""
        print("no connected boards: models run on this machine")
        return [], []

    def release(self) -> None:
        """Give everything back. The object can load another model afterwards."""
        self._close_session()
        self._path = self._content = None
        self._log.close()

    def _close_session(self) -> None:
        if self._session is not None:
            self._session.close()
            self._session = None


def compatible(target: str) -> tuple[str, ...]:
    return next((family for family in FAMILIES if target.upper() in family), (target.upper(),))


def per_input(what: str, given: Any, count: int) -> list[Any]:
    """One value for all inputs, or a list with one for each."""
    if given is None or isinstance(given, str | type | np.dtype):
        return [given] * count
    values = list(given)
    if len(values) != count:
        raise InvalidArgument(f"{what}: {len(values)} given, the model has {count} inputs")
    return values
