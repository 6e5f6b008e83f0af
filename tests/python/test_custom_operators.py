"""Custom operators: a plug-in written in C, loaded by the engine, executed by the software NPU."""

import os
import shutil
import subprocess
import sys
import threading

import numpy as np
import pytest
from fixtures import fixture, fixtures

import ez_rknn_async as ez

BUILDS = fixtures(network="custom_operator", target="rk3588")


def open_with(f, **options):
    with pytest.warns(UserWarning, match="custom operators: every worker initialises the model on its own"):
        return ez.InferenceSession(f.path, provider_options={"runtime": "software", **options})


@pytest.mark.contract("1.3/custom-op-path")
@pytest.mark.parametrize("f", BUILDS, ids=repr)
def test_results_are_the_simulators(f, plug_in):
    """The operator reads its four attributes through rknn_custom_op_get_op_attr: other results mean it did not."""
    session = open_with(f, custom_op_path=plug_in)
    for feed, expected in f.sets():
        f.check(session.run(None, feed), expected)


@pytest.mark.contract("1.3/custom-op-path")
@pytest.mark.parametrize(
    "options",
    [
        lambda p: {"custom_op_path": str(p)},
        lambda p: {"custom_op_path": [p]},
        lambda p: {"custom_op_paths": p},
        lambda p: {"custom_op_paths": (str(p),)},
        lambda p: {"custom_op_path": [], "custom_op_paths": [p]},
        lambda p: {"Custom_Op_Path": p},
    ],
)
def test_ways_of_naming_it(options, plug_in):
    f = BUILDS[0]
    session = open_with(f, **options(plug_in))
    feed, expected = next(iter(f.sets()))
    f.check(session.run(None, feed), expected)


@pytest.mark.contract("2/session-options-members")
def test_as_onnxruntime_names_it(plug_in):
    f, options = BUILDS[0], ez.SessionOptions()
    options.register_custom_ops_library(str(plug_in))
    with pytest.warns(UserWarning, match="custom operators"):
        session = ez.InferenceSession(f.path, options, provider_options={"runtime": "software"})
    feed, expected = next(iter(f.sets()))
    f.check(session.run(None, feed), expected)


def test_every_worker_and_way_of_running(plug_in):
    f = BUILDS[0]
    session = open_with(f, custom_op_path=plug_in, schedule=[0, 1, 2], threads_per_core=2)
    sets = [(feed, session.run(None, feed)) for feed, _ in f.sets()]
    seen, done = [], threading.Event()
    for k in range(12):
        session.run_async(None, sets[k % 2][0], lambda r, k, e: (seen.append((k, r, e)), k == 11 and done.set()), k)
    assert done.wait(60)
    for k, results, error in seen:
        assert error == "" and np.array_equal(results[0], sets[k % 2][1][0])
    batch = np.concatenate([feed["x"] for feed, _ in sets])
    (together,) = session.run(None, {"x": batch}, {"ztu_modelrt_dispatch_batch": True})
    assert np.array_equal(together, np.concatenate([out[0] for _, out in sets]))


def test_a_model_without_its_operator_says_which(plug_in):
    session = ez.InferenceSession(BUILDS[0].path, provider_options={"runtime": "software"})
    feed, _ = next(iter(BUILDS[0].sets()))
    with pytest.raises(ez.Error, match="cstScaledSoftsign"):
        session.run(None, feed)


def test_an_operator_twice_is_refused(plug_in, tmp_path):
    copy = shutil.copy(plug_in, tmp_path / "copy.so")
    with pytest.raises(ez.InvalidArgument, match="cstScaledSoftsign is loaded already"):
        ez.InferenceSession(
            BUILDS[0].path, provider_options={"runtime": "software", "custom_op_paths": [plug_in, copy]}
        )


def test_an_operator_the_model_does_not_need_is_harmless(plug_in):
    f = fixture("tiny_i8")
    session = open_with(f, custom_op_path=plug_in)
    for feed, expected in f.sets():
        f.check(session.run(None, feed), expected)


DEFAULT_FOLDER = """
import sys, warnings, numpy as np, ez_rknn_async as ez
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    session = ez.InferenceSession(sys.argv[1], provider_options={"runtime": "software", sys.argv[2]: True})
print("|".join(str(w.message) for w in caught))
print(session.run(None, np.ones((1, 3, 6, 6), np.float32))[0].shape)
"""


@pytest.mark.contract("1.3/custom-op-default-path")
@pytest.mark.parametrize("option", ["custom_op_default_path", "load_custom_ops_from_default_path"])
def test_the_default_folder(option, plug_in, tmp_path):
    """EZ_RKNN_DEVICE_ROOT stands for the root of the board's file system."""

    def run(root):
        return subprocess.run(
            [sys.executable, "-c", DEFAULT_FOLDER, BUILDS[0].path, option],
            capture_output=True,
            text=True,
            env=os.environ | {"EZ_RKNN_DEVICE_ROOT": str(root)},
        )

    folder = tmp_path / "usr/lib/rknpu/op_plugins"
    missing = run(tmp_path)
    assert missing.returncode == 1 and "cstScaledSoftsign" in missing.stderr
    assert str(folder) in missing.stdout and "No such file" in missing.stdout
    folder.mkdir(parents=True)
    shutil.copy(plug_in, folder)
    (folder / "librkcst_broken.so").write_text("no library")
    (folder / "other.so").write_text("not looked at")
    found = run(tmp_path)
    assert found.returncode == 0, found.stderr
    said, shape = found.stdout.splitlines()
    assert "librkcst_broken.so" in said and "other.so" not in said and "every worker" in said
    assert shape == "(1, 8, 6, 6)"
