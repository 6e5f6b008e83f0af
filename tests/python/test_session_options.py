"""SessionOptions: every member, and what those do that do something."""

import json
import os
import pathlib
import subprocess
import sys
import warnings

import numpy as np
import onnxruntime
import pytest

import ez_rknn_async as ez

X = np.array([[1, 2, 3, 4]], np.float32)


def settings():
    """Name and default of every plain attribute of onnxruntime's class."""
    theirs = onnxruntime.SessionOptions()
    return {n: getattr(theirs, n) for n in dir(theirs) if not n.startswith("_") and not callable(getattr(theirs, n))}


@pytest.mark.contract("2/session-options", "2/session-options-members")
def test_attributes_have_onnxruntimes_defaults_and_types():
    ours = ez.SessionOptions()
    assert len(settings()) >= 15
    for name, default in settings().items():
        value = getattr(ours, name)
        if isinstance(default, bool | int | str):
            assert value == default and type(value) is type(default), name
        else:  # an enumeration
            assert (value.name, value.value) == (default.name, default.value)


@pytest.mark.contract("2/session-options-members")
def test_attributes_can_be_set_to_their_type_only():
    theirs, ours = onnxruntime.SessionOptions(), ez.SessionOptions()
    other = {bool: True, int: np.int64(3), str: "other"}
    for name, default in settings().items():
        if name == "optimized_model_filepath":
            continue
        value = other.get(type(default))
        if value is None:
            value = type(getattr(ours, name))(1)
        else:
            setattr(theirs, name, value)
        setattr(ours, name, value)
        assert getattr(ours, name) == value
        for options in (theirs, ours):
            with pytest.raises(TypeError):
                setattr(options, name, object())
    for options in (theirs, ours):
        with pytest.raises(AttributeError):
            options.no_such_member = 1
    assert "logid='other'" in repr(ours)


@pytest.mark.contract("2/session-options-members")
def test_config_entries():
    for options in (onnxruntime.SessionOptions(), ez.SessionOptions()):
        options.add_session_config_entry("session.some_key", "1")
        assert options.get_session_config_entry("session.some_key") == "1"
        with pytest.raises(RuntimeError, match="nothing"):
            options.get_session_config_entry("nothing")
        with pytest.raises(TypeError):
            options.add_session_config_entry("key", 1)


@pytest.mark.contract("2/session-options-members")
def test_what_cannot_work_says_so():
    options = ez.SessionOptions()
    options.optimized_model_filepath = ""
    for call in (
        lambda: setattr(options, "optimized_model_filepath", "optimised.onnx"),
        lambda: options.add_initializer("w", X),
        lambda: options.add_external_initializers(["w"], [X]),
        lambda: options.add_external_initializers_from_files_in_memory(["w"], [b""], [0]),
    ):
        with pytest.raises(ez.Unsupported, match="accepted: "):
            call()
    options.add_free_dimension_override_by_name("batch", 1)
    options.add_free_dimension_override_by_denotation("DATA_BATCH", 1)


@pytest.mark.contract("1.2/sess-options", "2/session-options", "2/get-session-options")
def test_sessions_take_them_and_any_other_object(fake):
    options = ez.SessionOptions()
    options.graph_optimization_level = ez.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    options.execution_mode = ez.ExecutionMode.ORT_PARALLEL
    options.intra_op_num_threads = 2
    session = ez.InferenceSession(fake.MODEL, options, provider_options={"runtime": fake.path})
    assert session.get_session_options() is options and session.run(None, X)[0].tolist() == X.tolist()
    for other in (None, object(), 5, onnxruntime.SessionOptions()):
        session = ez.InferenceSession(fake.MODEL, other, provider_options={"runtime": fake.path})
        assert isinstance(session.get_session_options(), ez.SessionOptions)
        assert session.get_session_options() is session.get_session_options()


@pytest.mark.contract("2/session-options-members")
def test_providers_of_the_options(fake):
    options = ez.SessionOptions()
    assert not options.has_providers()
    options.add_provider("RKNPU2ExecutionProvider", {"runtime": fake.path, "max_queue_size": "7"})
    assert options.has_providers()
    session = ez.InferenceSession(fake.MODEL, options)
    assert session.get_provider_options()["RKNPU2ExecutionProvider"]["max_queue_size"] == "7"
    own = [("RKNPU2ExecutionProvider", {"runtime": fake.path, "layout": "nhwc"})]
    session = ez.InferenceSession(fake.MODEL, options, providers=own)
    assert session.get_provider_options()["RKNPU2ExecutionProvider"] == own[0][1]


@pytest.mark.contract("2/session-options-members")
def test_custom_operator_libraries_of_the_options(fake, tmp_path):
    options = ez.SessionOptions()
    with pytest.raises(ez.Fail, match=r"no_such\.so"):
        options.register_custom_ops_library(str(tmp_path / "no_such.so"))
    options.register_custom_ops_library(fake.path)
    for more in ({}, {"custom_op_paths": []}, {"custom_op_paths": fake.path}):
        with pytest.raises(ez.InvalidArgument, match="get_rknn_custom_op"):
            ez.InferenceSession(fake.MODEL, options, provider_options={"runtime": fake.path, **more})
    assert fake.live_contexts() == 0


