"""Scripts as they are written for the vendor's Python packages, run unmodified: each in a process of its own."""

import os
import re
import subprocess
import sys
import textwrap

import numpy as np
import pytest
from conftest import MODELS

import ez_rknn_async as ez

DIGITS = MODELS / "digits/digits_i8.rknn"
SEED = MODELS / "seed/seed_i8.rknn"

LITE = """
import sys
import numpy as np
from rknnlite.api import RKNNLite

if __name__ == "__main__":
    rknn_lite = RKNNLite(verbose=False)
    print("--> Load RKNN model")
    ret = rknn_lite.load_rknn(sys.argv[1])
    if ret != 0:
        print("Load RKNN model failed")
        exit(ret)
    img = np.load(sys.argv[2])
    img = np.expand_dims(img, 0)
    ret = rknn_lite.init_runtime(core_mask=RKNNLite.NPU_CORE_0_1_2)
    if ret != 0:
        print("Init runtime environment failed")
        exit(ret)
    outputs = rknn_lite.inference(inputs=[img])
    print("top1", int(np.argmax(outputs[0])))
    np.save(sys.argv[3], outputs[0])
    print(rknn_lite.get_sdk_version())
    rknn_lite.release()
"""

ZOO = """
import sys
import numpy as np
from rknn.api import RKNN

class Container:
    def __init__(self, path, target=None, device_id=None):
        rknn = RKNN()
        rknn.load_rknn(path)
        ret = rknn.init_runtime() if target is None else rknn.init_runtime(target=target, device_id=device_id)
        if ret != 0:
            exit(ret)
        self.rknn = rknn

    def run(self, inputs):
        if self.rknn is None:
            return []
        if not isinstance(inputs, (list, tuple)):
            inputs = [inputs]
        return self.rknn.inference(inputs=inputs)

    def release(self):
        self.rknn.release()
        self.rknn = None

model = Container(sys.argv[1], target=sys.argv[4] if len(sys.argv) > 4 else None)
outputs = model.run([np.load(sys.argv[2])[None]])
np.save(sys.argv[3], outputs[0])
model.release()
"""


@pytest.fixture
def run(tmp_path):
    """run(script text, arguments..., launcher=True) -> the finished process"""

    def run(text, *arguments, launcher=("-m", "ez_rknn_async.compat")):
        script = tmp_path / "example.py"
        script.write_text(textwrap.dedent(text))
        return subprocess.run(
            [sys.executable, *launcher, str(script), *map(str, arguments)],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            env=os.environ | {"EZ_RKNN_RUNTIME": "software"},
        )

    run.folder = tmp_path
    return run


@pytest.fixture
def picture(tmp_path):
    """(path, HWC array): a digit as OpenCV gives it"""
    image = np.load(MODELS / "digits/digits_test.npz")["images"][3]
    np.save(tmp_path / "picture.npy", image)
    return tmp_path / "picture.npy", image


def expected(image):
    session = ez.InferenceSession(DIGITS, provider_options={"layout": "nhwc", "runtime": "software"})
    return session.run(None, [image[None]])[0]


@pytest.mark.contract("2/core-selection")
def test_a_lite_script(run, picture):
    path, image = picture
    done = run(LITE, DIGITS, path, run.folder / "out.npy")
    assert done.returncode == 0, done.stderr
    output = np.load(run.folder / "out.npy")
    np.testing.assert_array_equal(output, expected(image))
    assert output.dtype == np.float32
    assert f"top1 {expected(image).argmax()}" in done.stdout
    assert re.search(r"RKNN VERSION:\n  API: \S.*\n  DRV: \S", done.stdout)


def test_a_lite_script_reports_what_fails_by_return_codes(run, picture):
    done = run(LITE, run.folder / "missing.rknn", picture[0], run.folder / "out.npy")
    assert done.returncode == 255  # exit(-1)
    assert "Load RKNN model failed" in done.stdout
    assert "E RKNNLite: load_rknn: " in done.stderr and "missing.rknn" in done.stderr
    damaged = run.folder / "damaged.rknn"
    damaged.write_bytes(DIGITS.read_bytes()[:2000])
    done = run(LITE, damaged, picture[0], run.folder / "out.npy")
    assert done.returncode == 255
    assert "Init runtime environment failed" in done.stdout
    assert "E RKNNLite: init_runtime: " in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("target", [(), ("rk3588",), ("RK3588",)])
def test_a_model_zoo_script(run, picture, target):
    path, image = picture
    done = run(ZOO, DIGITS, path, run.folder / "out.npy", *target)
    assert done.returncode == 0, done.stderr
    np.testing.assert_array_equal(np.load(run.folder / "out.npy"), expected(image))


