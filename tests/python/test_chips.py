"""Every chip's files through the public API, and what a session makes of chips with fewer cores than it asks for."""

import pathlib
import warnings

import numpy as np
import pytest
from fixtures import fixture

import ez_rknn_async as ez


def open_on(name, **options):
    return ez.InferenceSession(fixture(name).path, provider_options={"runtime": "software", **options})


ONE_CORE = ("rk3566", "rk3568", "rk3562", "rv1126b", "rv1103", "rv1106", "rv1103b", "rv1106b")


@pytest.mark.parametrize(("chip", "missing"), [*((c, "1, 2") for c in ONE_CORE), ("rk3576", "2")])
def test_a_schedule_over_three_cores_runs_on_the_cores_there_are(chip, missing):
    """The software NPU refuses masks as the chip does: -13 for any mask with one core, -5 for the third of two."""
    name = f"tiny_i8_{chip}"
    with pytest.warns(UserWarning, match=f"does not have core {missing};"):
        session = open_on(name, schedule=[0, 1, 2])
    for feed, expected in fixture(name).sets():
        for _ in range(4):  # once round the schedule and on
            fixture(name).check(session.run(None, feed), expected)


@pytest.mark.parametrize("chip", [*ONE_CORE, "rk3576"])
def test_the_first_core_is_every_chips(chip):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        session = open_on(f"tiny_i8_{chip}", tp_mode="0")
    for feed, expected in fixture(f"tiny_i8_{chip}").sets():
        fixture(f"tiny_i8_{chip}").check(session.run(None, feed), expected)


def test_cores_together_that_are_not_there():
    with pytest.warns(UserWarning, match="mask 7"):
        session = open_on("tiny_i8_rk3566", tp_mode="0,1,2")
    feed, expected = next(iter(fixture("tiny_i8_rk3566").sets()))
    fixture("tiny_i8_rk3566").check(session.run(None, feed), expected)


@pytest.mark.parametrize("number", [2, 3, 4, 5, 6])
def test_the_version_number_decides_nothing(number):
    """Which tables are there does, so files of version 5, never seen, are read if they are like those of 6."""
    f = fixture("tiny_i8_rk3566")
    data = bytearray(pathlib.Path(f.path).read_bytes())
    data[8:16] = number.to_bytes(8, "little")
    session = ez.InferenceSession(bytes(data), provider_options={"runtime": "software"})
    feed, expected = next(iter(f.sets()))
    f.check(session.run(None, feed), expected)


@pytest.mark.parametrize("kind", ["i8", "fp16"])
def test_chips_agree_with_rk3588(kind):
    """The arithmetic is the same on every chip; only places and encodings of its numbers differ."""
    feed, _ = next(iter(fixture(f"tiny_{kind}").sets()))
    reference = open_on(f"tiny_{kind}").run(None, feed)
    chips = ("rk3566", "rk3568", "rk3562", "rk3576") + (("rv1103", "rv1106") if kind == "i8" else ())
    for chip in chips:
        outputs = open_on(f"tiny_{kind}_{chip}").run(None, feed)
        step = fixture(f"tiny_{kind}").outputs[0].get("scale")
        for a, b in zip(outputs, reference, strict=True):
            bound = 1.05 * step if step else 2e-3 * np.ptp(b)
            assert np.abs(a - b).max() <= bound, chip
