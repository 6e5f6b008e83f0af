"""Provider options: their names for type checkers, helpers that build them, and which of the given ones apply.

What values are accepted is decided in one place, the engine's option table; `known_options()` prints it.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

from ._core import known_options
from .errors import InvalidArgument, InvalidType, Unsupported

__all__ = [
    "RknnProviderOptions",
    "Rknpu2ProviderOptions",
    "Rknpu3ProviderOptions",
    "known_options",
    "make_provider_options",
    "make_rknpu2_provider_options",
    "make_rknpu3_provider_options",
]

NPU = "RKNPU2ExecutionProvider"
SOFTWARE = "SoftwareRKNPU2ExecutionProvider"
_OURS = {NPU: None, "RKNNExecutionProvider": None, SOFTWARE: "software"}  # name -> the runtime it asks for
_RKNPU3 = "RKNPU3ExecutionProvider"
_warned: set[str] = set()

StrPath = str | os.PathLike[str]


class RknnProviderOptions(TypedDict, total=False):
    layout: str
    """"nchw" (default, also "original"), "nchw_software", "nhwc" or "any": the order of 4-D inputs."""
    zero_copy_layout: str
    """"nhwc" (default) or "native": what get_native_inputs/outputs and IO binding use."""
    output_dtype: str
    """"float32" (default), or "native" to keep the model's own types."""
    runtime: str
    """"auto" (default), "npu", "software", or the path of a librknnrt."""
    max_queue_size: int
    """Tasks that may wait for a worker (3)."""
    threads_per_core: int
    """Workers of each core (1)."""
    submit_timeout_ms: int
    """How long a submission may wait for room (10000)."""
    close_timeout_ms: int
    """How long closing waits without any task ending before it takes the runtime for hung (60000)."""
    max_pending_callbacks: int
    """Finished run_async tasks whose callback has not begun (8)."""
    sequential_callbacks: bool
    """Callbacks in the order of submission (True), or of completion."""
    schedule: int | str | Sequence[int]
    """Task k runs on core schedule[k % len(schedule)]; "balanced": on the first idle core. Excludes tp_mode."""
    tp_mode: str
    """The cores one inference uses together: "auto" (default), "all", "0", "0,1", "0,1,2", ... Excludes schedule."""
    enable_pacing: bool
    """Spread submissions evenly over the measured run time (False)."""
    npu_priority: str
    """"high" (default), "medium" or "low": whose task the NPU takes first."""
    worker_cpus: int | str | Sequence[int]
    """CPUs that worker threads may run on, for example the fast ones: [4, 5, 6, 7]. All by default."""
    collect_perf: bool
    """The runtime measures every layer, for InferenceSession.get_perf_detail(); runs are slower (False)."""
    disable_dup_context: bool
    """Initialise the model for every worker instead of duplicating the context (False)."""
    custom_op_path: StrPath | Sequence[StrPath]
    custom_op_paths: StrPath | Sequence[StrPath]
    """Libraries with custom operators."""
    custom_op_default_path: bool
    load_custom_ops_from_default_path: bool
    """Load every librkcst_*.so of the runtime's plug-in folder (False)."""


Rknpu2ProviderOptions = RknnProviderOptions


class Rknpu3ProviderOptions(TypedDict, total=False):
    """Options of the next NPU generation: checked, and not used, because its models are not supported yet."""

    runtime_library: StrPath
    device_id: str | int
    weight_path: StrPath
    priority: int
    run_timeout_ms: int
    run_core_mask: str | int


