"""Models behind the Open Inference Protocol (v2) over HTTP and gRPC, by KServe's server: pip install 'ez-rknn-async[serve]'.

This module is a runtime for that server, not a server: KServe reads the requests and writes the answers, `RknnModel` hands the arrays to a
session. `ez-rknn serve` calls `serve`.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import sys
import threading
import uuid
from collections.abc import Callable, Coroutine, Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from . import errors
from .session import InferenceSession

_arguments, sys.argv = sys.argv, sys.argv[:1]  # KServe reads the command line when it is imported
try:
    import grpc.aio
    from kserve import InferInput, InferOutput, InferRequest, InferResponse, Model, ModelRepository
    from kserve.errors import InferenceError, InvalidInput, ModelNotReady
    from kserve.protocol.dataplane import DataPlane
    from kserve.protocol.grpc import grpc_predict_v2_pb2_grpc as protocol
    from kserve.protocol.grpc.interceptors import ExceptionToStatusInterceptor
    from kserve.protocol.grpc.servicer import InferenceServicer
    from kserve.protocol.infer_type import RequestedOutput
    from kserve.protocol.model_repository_extension import ModelRepositoryExtension
    from kserve.protocol.rest.server import RESTServer
    from kserve.utils.numpy_codec import from_np_dtype, to_np_dtype
    from prometheus_client import REGISTRY
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
finally:
    sys.argv = _arguments

APPLICATION = "kserve.model_server:app"
LARGEST_MESSAGE = 1 << 28  # bytes of a gRPC request or answer; pictures are larger than gRPC's 4 MiB
GRACE = 10.0  # seconds for requests under way when the server stops

DATATYPES = {
    "tensor(float)": "FP32",
    "tensor(float16)": "FP16",
    "tensor(double)": "FP64",
    "tensor(int8)": "INT8",
    "tensor(int16)": "INT16",
    "tensor(int32)": "INT32",
    "tensor(int64)": "INT64",
    "tensor(uint8)": "UINT8",
    "tensor(uint16)": "UINT16",
    "tensor(uint32)": "UINT32",
    "tensor(uint64)": "UINT64",
    "tensor(bool)": "BOOL",
}


class NotInTime(ModelNotReady):  # type: ignore[misc]
    """No answer in time: 503, or UNAVAILABLE, for which KServe reads a `reason` that its own class lacks."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(name, reason)
        self.reason = reason


class RknnModel(Model):  # type: ignore[misc]
    """A session as a model of KServe's server. Requests wait for room on the event loop, without a thread."""

    def __init__(self, name: str, session: InferenceSession, timeout: float | None = None) -> None:
        """`timeout`: seconds a request may take; later ones are answered with "unavailable"."""
        super().__init__(name)
        self.session = session
        self._timeout = timeout
        self.ready = True

    def get_input_types(self) -> list[dict[str, Any]]:
        """For the metadata that the protocol offers."""
        return [_tensor(node) for node in self.session.get_inputs()]

    def get_output_types(self) -> list[dict[str, Any]]:
        """For the metadata that the protocol offers."""
        return [_tensor(node) for node in self.session.get_outputs()]

    async def predict(
        self,
        payload: Any,
        headers: dict[str, str] | None = None,
        response_headers: dict[str, str] | None = None,
    ) -> Any:
        """One request. Raises what KServe turns into 400 (inputs), 503 (no room, or no result in time) and 500 (the device)."""
        del headers, response_headers
        if not isinstance(payload, InferRequest):
            raise InvalidInput("this model is served by the Open Inference Protocol (v2): POST /v2/models/NAME/infer")
        wanted = [output.name for output in payload.request_outputs or ()] or None
        try:
            feed = {tensor.name: _array(tensor) for tensor in payload.inputs}
            results = await self.session.arun(wanted, feed, timeout=self._timeout)
        except (errors.Timeout, errors.QueueFull, errors.Closed) as e:
            raise NotInTime(self.name, str(e)) from e
        except errors.Error as e:
            known = isinstance(e, errors.InvalidArgument | errors.InvalidType)
            raise (InvalidInput if known else InferenceError)(str(e)) from e
        outputs = []
        for name, result in zip(wanted or self.session.output_names, results, strict=True):
            output = InferOutput(name, list(result.shape), from_np_dtype(result.dtype), data=result)
            if payload.from_grpc:  # over HTTP KServe chooses itself, as each requested output says
                output.set_data_from_numpy(result, binary_data=payload.use_binary_outputs)
            outputs.append(output)
        return InferResponse(
            response_id=payload.id or str(uuid.uuid4()),
            model_name=self.name,
            infer_outputs=outputs,
            use_binary_outputs=payload.use_binary_outputs,
            requested_outputs=payload.request_outputs,
        )

    def stop(self) -> None:
        """Answer what was accepted, then let the model go."""
        self.ready = False
        self.session.close()


