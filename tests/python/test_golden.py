"""Every model of the repository against what the vendor's simulator answered for it."""

import numpy as np
import pytest
from conftest import MODELS
from fixtures import fixture, fixtures
from seed_case import PICTURES, SeedCase

import ez_rknn_async as ez

SOFTWARE = {"runtime": "software"}


def open_fixture(f):
    kwargs = {}
    if f.weights_from:
        kwargs["use_weight_from"] = ez.InferenceSession(fixture(f.weights_from).path, provider_options=SOFTWARE)
    return ez.InferenceSession(f.path, provider_options=SOFTWARE, **kwargs)


# Custom operators need an implementation; tests/abi/custom.c registers one.
RUNNABLE = [f for f in fixtures() if f.network != "custom_operator"]


@pytest.mark.contract("1.4/output-shapes")
@pytest.mark.parametrize("f", RUNNABLE, ids=repr)
def test_fixture(f):
    session = open_fixture(f)
    assert session.input_names == f.input_names
    assert session.output_names == f.output_names
    for feed, expected in f.sets():
        f.check(session.run(None, feed), expected)


def test_fixtures_are_many():
    assert len(RUNNABLE) >= 55
    assert len({f.target for f in RUNNABLE}) == 10


@pytest.mark.parametrize("picture", range(PICTURES))
def test_seed_int8(picture):
    case = SeedCase()
    session = ez.InferenceSession(MODELS / "seed" / "seed_i8.rknn", provider_options=SOFTWARE)
    case.check_i8(picture, session.run(None, {"images": case.image(picture)})[0])


def test_seed_fp16():
    case = SeedCase()
    session = ez.InferenceSession(MODELS / "seed" / "seed_fp.rknn", provider_options=SOFTWARE)
    for picture in range(PICTURES):
        case.check_fp(picture, session.run(None, {"images": case.image(picture)})[0])


@pytest.mark.parametrize(("build", "tolerance"), [("i8", 0.1004 * 1.05), ("fp16", 0.04)])
def test_digits(build, tolerance):
    """Held-out pictures: logits as the simulator's (one int8 step is 0.1004), and the labels right as often as there."""
    folder = MODELS / "digits"
    session = ez.InferenceSession(folder / f"digits_{build}.rknn", provider_options=SOFTWARE)
    data, expected = np.load(folder / "digits_test.npz"), np.load(folder / "digits_expected.npz")[build]
    logits = np.stack([session.run(None, picture.transpose(2, 0, 1)[None])[0].ravel() for picture in data["images"]])
    assert np.abs(logits - expected.reshape(logits.shape)).max() <= tolerance
    assert (logits.argmax(1) == data["labels"]).mean() >= 0.99