def make_provider_options(
    *,
    layout: str | None = None,
    zero_copy_layout: str | None = None,
    output_dtype: str | None = None,
    runtime: str | None = None,
    max_queue_size: int | None = None,
    threads_per_core: int | None = None,
    submit_timeout_ms: int | None = None,
    close_timeout_ms: int | None = None,
    max_pending_callbacks: int | None = None,
    sequential_callbacks: bool | None = None,
    schedule: int | str | Sequence[int] | None = None,
    tp_mode: str | None = None,
    enable_pacing: bool | None = None,
    npu_priority: str | None = None,
    worker_cpus: int | str | Sequence[int] | None = None,
    collect_perf: bool | None = None,
    disable_dup_context: bool | None = None,
    custom_op_path: StrPath | Sequence[StrPath] | None = None,
    custom_op_paths: StrPath | Sequence[StrPath] | None = None,
    custom_op_default_path: bool | None = None,
    load_custom_ops_from_default_path: bool | None = None,
) -> RknnProviderOptions:
    """The options that are given, as a dict. Values are checked when a session is made with them."""
    given = {name: value for name, value in locals().items() if value is not None}
    if "schedule" in given and "tp_mode" in given:
        raise InvalidArgument("schedule and tp_mode exclude each other")
    return given  # type: ignore[return-value]


make_rknpu2_provider_options = make_provider_options


def make_rknpu3_provider_options(
    *,
    runtime_library: StrPath | None = None,
    device_id: str | int | None = None,
    weight_path: StrPath | None = None,
    priority: int | None = None,
    run_timeout_ms: int | None = None,
    run_core_mask: str | int | None = None,
) -> Rknpu3ProviderOptions:
    """The options that are given, as a dict."""
    given = {name: value for name, value in locals().items() if value is not None}
    return given  # type: ignore[return-value]


def choose_options(providers: Any, provider_options: Any, warn: bool = True) -> dict[str, Any]:
    """The options that apply, out of what ONNX Runtime's two parameters may hold.

    Names of other packages' providers are passed over, as ONNX Runtime does when it falls back; `warn`: with one warning each.
    """
    entries = [_split(entry) for entry in _as_list(providers)]
    position: int | None = None
    inline: Mapping[str, Any] = {}
    runtime: str | None = None
    for k, (name, options) in enumerate(entries):
        if name == _RKNPU3:
            raise Unsupported(f"{_RKNPU3} is not supported yet; accepted: {', '.join(_OURS)}")
        if name not in _OURS:
            if warn and name not in _warned:
                _warned.add(name)
                warnings.warn(f"provider {name!r} is not one of this package's and is ignored", stacklevel=4)
        elif position is None:
            position, inline, runtime = k, options, _OURS[name]
    separate = _separate_options(provider_options, position, len(entries))
    if inline and separate:
        raise InvalidArgument("provider options are given twice: inside providers and in provider_options")
    chosen = dict(inline or separate)
    if runtime:
        chosen.setdefault("runtime", runtime)
    return chosen


def _as_list(providers: Any) -> list[Any]:
    if providers is None:
        return []
    if isinstance(providers, str):
        return [providers]
    if isinstance(providers, Sequence):
        return list(providers)
    raise InvalidType(f"providers: {type(providers).__name__} given; accepted: a list of names or (name, options)")


def _split(entry: Any) -> tuple[str, Mapping[str, Any]]:
    if isinstance(entry, str):
        return entry, {}
    if isinstance(entry, Sequence) and len(entry) == 2 and isinstance(entry[0], str) and isinstance(entry[1], Mapping):
        return entry[0], entry[1]
    raise InvalidType(f"providers: entry {entry!r} given; accepted: a name, or (name, options)")


def _separate_options(options: Any, position: int | None, providers: int) -> Mapping[str, Any]:
    """The dict meant for us: the only one, or the one that stands where our provider does."""
    if options is None:
        return {}
    if isinstance(options, Mapping):
        return options
    if isinstance(options, Sequence) and not isinstance(options, str | bytes):
        if not options:
            return {}
        k = position if position is not None and len(options) == providers else 0
        chosen: Any = options[k]
        if isinstance(chosen, Mapping):
            return chosen
        raise InvalidType(f"provider_options: {type(chosen).__name__} given; accepted: a dict")
    raise InvalidType(
        f"provider_options: {type(options).__name__} given; accepted: a dict, or a list with one dict per provider"
    )
