"""Files compiled by the vendor for five chips with toolkits 1.1 to 2.3, format versions 1, 2 and 6. They are not ours to
pass on: these tests run where a corpus lies beside the checkout, and are skipped elsewhere."""

import subprocess
import sys

import numpy as np
import pytest
from conftest import ROOT

import ez_rknn_async as ez

VENDOR = ROOT.parent / "shared" / "models" / "vendor"
TWO_INPUTS = sorted(VENDOR.glob("multiple_input/*.rknn"))
CUSTOM = sorted(VENDOR.glob("dual_residual/*.rknn"))
pytestmark = pytest.mark.skipif(not TWO_INPUTS, reason="no corpus beside the checkout")
OPTIONS = {"runtime": "software"}
# Calibrated on other pictures: the largest values of this one lie beyond the output's range.
CLIPPED = ("RK3588.78b6dc59", "RV1126B")


def version(path):
    return int.from_bytes(path.read_bytes()[8:16], "little")


def ident(path):
    return path.stem.removeprefix("multiple_input_demo.").removeprefix("dual_residual_custom.")


def two_inputs():
    folder = VENDOR / "multiple_input"
    return {"input.1": np.load(folder / "image1_nchw.npy"), "input": np.load(folder / "image2_nchw.npy")}


def run_two_inputs(model):
    session = ez.InferenceSession(model, provider_options=OPTIONS)
    return session.run(None, {n: two_inputs()[n] for n in session.input_names})[0]


@pytest.mark.parametrize("path", TWO_INPUTS, ids=ident)
def test_two_pictures_and_two_convolutions(path):
    """Within one step of ONNX Runtime's float result, and the largest value at its place."""
    session = ez.InferenceSession(path, provider_options=OPTIONS)
    (y,) = session.run(None, {n: two_inputs()[n] for n in session.input_names})
    expected = np.load(VENDOR / "multiple_input" / "onnx_fp32_expected_nchw.npy")
    (output,) = session.get_outputs()
    steps = np.abs(y - np.clip(expected, y.min(), y.max())) / output.scale
    assert y.shape == expected.shape
    if ident(path).startswith(CLIPPED):  # and the convolutions before it are cut off too
        assert np.corrcoef(y.ravel(), expected.ravel())[0, 1] > 0.999
        assert (steps <= 1.05).mean() > (0.998 if version(path) == 1 else 0.96)
        return
    one_rounding = version(path) > 1  # version 1 does not fuse the addition: each layer rounds
    assert (steps <= 1.05).mean() > (0.9999 if one_rounding else 0.995)
    assert steps.max() < (1.1 if one_rounding else 1.5)
    assert int(y.argmax()) == int(expected.argmax()) == 80926


def test_old_formats_and_new_ones_compute_the_same():
    """Version 2 and version 6 files of one calibration, of four chips, give the same numbers."""
    same = "320110b7", "9871542b", "b83120bc", "525c4f51", "2717f5ed", "753811da", "1959e6e6"
    outputs = {ident(p): run_two_inputs(p) for p in TWO_INPUTS if ident(p).endswith(same)}
    assert len(outputs) == len(same) and {version(p) for p in TWO_INPUTS} == {1, 2, 6}
    first = next(iter(outputs.values()))
    assert all(np.array_equal(first, y) for y in outputs.values()), list(outputs)


@pytest.mark.contract("1.3/custom-op-path")
@pytest.mark.parametrize("path", CUSTOM, ids=ident)
def test_a_custom_operator_with_two_inputs_and_outputs(path, dual_residual):
    """y0 = a / 2 - b, y1 = b / 2 - a: exactly, in the half precision that the file keeps its tensors in."""
    folder = path.parent
    with pytest.warns(UserWarning, match="custom operators"):
        session = ez.InferenceSession(path, provider_options={**OPTIONS, "custom_op_path": dual_residual})
    inputs = [np.load(folder / f"dual_residual_input_{i}_nhwc.npy").transpose(0, 3, 1, 2) for i in (0, 1)]
    results = session.run(None, dict(zip(session.input_names, inputs, strict=True)))
    a, b = (x.astype(np.float16).astype(np.float32) for x in inputs)
    for i, (y, exact) in enumerate(zip(results, (a / 2 - b, b / 2 - a), strict=True)):
        assert np.array_equal(y, exact.astype(np.float16))
        expected = np.fromfile(folder / f"dual_residual_output_{i}.bin", np.float32)
        assert np.abs(y.ravel() - expected).max() < 2e-3  # made without rounding to half precision


@pytest.mark.parametrize("number", [2, 3, 4, 5, 6])
@pytest.mark.parametrize(
    "path", [next((p for p in TWO_INPUTS if version(p) == v), None) for v in (2, 6)], ids=["old", "new"]
)
def test_the_version_number_decides_nothing(path, number):
    """Which tables are there does: files of versions never seen are read if they follow either scheme."""
    data = bytearray(path.read_bytes())
    data[8:16] = number.to_bytes(8, "little")
    assert np.array_equal(run_two_inputs(bytes(data)), run_two_inputs(path))


DAMAGE = """
import pathlib, random, sys
import numpy as np, ez_rknn_async as ez
path, seeds = pathlib.Path(sys.argv[1]), int(sys.argv[2])
whole, refused = path.read_bytes(), 0
ends = [8, 23, 63, 64, 100, len(whole) // 3, len(whole) - 4096, len(whole) - 1]
def damaged():
    for n in ends:
        yield whole[:n]
    for seed in range(seeds):
        r, data = random.Random(seed), bytearray(whole)
        for _ in range(r.randint(1, 4)):
            at = r.choice([r.randrange(24, 4096), r.randrange(len(whole) - 16384, len(whole)), r.randrange(len(whole))])
            data[at : at + 4] = r.choice([bytes(4), b"\\xff" * 4, r.randbytes(4), data[at - 4 : at]])
        yield bytes(data)
for k, data in enumerate(damaged()):
    try:
        session = ez.InferenceSession(data, provider_options={"runtime": "software"})
        session.run(None, {a.name: np.ones([d if d > 0 else 1 for d in a.shape], np.float32) for a in session.get_inputs()})
    except (ez.Error, MemoryError):
        refused += 1
    else:
        assert k >= len(ends), f"a file cut short to {len(data)} bytes was taken"
print("refused", refused)
"""


@pytest.mark.parametrize("path", [p for p in TWO_INPUTS if version(p) < 6], ids=ident)
def test_damaged_old_files_are_refused_or_run(path):
    """In a process of its own: a crash, a hang or another exception is a failure."""
    child = subprocess.run([sys.executable, "-c", DAMAGE, str(path), "150"], capture_output=True, text=True)
    assert child.returncode == 0, child.stderr[-2000:]
    assert int(child.stdout.split()[-1]) >= 8