class BinaryPlane(DataPlane):  # type: ignore[misc]
    """Reads tensors that HTTP brings in binary in place. KServe's own makes a Python object of every element: 130 times the inference."""

    def decode_inference_request(self, body: Any, headers: dict[str, str], model_name: str) -> InferRequest:
        """Raises InvalidInput, which is answered with 400, for what is not such a request."""
        length = headers.get("inference-header-content-length")
        if not isinstance(body, bytes) or length is None:
            return super().decode_inference_request(body, headers, model_name)
        try:
            head, position = json.loads(body[: int(length)]), int(length)
            inputs = []
            for item in head["inputs"]:
                parameters = item.get("parameters") or {}
                tensor = InferInput(item["name"], item["shape"], item["datatype"], item.get("data"), parameters)
                if tensor.data is None:
                    end = position + parameters["binary_data_size"]
                    tensor.data = _from_bytes(tensor, memoryview(body)[position:end])
                    position = end
                inputs.append(tensor)
            wanted = [RequestedOutput(item["name"], item.get("parameters")) for item in head.get("outputs") or ()]
        except (ValueError, KeyError, TypeError, AttributeError) as e:
            raise InvalidInput(f"this is no request with binary tensors: {type(e).__name__}: {e}") from None
        return InferRequest(
            model_name, inputs, head.get("id"), parameters=head.get("parameters"), request_outputs=wanted or None
        )


def _from_bytes(tensor: InferInput, content: memoryview) -> np.ndarray:
    dtype = to_np_dtype(tensor.datatype)
    if dtype is None or dtype == np.object_:
        raise ValueError(f"input {tensor.name!r}: no model takes {tensor.datatype}")
    array: np.ndarray = np.frombuffer(content, dtype).reshape(tensor.shape)
    return array


def _array(tensor: InferInput) -> np.ndarray:
    if isinstance(tensor.data, np.ndarray):
        given: np.ndarray = tensor.data
        return given
    try:
        array: np.ndarray = tensor.as_numpy()
    except (ValueError, TypeError, OverflowError) as e:
        raise InvalidInput(f"input {tensor.name!r}: not {tensor.datatype} of shape {tensor.shape}: {e}") from None
    return array


def _tensor(node: Any) -> dict[str, Any]:
    return {"name": node.name, "datatype": DATATYPES.get(node.type, "FP32"), "shape": list(node.shape)}


def _listen(host: str, port: int) -> socket.socket:
    """KServe's own choice would be every address."""
    try:
        return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as e:
        raise OSError(f"port {port} of {host} cannot be had: {e.strerror}") from None


class SessionMetrics:
    """The sessions' counters for Prometheus, read when they are asked for; beside KServe's own metrics of requests."""

    def __init__(self, models: Iterable[RknnModel]) -> None:
        self._models = list(models)

    def collect(self) -> Iterator[Metric]:
        """As prometheus_client asks."""
        tasks = CounterMetricFamily("ez_rknn_tasks", "Tasks by how they ended", labels=("model", "end"))
        now = GaugeMetricFamily("ez_rknn_tasks_now", "Tasks waiting for a core or running", labels=("model", "state"))
        busy = CounterMetricFamily("ez_rknn_core_busy_seconds", "Time a core was at work", labels=("model", "core"))
        for model in self._models:
            stats = model.session.stats()
            for end in ("completed", "failed", "cancelled", "timed_out", "rejected"):
                tasks.add_metric((model.name, end), stats[end])
            for state in ("waiting", "running", "waiting_for_room"):
                now.add_metric((model.name, state), stats[state])
            for core in stats["cores"]:
                busy.add_metric((model.name, str(core["core"])), core["busy_ms"] / 1e3)
        yield from (tasks, now, busy)


