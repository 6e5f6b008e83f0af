"""Small models that the vendor compiled, for RK3588, of format versions 1, 2 and 6. They are no part of this repository: the tests run
where the corpus lies beside the checkout."""

import pathlib

import numpy as np
import pytest
from conftest import ROOT

import ez_rknn_async as ez

VENDOR = ROOT.parent / "shared" / "models" / "vendor"
pytestmark = pytest.mark.skipif(not VENDOR.is_dir(), reason="the corpus is not beside the checkout")
OPTIONS = {"runtime": "software"}


def files(folder):
    return sorted((VENDOR / folder).glob("*RK3588*.rknn")) or [pathlib.Path(f"no file in {folder}")]


@pytest.mark.parametrize("path", files("multiple_input"), ids=lambda p: p.name)
def test_two_pictures_and_two_convolutions(path):
    """Within one step of ONNX Runtime's float result, and the largest value at its place."""
    folder = path.parent
    session = ez.InferenceSession(path, provider_options=OPTIONS)
    pictures = [np.load(folder / f"image{i}_nchw.npy") for i in (1, 2)]
    feed = {i.name: next(p for p in pictures if list(p.shape) == list(i.shape)) for i in session.get_inputs()}
    (y,) = session.run(None, feed)
    expected = np.load(folder / "onnx_fp32_expected_nchw.npy")
    (output,) = session.get_outputs()
    steps = np.abs(y - np.clip(expected, y.min(), y.max())) / output.scale
    assert y.shape == expected.shape
    if "78b6dc59" in path.name:  # calibrated to a smaller range, in which 0.1 % of its values are cut off
        assert (steps <= 1.05).mean() > 0.998
        return
    assert (steps <= 1.05).mean() > 0.9999 and steps.max() < 1.1
    assert int(y.argmax()) == int(expected.argmax()) == 80926


@pytest.mark.contract("1.3/custom-op-path")
@pytest.mark.parametrize("path", files("dual_residual"), ids=lambda p: p.name)
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
