"""SessionIOBinding: inputs and outputs bound once to values, arrays, addresses or devices, and run as often as wanted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from . import _core
from .devices import CPU, NPU, device_name
from .element_types import type_name
from .errors import InvalidArgument, InvalidType
from .values import OrtValue

if TYPE_CHECKING:
    from concurrent.futures import Future

    from .session import InferenceSession


class SessionIOBinding:
    """Bindings of one session. Outputs that are not bound are computed and dropped.

    Numbers of a model's own type are the model's own, quantised ones included; those of another type are real values.
    Without an element type an output is of the model's own type.
    """

    def __init__(self, session: InferenceSession) -> None:
        self._core = session._core
        self._binding = _core.Binding(session._core)

    def bind_cpu_input(self, name: str, arr_on_cpu: Any) -> None:
        """An array, or anything numpy makes one of. It is kept, and read at every run: change it in place as you like."""
        array = np.asarray(arr_on_cpu, order="C")
        self._binding.bind_input(name, OrtValue.ortvalue_from_numpy(array)._value)

    def bind_input(
        self,
        name: str,
        device_type: Any,
        device_id: int = 0,
        element_type: Any = None,
        shape: Sequence[int] | None = None,
        buffer_ptr: int | None = None,
    ) -> None:
        """The memory at an address, dense, which the caller keeps valid."""
        if isinstance(device_type, np.ndarray):  # as bind_cpu_input
            return self.bind_cpu_input(name, device_type)
        if element_type is None or shape is None or not buffer_ptr:
            raise InvalidArgument("bind_input: element_type, shape and buffer_ptr are needed; arrays: bind_cpu_input")
        self._binding.bind_input(name, _at(device_type, device_id, element_type, shape, buffer_ptr))

    def bind_ortvalue_input(self, name: str, ortvalue: OrtValue) -> None:
        """A value, which is read at every run."""
        self._binding.bind_input(name, _value(ortvalue))

    def bind_output(
        self,
        name: str,
        device_type: Any = CPU,
        device_id: int = 0,
        element_type: Any = None,
        shape: Sequence[int] | None = None,
        buffer_ptr: int | None = None,
    ) -> None:
        """On the CPU a fresh value each run, on the NPU one for all runs; or the memory at an address.

        element_type  the model's own by default, or float32 for real values
        """
        if buffer_ptr is None:
            type_ = None if element_type is None else type_name(element_type)
            if shape is not None and list(shape) not in self._shapes(name):
                raise InvalidArgument(f"output {name!r}: shape {list(shape)} given, {self._shapes(name)[0]} accepted")
            self._binding.bind_output_on(name, device_name(device_type, device_id) == NPU, type_)
            return
        if element_type is None or shape is None:
            raise InvalidArgument("bind_output: element_type and shape are needed with buffer_ptr")
        self._binding.bind_output(name, _at(device_type, device_id, element_type, shape, buffer_ptr))

    def bind_ortvalue_output(self, name: str, ortvalue: OrtValue) -> None:
        """A value, which every run writes."""
        self._binding.bind_output(name, _value(ortvalue))

    def get_outputs(self) -> list[OrtValue]:
        """Of the run that ended last, in the order of binding."""
        return [OrtValue(v) for v in self._binding.outputs()]

    def get_outputs_as_ortvaluevector(self) -> list[OrtValue]:
        """As get_outputs()."""
        return self.get_outputs()

    def copy_outputs_to_cpu(self) -> list[np.ndarray]:
        """As arrays of the types the outputs were bound with."""
        return [v.read() for v in self._binding.outputs()]

    def clear_binding_inputs(self) -> None:
        """Forgets every bound input."""
        self._binding.clear_inputs()

    def clear_binding_outputs(self) -> None:
        """Forgets every bound output."""
        self._binding.clear_outputs()

    def synchronize_inputs(self) -> None:
        """Makes what was written to bound device memory by its address visible to the NPU. Runs do it by themselves."""
        self._binding.sync_inputs()

    def synchronize_outputs(self) -> None:
        """Makes what the NPU wrote visible to the CPU by its address; numpy() does it by itself."""
        self._binding.sync_outputs()

    def _shapes(self, name: str) -> list[list[int]]:
        return [node[1] for node in self._core.outputs() if node[0] == name] or [[]]


IOBinding = SessionIOBinding


def _value(ortvalue: Any) -> _core.Value:
    if not isinstance(ortvalue, OrtValue):
        raise InvalidType(f"{type(ortvalue).__name__} given; accepted: an OrtValue")
    return ortvalue._value


def _at(device_type: Any, device_id: int, element_type: Any, shape: Sequence[int], address: int) -> _core.Value:
    if device_name(device_type, device_id) != CPU:
        raise InvalidArgument("an address is of CPU memory; device memory is bound by its descriptor (OrtValue)")
    return _core.Value.at_address(int(address), type_name(element_type), [int(d) for d in shape])


def run(core: _core.Session, binding: Any, run_options: Any = None, timeout: float | None = None) -> None:
    _core.run_binding(core, _binding_of(core, binding), run_options, timeout)


def start(
    core: _core.Session, binding: Any, run_options: Any = None, timeout: float | None = None
) -> Future[list[OrtValue]]:
    """Queues a bound run. The future's result are its outputs, in the order of binding."""
    from concurrent.futures import Future  # it imports logging, which costs more than this package

    future: Future[list[OrtValue]] = Future()
    future.set_running_or_notify_cancel()

    def done(values: list[_core.Value] | None, error: BaseException | None) -> None:
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result([OrtValue(v) for v in values or ()])

    _core.run_binding_async(core, _binding_of(core, binding), done, run_options, timeout)
    return future