class RemoteServer:
    """gRPC on a loop and a thread of its own: grpc.aio handles one event a turn, and a loop that HTTP keeps busy has few turns."""

    def __init__(self, servicer: InferenceServicer, host: str, port: int) -> None:
        self._servicer, self._host, self._port = servicer, host, port
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="ez-rknn-grpc")
        self._server: Any = None

    def start(self) -> None:
        """Listen and answer. Raises OSError when the port cannot be had."""
        self._thread.start()
        self._call(self._start())

    def stop(self) -> None:
        """Refuse new requests, wait for those under way, at most GRACE seconds."""
        if self._server is not None:
            self._call(self._server.stop(GRACE))
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _start(self) -> None:
        limits = [(f"grpc.max_{way}_message_length", LARGEST_MESSAGE) for way in ("send", "receive")]
        server = grpc.aio.server(interceptors=(ExceptionToStatusInterceptor(),), options=limits)
        protocol.add_GRPCInferenceServiceServicer_to_server(self._servicer, server)
        try:
            server.add_insecure_port(
                f"[{self._host}]:{self._port}" if ":" in self._host else f"{self._host}:{self._port}"
            )
        except RuntimeError:
            raise OSError(f"port {self._port} of {self._host} cannot be had") from None
        await server.start()
        self._server = server

    def _call(self, coroutine: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()


def load_models(
    paths: Mapping[str, str | os.PathLike[str]], options: Mapping[str, Any], timeout: float | None = None
) -> list[RknnModel]:
    """A model for each name, with the same provider options. Raises what InferenceSession raises."""
    return [
        RknnModel(name, InferenceSession(path, provider_options=dict(options)), timeout) for name, path in paths.items()
    ]


async def serve(
    models: Iterable[RknnModel],
    *,
    host: str = "127.0.0.1",
    http_port: int = 8080,
    grpc_port: int | None = 8081,
    started: Callable[[], None] = lambda: None,
) -> None:
    """Serve until SIGINT or SIGTERM, then finish what is under way and close the sessions.

    host     the address to listen on: loopback unless told otherwise; there is neither encryption nor a password
    grpc_port  None for HTTP only
    started  called when both listen

    Raises OSError when a port cannot be had.
    """
    registry = ModelRepository()
    for model in models:
        registry.update(model)
    loaded = [*registry.get_models().values()]
    plane, extension = BinaryPlane(model_registry=registry), ModelRepositoryExtension(model_registry=registry)
    metrics = SessionMetrics(loaded)
    REGISTRY.register(metrics)
    rest = RESTServer(APPLICATION, plane, extension, http_port, grace_period=int(GRACE))
    remote: RemoteServer | None = None
    for number in (signal.SIGINT, signal.SIGTERM):  # uvicorn ends at these and raises them again, which must not end us
        asyncio.get_running_loop().add_signal_handler(number, lambda: None)
    try:
        listening = _listen(host, http_port)
        if grpc_port is not None:
            remote = RemoteServer(InferenceServicer(plane, extension), host, grpc_port)
            await asyncio.to_thread(remote.start)
        rest.create_application()
        task = asyncio.ensure_future(rest._server.serve(sockets=[listening]))
        while not rest._server.started and not task.done():
            await asyncio.sleep(0.01)
        if not task.done():
            started()
        await task
    finally:
        if remote is not None:
            await asyncio.to_thread(remote.stop)
        REGISTRY.unregister(metrics)
        for model in loaded:
            await asyncio.to_thread(model.stop)
