"""The same program on onnxruntime with the ONNX file, and on this package with the .rknn compiled from it."""

import threading

import numpy as np
import onnxruntime
import pytest
from conftest import MODELS
from fixtures import fixture

import ez_rknn_async as ez
from ez_rknn_async.capi import onnxruntime_pybind11_state as state

FIXTURES = MODELS / "fixtures"
# Several inputs; rank 2 and 5; rank 3; integers in and out; an image; recurrent; a plain network.
NETWORKS = ["multi_io", "rank2_rank5", "attention", "integer_input", "conv3x3_relu", "lstm", "residual", "tiny"]


def open_theirs(name, **arguments):
    return onnxruntime.InferenceSession(FIXTURES / f"{name}.onnx", providers=["CPUExecutionProvider"], **arguments)


def open_ours(name, **arguments):
    return ez.InferenceSession(fixture(f"{name}_fp16").path, provider_options=[{"runtime": "software"}], **arguments)


@pytest.fixture(scope="module", params=NETWORKS)
def both(request):
    feed, _ = next(iter(fixture(f"{request.param}_fp16").sets()))
    theirs = open_theirs(request.param)
    types = {
        node.name: {"tensor(float)": np.float32, "tensor(int64)": np.int64}[node.type] for node in theirs.get_inputs()
    }
    return theirs, open_ours(request.param), {name: array.astype(types[name]) for name, array in feed.items()}


@pytest.fixture(scope="module")
def two_inputs():
    feed, _ = next(iter(fixture("multi_io_fp16").sets()))
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 2  # where it takes the machine for one of a single CPU, it refuses run_async
    return open_theirs("multi_io", sess_options=options), open_ours("multi_io"), feed


def same_results(theirs, ours):
    assert type(ours) is type(theirs) is list and len(ours) == len(theirs)
    for a, b in zip(theirs, ours, strict=True):
        assert type(b) is type(a) is np.ndarray and b.shape == a.shape and b.flags.writeable
        # float32 unless told otherwise: the page this package follows says so, onnxruntime keeps the model's type
        assert b.dtype == np.float32
        scale = max(1e-3, float(np.ptp(a)))
        assert np.abs(b - a).max() <= 0.02 * scale


@pytest.mark.contract(
    "2/constructor", "2/get-inputs", "1.7/get-inputs", "1.2/tensor-names", "2/overridable-initializers"
)
def test_names_shapes_and_order(both):
    theirs, ours, _ = both
    for method in ("get_inputs", "get_outputs"):
        a, b = getattr(theirs, method)(), getattr(ours, method)()
        assert [n.name for n in b] == [n.name for n in a]
        assert [n.shape for n in b] == [n.shape for n in a]
        assert all(type(n.type) is str and n.type.startswith("tensor(") for n in b)
    assert ours.get_overridable_initializers() == theirs.get_overridable_initializers() == []


@pytest.mark.contract("2/run", "2/run-empty-list", "2/feed-forms", "1.4/output-names")
def test_run(both):
    theirs, ours, feed = both
    names = [n.name for n in theirs.get_outputs()]
    for wanted in (None, [], names, tuple(names), names[::-1], names[:1], [names[0], names[0]]):
        same_results(theirs.run(wanted, feed), ours.run(wanted, feed))
    same_results(theirs.run(None, feed, None), ours.run(None, feed, None))
    same_results(theirs.run(None, input_feed=feed), ours.run(None, input_feed=feed))
    same_results(theirs.run(output_names=names, input_feed=feed), ours.run(output_names=names, input_feed=feed))


@pytest.mark.contract("2/value-forms", "1.4/values", "1.4/read-only")
def test_kinds_of_values(both):
    theirs, ours, feed = both
    expected = theirs.run(None, feed)

    def frozen(a):
        a = a.copy()
        a.flags.writeable = False
        return a

    def strided(a):
        wide = np.zeros((*a.shape[:-1], 2 * a.shape[-1]), a.dtype)
        wide[..., ::2] = a
        return wide[..., ::2]

    for form in (frozen, strided, np.asfortranarray):
        given = {name: form(array) for name, array in feed.items()}
        assert all(np.array_equal(a, b) for a, b in zip(expected, theirs.run(None, given), strict=True))
        same_results(expected, ours.run(None, given))
    lists = {name: array.tolist() for name, array in feed.items()}
    same_results(expected, ours.run(None, lists))


