"""Models that are none, calls that fail: the class, and what the message says."""

import os

import numpy as np
import pytest
from conftest import MODELS

import ez_rknn_async as ez

X = np.zeros((1, 4), np.float32)


@pytest.mark.contract("1.1/errors", "3/32")
def test_the_tree():
    for name in ez.errors.__all__:
        assert issubclass(getattr(ez, name), RuntimeError), name
    for ours, theirs in (
        (ez.InvalidArgument, ValueError),
        (ez.InvalidType, TypeError),
        (ez.NoSuchFile, FileNotFoundError),
        (ez.ModelError, ValueError),
        (ez.Unsupported, NotImplementedError),
        (ez.QueueFull, TimeoutError),
        (ez.Timeout, TimeoutError),
    ):
        assert issubclass(ours, theirs)


@pytest.mark.contract("1.2/missing-file")
def test_missing_file_and_folder(tmp_path):
    with pytest.raises(ez.NoSuchFile, match=r"no_such_model\.rknn"):
        ez.InferenceSession(tmp_path / "no_such_model.rknn")
    with pytest.raises(FileNotFoundError, match="a directory"):
        ez.InferenceSession(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ez.NoSuchFile, match="not a regular file"):
        ez.InferenceSession(tmp_path / "pipe")
    with pytest.raises(ez.InvalidArgument, match="zero byte"):
        ez.InferenceSession("model\0.rknn")


@pytest.mark.contract("1.2/empty-bytes", "1.2/header", "1.11/rknpu3")
@pytest.mark.parametrize(
    ("content", "error", "text"),
    [
        (b"", ez.ModelError, "0 bytes"),
        (b"RKN", ez.ModelError, "3 bytes"),
        (b"RKNN", ez.ModelError, "cut off"),
        (b"This is a text file.\n" * 10, ez.ModelError, "54 68 69 73"),
        (b"RKNX" + bytes(200), ez.Unsupported, "RKNX"),
    ],
)
def test_what_is_no_model(tmp_path, content, error, text):
    path = tmp_path / "model.rknn"
    path.write_bytes(content)
    for model in (path, content):
        with pytest.raises(error, match=text):
            ez.InferenceSession(model, provider_options={"runtime": "software"})


def test_a_truncated_model_is_an_error_wherever_it_is_cut(seed):
    content = seed.read_bytes()
    for size in (64, 100, 1000, len(content) // 4, len(content) // 2, len(content) - 1000):
        with pytest.raises(ez.Error) as e:
            ez.InferenceSession(content[:size], provider_options={"runtime": "software"})
        assert isinstance(e.value, ez.ModelError | ez.Unsupported), f"{size}: {e.value!r}"


@pytest.mark.contract("1.4/runtime-error")
def test_a_failing_call_names_function_code_and_meaning(fake):
    for function, code, text in (
        ("inputs_set", -5, "rknn_inputs_set failed: RKNN_ERR_PARAM_INVALID"),
        ("run", -2, "rknn_run failed: RKNN_ERR_TIMEOUT"),
        ("outputs_get", -9, "rknn_outputs_get failed: RKNN_ERR_OUTPUT_INVALID"),
        ("run", -99, "rknn_run failed: code -99"),
    ):
        session = fake.open(f"fail={function}:{code}:1")
        with pytest.raises(ez.DeviceError, match=text) as e:
            session.run(None, X)
        assert e.value.rknn_ret == code
        session.run(None, X)


@pytest.mark.contract("3/01", "3/02")
def test_failures_while_loading(fake):
    with pytest.raises(ez.ModelError, match="RKNN_ERR_MODEL_INVALID"):
        fake.open("fail=init:-6")
    with pytest.raises(ez.DeviceError, match="rknn_init"):
        fake.open("fail=init:-1")
    with pytest.raises(ez.DeviceError, match="rknn_set_core_mask"):
        fake.open("fail=set_core_mask:-1:3", schedule=[0, 1, 2])
    assert fake.live_contexts() == 0


@pytest.mark.contract("1.3/custom-op-path")
def test_custom_operators_that_cannot_be_loaded(fake, tmp_path):
    with pytest.raises(ez.InvalidArgument, match=r"no_such\.so"):
        fake.open(custom_op_path=tmp_path / "no_such.so")
    with pytest.raises(ez.InvalidArgument, match="get_rknn_custom_op"):
        fake.open(custom_op_paths=[fake.path])
    assert fake.live_contexts() == 0


@pytest.mark.contract("2/close")
def test_a_closed_session(fake):
    session = fake.open()
    session.close()
    session.close()
    for call in (
        lambda: session.run(None, X),
        lambda: session.run_pipeline(X),
        lambda: session.run(None, X, {"ztu_modelrt_dispatch_batch": True}),
    ):
        with pytest.raises(ez.Closed):
            call()
    assert session.input_names == ["x"] and session.get_modelmeta().custom_metadata_map == {}


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_gets_an_error_and_can_open_its_own(fake):
    session = fake.open()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            session.run(None, X)
        except ez.Closed:
            status = 0 if fake.open().run(None, X)[0].shape == (1, 4) else 2
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert session.run(None, X)[0].shape == (1, 4)


def test_reading_files_in_the_same_process_changes_no_class(fake, tmp_path):
    """nanobind asks all modules' translators: the one of the file reader once turned every error of a session into a ValueError."""
    from ez_rknn_async import _file

    damaged = tmp_path / "damaged.rknn"
    damaged.write_bytes((MODELS / "digits" / "digits_i8.rknn").read_bytes()[:3000])
    with pytest.raises(ez.ModelError):
        _file.describe(str(damaged))
    with pytest.raises(ez.NoSuchFile):
        _file.describe(str(tmp_path / "missing.rknn"))
    session = fake.open()
    session.close()
    with pytest.raises(ez.Closed):
        session.run(None, [X])