def test_another_chip_is_refused(run, picture):
    done = run(ZOO, DIGITS, picture[0], run.folder / "out.npy", "rk3566")
    assert done.returncode == 255
    assert "target 'rk3566' given, the model is for rk3588" in done.stderr


def test_the_script_is_main_and_its_arguments_are_its_own(run):
    (run.folder / "neighbour.py").write_text("value = 41")
    done = run(
        """
        import pickle, sys, threading
        import neighbour, rknnlite.api, rknn_toolkit_lite2.api
        class Thing:
            pass
        assert isinstance(pickle.loads(pickle.dumps(Thing())), Thing)
        print(__name__, __file__, sys.argv, neighbour.value, [n for n in globals() if "compat" in n])
        assert rknn_toolkit_lite2.api.RKNNLite is rknnlite.api.RKNNLite
        sys.exit(7)
        """,
        "--flag",
        "-x",
    )
    assert done.returncode == 7, done.stderr
    script = str(run.folder / "example.py")
    assert done.stdout.split("\n")[0] == f"__main__ {script} {[script, '--flag', '-x']!r} 41 []"


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_processes_of_the_script_find_the_stand_ins(run, method):
    done = run(
        """
        import multiprocessing, sys
        def work(name):
            from rknnlite.api import RKNNLite
            return RKNNLite().load_rknn(name)
        if __name__ == "__main__":
            with multiprocessing.get_context(sys.argv[1]).Pool(1) as pool:
                print(pool.map(work, [sys.argv[2]]))
        """,
        method,
        DIGITS,
    )
    assert done.stdout == "[0]\n", done.stderr


def test_a_traceback_begins_in_the_script(run):
    text = "def fail():\n    raise KeyError('ouch')\nfail()\n"
    with_launcher, without = run(text), run(text, launcher=())
    assert with_launcher.returncode == without.returncode == 1
    assert with_launcher.stderr == without.stderr
    assert "line 2, in fail" in with_launcher.stderr


def test_the_launcher_explains_itself(run):
    done = subprocess.run([sys.executable, "-m", "ez_rknn_async.compat"], capture_output=True, text=True)
    assert done.returncode == 2 and "SCRIPT ARGUMENTS" in done.stderr
    done = subprocess.run(
        [sys.executable, "-m", "ez_rknn_async.compat", "/no/script.py"], capture_output=True, text=True
    )
    assert done.returncode == 1 and "/no/script.py" in done.stderr


@pytest.fixture
def lite():
    from ez_rknn_async.compat.rknnlite import RKNNLite

    lite = RKNNLite()
    yield lite
    lite.release()


@pytest.fixture(autouse=True)
def software(monkeypatch):
    monkeypatch.setenv("EZ_RKNN_RUNTIME", "software")


@pytest.mark.contract("2/per-call-format")
def test_layouts_and_types(lite):
    image = np.random.default_rng(0).integers(0, 256, (1, 64, 64, 3), dtype=np.uint8)
    session = ez.InferenceSession(SEED, provider_options={"layout": "nhwc"})
    node = session.get_inputs()[0]
    image = np.random.default_rng(0).integers(0, 256, node.shape, dtype=np.uint8)
    want = session.run(None, [image])
    assert lite.load_rknn(str(SEED)) == 0
    assert lite.init_runtime(async_mode=True) == 0
    nchw = np.ascontiguousarray(image.transpose(0, 3, 1, 2))
    for outputs in (
        lite.inference([image]),
        lite.inference(inputs=[image], data_format=["nhwc"], inputs_pass_through=[0]),
        lite.inference(inputs=[nchw], data_format="nchw"),
        lite.inference(inputs=[nchw], data_format=["NCHW"]),
        lite.inference(inputs=[image.astype(np.float64)], data_type="uint8"),
        lite.inference(inputs=image, reuse_outputs=True),
        lite.inference(inputs=[image[0]]),  # three dimensions
    ):
        assert len(outputs) == len(want)
        for a, b in zip(outputs, want, strict=True):
            np.testing.assert_array_equal(a, b)