@pytest.mark.contract("2/run-async", "1.5/callback-arguments", "1.5/signature")
def test_run_async(two_inputs):
    seen = {}
    for key, session in (("theirs", two_inputs[0]), ("ours", two_inputs[1])):
        done, marker = threading.Event(), object()

        def callback(results, user_data, error, key=key, done=done):
            seen[key] = (results, user_data, error)
            done.set()

        assert session.run_async(None, two_inputs[2], callback, marker) is None
        assert done.wait(60)
        assert seen[key][1] is marker and seen[key][2] == ""
    same_results(seen["theirs"][0], seen["ours"][0])


def outcome(call):
    try:
        return call()
    except Exception as e:
        return e


def is_kin(ours, theirs):
    """Whether a handler written for onnxruntime's exception catches ours."""
    name = type(theirs).__name__
    if type(theirs).__module__ == "builtins":
        return isinstance(ours, type(theirs))
    return isinstance(ours, getattr(state, name))


FEATURES, VECTOR = np.zeros((1, 8, 8, 8), np.float32), np.zeros((1, 12), np.float32)
GOOD = {"features": FEATURES, "vector": VECTOR}
MISTAKES = {
    "nothing is fed": lambda s: s.run(None, {}),
    "an input is missing": lambda s: s.run(None, {"vector": VECTOR}),
    "an input too many": lambda s: s.run(None, {**GOOD, "more": VECTOR}),
    "an unknown output": lambda s: s.run(["nothing"], GOOD),
    "another rank": lambda s: s.run(None, {**GOOD, "vector": VECTOR[0]}),
    "other dimensions": lambda s: s.run(None, {**GOOD, "vector": np.zeros((1, 13), np.float32)}),
    "a larger batch": lambda s: s.run(None, {**GOOD, "vector": np.zeros((2, 12), np.float32)}),
    "text": lambda s: s.run(None, {**GOOD, "vector": np.full((1, 12), "x")}),
    "complex numbers": lambda s: s.run(None, {**GOOD, "vector": VECTOR.astype(np.complex64)}),
    "None as a value": lambda s: s.run(None, {**GOOD, "vector": None}),
    "a number as output names": lambda s: s.run(5, GOOD),
    "a callback that is none": lambda s: s.run_async(None, GOOD, 5, None),
    "an input is missing, async": lambda s: s.run_async(None, {"vector": VECTOR}, lambda *_: None, None),
}


@pytest.mark.contract("2/exceptions", "1.1/errors", "1.4/dict", "1.4/shape")
@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistakes_in_calls(two_inputs, mistake, capfd):
    theirs, ours = (outcome(lambda s=s: MISTAKES[mistake](s)) for s in two_inputs[:2])
    assert isinstance(theirs, Exception), "onnxruntime accepts this: the row is no mistake"
    assert isinstance(ours, RuntimeError) and is_kin(ours, theirs), f"{theirs!r} and {ours!r}"


LOADING = {
    "no such file": lambda rt: rt.InferenceSession("no_such_model.onnx"),
    "garbage": lambda rt: rt.InferenceSession(b"garbage " * 10),
    "a number": lambda rt: rt.InferenceSession(5),
    "None": lambda rt: rt.InferenceSession(None),
    "a number as providers": lambda rt: rt.InferenceSession(fixture("tiny_fp16").path, providers=5),
}


@pytest.mark.contract("2/exceptions", "1.2/missing-file")
@pytest.mark.parametrize("mistake", LOADING)
def test_mistakes_while_loading(mistake, capfd):
    theirs, ours = (outcome(lambda rt=rt: LOADING[mistake](rt)) for rt in (onnxruntime, ez))
    assert isinstance(theirs, Exception) and isinstance(ours, RuntimeError) and is_kin(ours, theirs), (
        f"{theirs!r}, {ours!r}"
    )


@pytest.mark.contract("2/feed-forms", "1.4/dtypes", "1.4/feed-forms")
def test_what_only_this_package_accepts(two_inputs):
    theirs, ours, feed = two_inputs
    for call in (
        lambda s: s.run(None, list(feed.values())),
        lambda s: s.run(None, {name: array.astype(np.float64) for name, array in feed.items()}),
        lambda s: s.run(None, {name: array.astype(np.float16) for name, array in feed.items()}),
        lambda s: s.run("relu1", feed),
        lambda s: s.run(None, feed, {"key": "value"}),
    ):
        assert isinstance(outcome(lambda call=call: call(theirs)), Exception)
        assert call(ours)[0].shape == (1, 16, 8, 8)