@pytest.mark.contract("2/session-options-members")
def test_loading_can_be_cancelled(fake):
    options = ez.SessionOptions()
    options.set_load_cancellation_flag(True)
    with pytest.raises(ez.ModelLoadCanceled):
        ez.InferenceSession(fake.MODEL, options, provider_options={"runtime": fake.path})
    options.set_load_cancellation_flag(False)
    ez.InferenceSession(fake.MODEL, options, provider_options={"runtime": fake.path})


@pytest.fixture
def severity():
    yield ez.set_default_logger_severity
    ez.set_default_logger_severity(2)


@pytest.mark.contract("2/session-options-members", "2/module-functions")
def test_severity_decides_about_warnings(fake, severity):
    def open_with(options):
        return fake.open("cores=2", sess_options=options, schedule=[0, 2])

    quiet, loud = ez.SessionOptions(), ez.SessionOptions()
    quiet.log_severity_level, loud.log_severity_level = 3, 2
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        open_with(quiet)
        severity(3)
        open_with(None)
    with pytest.warns(UserWarning, match="core 2"):
        open_with(loud)
    severity(1)
    with pytest.warns(UserWarning, match="core 2"):
        open_with(None)


LOGS = """
import sys, ez_rknn_async as ez
before, after = eval(sys.argv[2]), eval(sys.argv[3])
if before is not None: ez.set_default_logger_severity(before)
options = {"runtime": "software"}
session = ez.InferenceSession(sys.argv[1], provider_options=options)
print("loaded", file=sys.stderr)
if after is not None: ez.set_default_logger_severity(after)
session = ez.InferenceSession(sys.argv[1], provider_options=options)
try:
    ez.InferenceSession(open(sys.argv[1], "rb").read(1000), provider_options=options)
except ez.ModelError:
    print("refused", file=sys.stderr)
import logging
assert not logging.root.handlers and logging.root.level == logging.WARNING and not logging.root.manager.disable
"""


@pytest.mark.contract("2/module-functions", "2/dependencies")
@pytest.mark.parametrize(
    ("before", "after", "information", "errors"),
    [(None, None, 0, 1), (1, None, 2, 1), (None, 1, 1, 1), (0, 4, 1, 0), (4, None, 0, 0)],
)
def test_severity_decides_what_the_software_npu_says(seed, before, after, information, errors):
    """Counts its lines on standard error, before and after it is loaded; Python's logging stays as it was."""
    done = subprocess.run(
        [sys.executable, "-c", LOGS, seed, repr(before), repr(after)],
        capture_output=True,
        text=True,
        env={k: v for k, v in os.environ.items() if k != "RKNN_LOG_LEVEL"},
    )
    assert done.returncode == 0 and "refused" in done.stderr, done.stderr
    assert done.stderr.count("software NPU, ez-rknn-async") == information, done.stderr
    assert sum(line.startswith("E RKNN:") for line in done.stderr.splitlines()) == errors, done.stderr


@pytest.mark.contract("2/set-providers", "1.2/lifecycle")
def test_set_providers_loads_again(fake, seed):
    session = ez.InferenceSession(seed, provider_options={"runtime": "software"})
    (before,) = session.get_inputs()
    session.set_providers([("SoftwareRKNPU2ExecutionProvider", {"layout": "nhwc"})])
    (after,) = session.get_inputs()
    assert before.shape == [1, 3, 640, 640] and after.shape == [1, 640, 640, 3]
    assert session.get_providers() == ["SoftwareRKNPU2ExecutionProvider"]
    with pytest.raises(ez.InvalidArgument):
        session.set_providers(None, {"layout": "nonsense"})
    assert session.get_inputs()[0].shape == [1, 640, 640, 3]  # what was loaded still is
    with pytest.raises(ez.Unsupported, match="content"):
        fake.open().set_providers(["CPUExecutionProvider"])


@pytest.mark.contract("2/set-providers", "1.2/lifecycle")
def test_what_has_no_meaning_here_can_be_called(fake):
    session = fake.open()
    assert session.enable_fallback() is session.disable_fallback() is None
    assert session.get_tuning_results() == [] and session.set_tuning_results([{}]) is None
    for call in (
        lambda: session.set_tuning_results([{}], error_on_invalid=True),
        lambda: session.set_ep_dynamic_options({"key": "value"}),
    ):
        with pytest.raises(ez.Unsupported):
            call()
    assert session.run(None, X)[0].tolist() == X.tolist()


@pytest.mark.contract("2/session-options", "2/profiling")
def test_enable_profiling_records_from_the_start(fake, tmp_path):
    options = ez.SessionOptions()
    options.enable_profiling = True
    options.profile_file_prefix = str(tmp_path / "profile_")
    session = fake.open(sess_options=options)
    session.run(None, X)
    file = pathlib.Path(session.end_profiling())
    assert file.parent == tmp_path and file.name.startswith("profile_")
    assert [e["args"]["ticket"] for e in json.loads(file.read_text())["traceEvents"] if e["name"] == "run"] == [0]