def run_values(
    session: InferenceSession, output_names: Sequence[str] | None, feed: Mapping[str, OrtValue], run_options: Any
) -> list[OrtValue]:
    """One bound run with these values; outputs have the types that run() gives them."""
    binding = SessionIOBinding(session)
    for name, value in feed.items():
        binding.bind_ortvalue_input(name, value)
    types = _output_types(session._core, run_options)
    names = list(output_names) if output_names else list(types)
    for name in names:
        binding.bind_output(name, element_type=types.get(name))
    run(session._core, binding, run_options)
    by_name = dict(zip(dict.fromkeys(names), binding.get_outputs(), strict=True))
    return [by_name[name] for name in names]


def run_vectors(
    session: InferenceSession,
    run_options: Any,
    feed_names: Sequence[str],
    feeds: Sequence[OrtValue],
    fetch_names: Sequence[str],
    fetches: list[OrtValue | None],
    fetch_devices: Sequence[Any] | None,
) -> None:
    """One bound run into the list `fetches`: values that are there are written to, those missing are made."""
    if len(feed_names) != len(feeds):
        raise InvalidArgument(f"{len(feed_names)} feed_names and {len(feeds)} feeds given")
    binding = SessionIOBinding(session)
    for name, value in zip(feed_names, feeds, strict=True):
        binding.bind_ortvalue_input(name, value)
    types = _output_types(session._core, run_options)
    for k, name in enumerate(fetch_names):
        given = fetches[k] if k < len(fetches) else None
        if given is not None:
            binding.bind_ortvalue_output(name, given)
        else:
            binding.bind_output(name, fetch_devices[k] if fetch_devices else CPU, element_type=types.get(name))
    run(session._core, binding, run_options)
    fetches[:] = binding.get_outputs()


def _output_types(core: _core.Session, run_options: Any) -> dict[str, str]:
    wanted = _core.output_dtype(run_options)  # of this call; else nodes say what the session gives
    column = {None: 2, "native": 3}.get(wanted)
    return {node[0]: "float32" if column is None else node[column] for node in core.outputs()}


def _binding_of(core: _core.Session, binding: Any) -> _core.Binding:
    if not isinstance(binding, SessionIOBinding):
        raise InvalidType(f"iobinding: {type(binding).__name__} given; accepted: what io_binding() returned")
    if binding._core is not core:
        raise InvalidArgument("the binding belongs to another session")
    return binding._binding
