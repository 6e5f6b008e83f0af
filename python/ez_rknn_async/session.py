"""InferenceSession: onnxruntime's class of that name, for .rknn models."""

from __future__ import annotations

import os
import warnings
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from . import _core, binding
from .binding import SessionIOBinding
from .errors import InvalidArgument, InvalidType, Unsupported
from .mapping import map_feeds
from .nodes import ModelMetadata, NodeArg, read_metadata
from .options import NPU, SOFTWARE, RknnProviderOptions, choose_options
from .ort_session import OrtSession
from .session_options import LoadSettings
from .values import OrtValue

if TYPE_CHECKING:
    from concurrent.futures import Future

    from .futures import TaskFuture

Feed = Mapping[str, Any] | Sequence[Any] | np.ndarray
ProviderOptions = RknnProviderOptions | Mapping[str, Any]
Outputs = list[np.ndarray]
AsyncCallback = Callable[[Outputs | None, Any, str], None]


class InferenceSession(OrtSession):
    """A loaded model. Any number of threads may use it at once.

    `providers` and `sess_options` are accepted as onnxruntime's are; names of other providers are ignored with a warning.
    """

    def __init__(
        self,
        path_or_bytes: str | os.PathLike[str] | bytes | bytearray | memoryview,
        sess_options: Any = None,
        providers: Any = None,
        provider_options: ProviderOptions | Sequence[ProviderOptions] | None = None,
        *,
        use_weight_from: InferenceSession | None = None,
        **kwargs: Any,
    ) -> None:
        """
        path_or_bytes     a file, or the content of one
        provider_options  see RknnProviderOptions
        use_weight_from   a session whose weights this model, exported without its own, shares
        """
        if use_weight_from is not None and not isinstance(use_weight_from, InferenceSession):
            raise InvalidType(
                f"use_weight_from: {type(use_weight_from).__name__} given; accepted: an InferenceSession, or None"
            )
        self._sess_options = sess_options
        self._enable_fallback = True
        self._weights_from = use_weight_from
        model = os.fsdecode(path_or_bytes) if isinstance(path_or_bytes, os.PathLike) else path_or_bytes
        self._path = model if isinstance(model, str) else None
        self._load(model, providers, provider_options)

    def _load(self, model: Any, providers: Any, provider_options: Any) -> None:
        """Called by the public methods, whose caller is who a warning points at."""
        settings = LoadSettings(self._sess_options)
        options = choose_options(settings.providers(providers), provider_options, warn=settings.warn)
        options |= settings.custom_operators(options)
        weights = self._weights_from._core if self._weights_from is not None else None
        self._core: _core.Session = _core.Session(model, options, weights)
        self._options = options
        self._metadata = read_metadata(model, self._core.custom_string())
        if settings.profile_prefix is not None:
            self._core.start_profiling(settings.profile_prefix)
        for text in self._core.warnings() if settings.warn else ():
            warnings.warn(text, UserWarning, stacklevel=3)

    def set_providers(self, providers: Any = None, provider_options: Any = None) -> None:
        """Load the model again, with other provider options; what is under way on the old one is finished first.

        Raises Unsupported for a model that was given as content, which is not kept.
        """
        if self._path is None:
            raise Unsupported(
                "set_providers: the model was given as content, which is not kept; accepted: a new session"
            )
        before = self._core
        self._load(self._path, providers, provider_options)
        before.close(None)

    def run(
        self,
        output_names: Sequence[str] | None = None,
        input_feed: Feed = (),
        run_options: Any = None,
        *,
        timeout: float | None = None,
    ) -> Outputs:
        """Run and wait. Returns one array per requested output, float32 unless output_dtype says otherwise.

        output_names  None for all, in model order
        input_feed    a dict by input name, a list in model order, or one array for a model with one input
        run_options   a RunOptions, or a dict of entries:
                      {"ztu_modelrt_dispatch_batch": True}: every sample of axis 0 is a task of its own;
                      {"output_dtype": "native"}: as the option of that name, for this call;
                      {"timeout_ms": 500}: as `timeout`
        timeout       seconds this call may take altogether, waiting included; Timeout when they have passed. A task that
                      has not begun is withdrawn; one that is being executed goes on, its result is dropped
        """
        return self._core.run(output_names, input_feed, run_options, timeout)

    def run_async(
        self,
        output_names: Sequence[str] | None,
        input_feed: Feed,
        callback: AsyncCallback,
        user_data: Any = None,
        run_options: Any = None,
        *,
        timeout: float | None = None,
    ) -> None:
        """Queue a task and return; waits only while the queue is full, up to submit_timeout_ms.

        callback(results, user_data, error) runs on the session's callback thread; `error` is "" and `results` the list of
        arrays, or `results` is None and `error` says what went wrong. Inputs are copied before this returns.
        `run_options` and `timeout` as for run; a time limit that passes is an `error` for the callback.
        """
        self._core.run_async(output_names, input_feed, callback, user_data, run_options, timeout)

    def submit(
        self,
        output_names: Sequence[str] | None = None,
        input_feed: Feed = (),
        run_options: Any = None,
        *,
        timeout: float | None = None,
    ) -> TaskFuture:
        """Queue a task and return a concurrent.futures.Future of its outputs; waits only while the queue is full.

        `cancel()` takes a task back that has not begun. Inputs are copied before this returns; arguments as for run.
        """
        from .futures import submit

        return submit(self._core, output_names, input_feed, run_options, timeout)

    async def arun(
        self,
        output_names: Sequence[str] | None = None,
        input_feed: Feed = (),
        run_options: Any = None,
        *,
        timeout: float | None = None,
    ) -> Outputs:
        """run for asyncio. The event loop is never blocked, no thread is used; works in any number of loops at once.

        Without room in the queue the task stands in line (up to submit_timeout_ms). Cancelling the awaiting task withdraws
        it if it has not begun. Arguments, results and errors as for run; the batch option is not supported.
        """
        from .aio import arun

        return await arun(self._core, (output_names, input_feed, run_options, timeout))

    def map(
        self,
        feeds: Iterable[Feed],
        output_names: Sequence[str] | None = None,
        run_options: Any = None,
        *,
        depth: int | None = None,
        timeout: float | None = None,
    ) -> Iterator[Outputs]:
        """The outputs of every feed, in order, with `depth` tasks in flight (None: two for every worker).

        Lazy: feeds are drawn as results are taken. An error, of a task or of `feeds`, is raised in its turn, after the
        results before it, and ends the iteration. A generator that is left early withdraws what has not begun.
        """
        return map_feeds(self._core, feeds, (output_names, run_options, timeout), self._depth(depth))

    def amap(
        self,
        feeds: Iterable[Feed] | AsyncIterable[Feed],
        output_names: Sequence[str] | None = None,
        run_options: Any = None,
        *,
        depth: int | None = None,
        timeout: float | None = None,
    ) -> AsyncIterator[Outputs]:
        """map for asyncio: `async for outputs in session.amap(feeds)`. `feeds` may be asynchronous itself.

        A result is handed out as soon as it is its turn, also while the next feed is being waited for.
        """
        from .aio import amap

        return amap(self._core, feeds, (output_names, run_options, timeout), self._depth(depth))

    def pipeline(
        self,
        depth: int = 3,
        output_names: Sequence[str] | None = None,
        run_options: Any = None,
        *,
        timeout: float | None = None,
    ) -> _core.Pipeline:
        """A window of `depth` tasks in flight: `push(feed)` returns the oldest outputs once it is full, `flush()` the rest.

        Any number of pipelines may be used side by side; each keeps its own order. As a context manager it withdraws, at
        the end, what has not begun. Iterating over it takes out what is in flight, in order.
        """
        return self._core.pipeline(depth, output_names, run_options, timeout)

    def run_pipeline(self, input_feed: Feed, depth: int = 3, reset: bool = False) -> Outputs | None:
        """Keep `depth` tasks in flight: None for the first `depth` calls, then the outputs of the oldest.

        `reset`, and another depth, forget what is in flight; this call's frame is then the first of the new window.
        `pipeline` makes windows of your own, with a way to get the last results out.
        """
        outputs: list[np.ndarray] | None = self._core.run_pipeline(input_feed, depth, reset)
        return outputs

    def _depth(self, depth: int | None) -> int:
        if depth is None:
            return 2 * self._core.workers()
        if not isinstance(depth, int) or depth < 1:
            raise InvalidArgument(f"depth {depth!r} given; accepted: an integer from 1, or None")
        return depth

    def warmup(self, runs: int = 1) -> None:
        """Run zeros `runs` times on every worker: what a runtime does on first use is done then. Nothing is counted."""
        self._core.warm_up(runs)

    def start_profiling(self, prefix: str | os.PathLike[str] = "ez_rknn_profile") -> None:
        """Record every task from now on, as a Chrome trace named PREFIX_YYYY-MM-DD_hh-mm-ss.json (for ui.perfetto.dev).

        It shows the wait in the queue, each worker with its core (set inputs, run, get outputs) and the callbacks. At most
        32768 tasks are kept. Raises InvalidArgument while a recording is under way, NoSuchFile when there can be no file.
        """
        self._core.start_profiling(os.fspath(prefix))

    def end_profiling(self) -> str:
        """Write the recording and return the file's name; "" when there was none. close() writes it too."""
        return self._core.end_profiling()

    def get_profiling_start_time_ns(self) -> int:
        """When the last recording began, comparable with time.monotonic_ns(); 0 when there was none."""
        return self._core.profiling_start_ns()

    def io_binding(self) -> SessionIOBinding:
        """Inputs and outputs to be bound to values, arrays, addresses or devices."""
        return SessionIOBinding(self)

    def run_with_iobinding(
        self, iobinding: SessionIOBinding, run_options: Any = None, *, timeout: float | None = None
    ) -> None:
        """Run what is bound and wait. A task like others: it follows the schedule, and normal runs do not disturb it.

        Of `run_options` the time limit and `terminate` count; which outputs there are, and of which type, the binding
        says. A run whose time is up while it is executed still uses what is bound until the runtime returns.
        """
        binding.run(self._core, iobinding, run_options, timeout)

    def run_with_iobinding_async(
        self, iobinding: SessionIOBinding, run_options: Any = None, *, timeout: float | None = None
    ) -> Future[list[OrtValue]]:
        """Queue a run of what is bound now; waits only while the queue is full, up to submit_timeout_ms.

        The future's result are the outputs in the order of binding. What is bound must stay as it is until then.
        """
        return binding.start(self._core, iobinding, run_options, timeout)

    def run_with_ort_values(
        self, output_names: Sequence[str] | None, input_dict_ort_values: Mapping[str, OrtValue], run_options: Any = None
    ) -> list[OrtValue]:
        """As run(), from and to OrtValues. Values of the model's own type hold its own numbers."""
        return binding.run_values(self, output_names, input_dict_ort_values, run_options)

    def run_with_ortvaluevector(
        self,
        run_options: Any,
        feed_names: Sequence[str],
        feeds: Sequence[OrtValue],
        fetch_names: Sequence[str],
        fetches: list[OrtValue | None],
        fetch_devices: Sequence[Any] | None = None,
    ) -> None:
        """As run_with_ort_values, into the list `fetches`: values that are in it are written to, others are made."""
        binding.run_vectors(self, run_options, feed_names, feeds, fetch_names, fetches, fetch_devices)

    def close(self, timeout: float | None = None) -> bool:
        """Accept nothing more and return True when everything accepted has been run and delivered.

        A runtime may never return from a task. False once nothing has ended for `close_timeout_ms`, or, with `timeout`, when
        so many seconds have passed altogether: what had not begun has ended with Closed, what the runtime still has with
        Timeout; only calls that lend it their arrays (run without a time limit) go on until it returns. Called again, it
        waits again. In a callback of this session it returns False at once; the rest is done in the background.
        """
        return self._core.close(timeout)

    def __enter__(self) -> InferenceSession:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    @property
    def input_names(self) -> list[str]:
        """In model order."""
        return self._core.input_names()

    @property
    def output_names(self) -> list[str]:
        """In model order."""
        return self._core.output_names()

    def get_inputs(self) -> list[NodeArg]:
        """What `run` takes, in model order."""
        return [NodeArg(*fields) for fields in self._core.inputs()]

    def get_outputs(self) -> list[NodeArg]:
        """What `run` returns, in model order."""
        return [NodeArg(*fields) for fields in self._core.outputs()]

    def get_native_inputs(self) -> list[NodeArg]:
        """As the device sees them; see zero_copy_layout."""
        return [NodeArg(*fields) for fields in self._core.native_inputs()]

    def get_native_outputs(self) -> list[NodeArg]:
        """As the device sees them; see zero_copy_layout."""
        return [NodeArg(*fields) for fields in self._core.native_outputs()]

    def get_modelmeta(self) -> ModelMetadata:
        """What the file says about itself as a whole."""
        return self._metadata

    def get_providers(self) -> list[str]:
        """["RKNPU2ExecutionProvider"] on an NPU, ["SoftwareRKNPU2ExecutionProvider"] on the software NPU."""
        return [SOFTWARE if self._core.runtime()["software"] else NPU]

    def get_provider_options(self) -> dict[str, dict[str, Any]]:
        """The options that were given, under the provider's name."""
        return {self.get_providers()[0]: dict(self._options)}

    def get_runtime(self) -> dict[str, Any]:
        """The librknnrt in use: path, software (bool), version, driver."""
        return self._core.runtime()

    def get_memory_info(self) -> dict[str, int]:
        """What one context of the model takes, in bytes, as the runtime says; 0 where it does not.

        weights, internal (activations between layers), allocated (of the device's memory), sram, free_sram
        """
        return self._core.memory_info()

    def get_perf_detail(self) -> str:
        """The runtime's table of layers and their times in the last run that has ended; "" before the first.

        Raises InvalidArgument unless the session was made with the provider option collect_perf.
        """
        table: str = self._core.perf_detail()
        return table

    def stats(self) -> dict[str, Any]:
        """Counters since the session was made, what is under way, percentiles of waits and runs (ms), and every core's share.

        submitted == waiting + running + completed + failed + cancelled + timed_out at any moment; `rejected` tasks were
        never accepted. `delivered` outcomes have reached their caller, `undelivered` ones wait for their callback's turn,
        `abandoned` tasks are being executed although their time limit has passed.
        """
        return self._core.stats()

    def __repr__(self) -> str:
        where = f"on {self.get_providers()[0]}" if hasattr(self, "_core") else "(not loaded)"
        return f"<{type(self).__name__} {getattr(self, '_path', None) or 'from memory'} {where}>"