# What onnxruntime's classes have and ours do not, and why.
ABSENT = {
    "InferenceSession": {
        "create_ortvalue_from_shape_and_type": "OrtValue.ortvalue_from_shape_and_type(..., session=) makes values in its memory",
        "get_input_epdevices": "plug-in execution providers do not exist here",
        "get_provider_graph_assignment_info": "the compiler assigned the layers; `ez-rknn info` says where each runs",
        "get_input_memory_infos": "plug-in execution providers do not exist here",
        "get_output_memory_infos": "plug-in execution providers do not exist here",
        "release_captured_graph": "graph capture is a matter of GPUs",
    },
    "SessionOptions": {
        "add_provider_for_devices": "plug-in execution providers do not exist here",
        "set_provider_selection_policy": "plug-in execution providers do not exist here",
        "set_provider_selection_policy_delegate": "plug-in execution providers do not exist here",
        "set_ep_context_data_read_func": "plug-in execution providers do not exist here",
        "clear_ep_context_data_read_func": "plug-in execution providers do not exist here",
    },
    "NodeArg": {},
    "ModelMetadata": {},
    "GraphOptimizationLevel": {},
    "ExecutionMode": {},
    "ExecutionOrder": {},
}


def public(thing):
    """Names of members; of an enumeration those of its values too."""
    values = list(getattr(thing, "__members__", {}).values())[:1]
    return {name for one in (thing, *values) for name in dir(one) if not name.startswith("_")}


@pytest.mark.contract("2/session-options-members", "2/get-inputs", "2/modelmeta", "2/module-functions")
@pytest.mark.parametrize("name", ABSENT)
def test_members(name):
    theirs, ours = public(getattr(onnxruntime, name)), public(getattr(ez, name))
    assert theirs - ours == set(ABSENT[name])


@pytest.mark.contract("2/module-functions")
@pytest.mark.parametrize("name", ["GraphOptimizationLevel", "ExecutionMode", "ExecutionOrder"])
def test_enumerations(name):
    theirs, ours = getattr(onnxruntime, name), getattr(ez, name)
    assert {m.name: m.value for m in ours} == {k: v.value for k, v in theirs.__members__.items()}
    assert repr(ours(0)) == repr(theirs(0)) or ours(0).name == theirs(0).name


@pytest.mark.contract("2/exceptions", "1.1/more-names")
def test_every_exception_has_a_namesake():
    from onnxruntime.capi import onnxruntime_pybind11_state

    theirs = {
        name
        for name, value in vars(onnxruntime_pybind11_state).items()
        if isinstance(value, type) and issubclass(value, Exception)
    }
    assert len(theirs) > 10
    for name in theirs:
        assert issubclass(getattr(state, name), RuntimeError), name
    assert state.Fail is ez.Error and state.NoSuchFile is ez.NoSuchFile


@pytest.mark.contract("2/module-functions")
def test_module_functions():
    for name in ("get_available_providers", "get_all_providers", "get_device", "get_version_string", "get_build_info"):
        theirs, ours = getattr(onnxruntime, name)(), getattr(ez, name)()
        assert type(ours) is type(theirs) and len(ours) > 0, name
    for name, arguments in (
        ("set_seed", (7,)),
        ("set_default_logger_verbosity", (0,)),
        ("enable_telemetry_events", ()),
        ("disable_telemetry_events", ()),
        ("preload_dlls", ()),
    ):
        assert getattr(onnxruntime, name)(*arguments) is getattr(ez, name)(*arguments) is None
    for wrong in (9, -1, "loud"):
        theirs, ours = (outcome(lambda rt=rt, w=wrong: rt.set_default_logger_severity(w)) for rt in (onnxruntime, ez))
        assert is_kin(ours, theirs), f"{theirs!r} and {ours!r}"


@pytest.mark.contract("2/modelmeta")
def test_metadata(two_inputs):
    theirs, ours = (s.get_modelmeta() for s in two_inputs[:2])
    for name in public(theirs):
        assert type(getattr(ours, name)) is type(getattr(theirs, name)), name


@pytest.mark.contract("2/provider-list", "1.2/providers")
def test_a_provider_that_is_not_there_is_passed_over(capfd):
    for runtime, path in ((onnxruntime, FIXTURES / "tiny.onnx"), (ez, fixture("tiny_fp16").path)):
        with pytest.warns(UserWarning) as caught:
            session = runtime.InferenceSession(path, providers=["SideBySideExecutionProvider", "CPUExecutionProvider"])
        assert any("SideBySideExecutionProvider" in str(w.message) for w in caught)
        assert len(session.get_providers()) == 1 and session.get_provider_options().keys() == set(
            session.get_providers()
        )