@pytest.mark.contract("2/encrypted")
def test_mistakes_give_none_and_a_reason(lite, capfd):
    for call, said in (
        (lambda: lite.inference([np.zeros(1)]), "call init_runtime first"),
        (lambda: lite.get_sdk_version(), "call init_runtime first"),
    ):
        assert call() is None
        assert said in capfd.readouterr().err
    assert lite.init_runtime() == -1
    assert "call load_rknn first" in capfd.readouterr().err
    assert lite.load_rknn(DIGITS, key_path="key") == -1
    assert "key_path" in capfd.readouterr().err
    assert lite.load_rknn(__file__) == -1
    assert "no .rknn file" in capfd.readouterr().err
    assert lite.load_rknn(DIGITS) == 0
    assert lite.init_runtime(core_mask=9) == -1
    assert "core_mask 9" in capfd.readouterr().err
    assert lite.init_runtime() == 0
    picture = np.zeros((1, 32, 32, 1), np.uint8)
    for arguments, said in (
        (([picture, picture],), "2 inputs given, the model takes 1"),
        (([picture[:, :16]],), "shape [1, 16, 32, 1]"),
        (([picture], None, "hwcn"), "data_format 'hwcn'"),
        (([picture], None, ["nhwc", "nhwc"]), "data_format: 2 given"),
        (([picture], None, None, [1]), "inputs_pass_through"),
        ((None,), "NoneType given"),
        (([picture], "noise"), "noise"),
    ):
        assert lite.inference(*arguments) is None
        assert said in capfd.readouterr().err
    assert lite.inference([picture]) is not None  # none the worse


def test_constants():
    from ez_rknn_async.compat.rknn import RKNN
    from ez_rknn_async.compat.rknnlite import RKNNLite

    for c in (RKNN, RKNNLite):
        masks = [c.NPU_CORE_AUTO, c.NPU_CORE_0, c.NPU_CORE_1, c.NPU_CORE_2, c.NPU_CORE_0_1, c.NPU_CORE_0_1_2]
        assert masks == [0, 1, 2, 4, 3, 7]
        assert c.NPU_CORE_ALL == 0xFFFF


def test_verbose_writes_a_file(tmp_path, capfd):
    from ez_rknn_async.compat.rknnlite import RKNNLite

    lite = RKNNLite(verbose=True, verbose_file=str(tmp_path / "log.txt"))
    lite.load_rknn(DIGITS)
    lite.init_runtime()
    lite.release()
    text = (tmp_path / "log.txt").read_text()
    assert "load_rknn" in text and "librknnrt_ez.so" in text
    assert text == capfd.readouterr().err


@pytest.mark.contract("2/platform-list")
def test_platforms(lite, capsys):
    answer = lite.list_support_target_platform(rknn_model=str(DIGITS))
    assert answer == {"support_target_platform": ["RK3588"], "filled_target_platform": ["rk3588"]}
    assert "rk3588" in capsys.readouterr().out
    assert lite.list_support_target_platform() is None
    assert "RK3566, RK3568" in capsys.readouterr().out
    assert lite.list_support_target_platform(rknn_model="missing.rknn") is None


def test_what_runs_of_the_toolkit(capsys):
    from ez_rknn_async.compat.rknn import RKNN

    rknn = RKNN(verbose=False)
    assert rknn.list_devices() == ([], [])
    assert rknn.eval_perf() is None  # not initialised
    rknn.load_rknn(DIGITS)
    assert rknn.init_runtime(perf_debug=True, eval_mem=True, core_mask=RKNN.NPU_CORE_0) == 0
    capsys.readouterr()
    perf = rknn.eval_perf(loop_cnt=3)
    assert perf["runs"] == 3 and 0 < perf["minimum_us"] <= perf["average_us"]
    assert "3 runs" in capsys.readouterr().out
    memory = rknn.eval_memory(is_print=False)
    assert memory["total_memory"] == sum(memory[k] for k in ("weight_memory", "internal_memory", "other_memory"))
    assert memory["weight_memory"] > 0 and memory["internal_memory"] > 0
    assert capsys.readouterr().out == ""
    rknn.release()


@pytest.mark.parametrize("name", ["config", "load_onnx", "build", "export_rknn", "accuracy_analysis"])
def test_building_is_refused_by_name(name):
    from ez_rknn_async.compat.rknn import RKNN

    with pytest.raises(ez.Unsupported, match=rf"RKNN\.{name} .*ez_rknn_async\.convert"):
        getattr(RKNN(), name)("anything", mean_values=[[0]])
    with pytest.raises(AttributeError, match="no attribute 'fly'"):
        RKNN().fly  # noqa: B018


@pytest.mark.contract("2/core-selection")
def test_core_masks_reach_the_runtime(fake, monkeypatch, tmp_path):
    from ez_rknn_async.compat.rknnlite import RKNNLite

    model = tmp_path / "model.rknn"
    model.write_bytes(fake.MODEL)
    monkeypatch.setenv("EZ_RKNN_RUNTIME", fake.path)
    monkeypatch.setenv("EZ_FAKE_RT", "compute=core")
    lite = RKNNLite()
    for mask in (0, 1, 2, 4, 3, 7, 0xFFFF):
        fake._script(b"compute=core")
        assert lite.load_rknn(model) == 0
        assert lite.init_runtime(core_mask=mask) == 0
        (output,) = lite.inference([np.zeros((1, 4), np.float32)])
        assert (output == mask).all(), mask
    lite.release()
    assert fake.live_contexts() == 0
