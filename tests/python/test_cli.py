"""The command line, called as users call it: in a process of its own."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
from conftest import MODELS

DIGITS = MODELS / "digits" / "digits_i8.rknn"


def ez_rknn(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "ez_rknn_async", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=120,
        env=os.environ | {"EZ_RKNN_RUNTIME": "software"},
    )


def succeed(*arguments):
    done = ez_rknn(*arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_info_says_what_the_model_is():
    text = succeed("info", DIGITS)
    for fact in (
        "rk3588",
        "2.3.2",
        "image",
        "[1, 1, 32, 32]",
        "logits",
        "[1, 10]",
        "int8",
        "zero point",
        "ConvAddRelu",
        "NPU",
    ):
        assert fact in text
    facts = json.loads(succeed("info", DIGITS, "--json"))
    assert facts["target"] == "rk3588"
    assert facts["graphs"][0]["inputs"][0]["name"] == "image"
    assert facts["graphs"][0]["inputs"][0]["std"] == [255.0]
    assert facts["file_bytes"] == DIGITS.stat().st_size


@pytest.mark.parametrize("name", ["fixtures", "seed"])
def test_info_reads_every_model(name):
    for model in sorted((MODELS / name).glob("*.rknn")):
        assert json.loads(succeed("info", model, "--json"))["graphs"], model


def test_run_writes_outputs(tmp_path):
    picture = np.load(MODELS / "digits" / "digits_test.npz")["images"][0].transpose(2, 0, 1)[None]
    np.save(tmp_path / "picture.npy", picture)
    text = succeed("run", DIGITS, "--input", f"image={tmp_path / 'picture.npy'}", "--output", tmp_path / "out")
    assert "logits" in text
    first = np.load(tmp_path / "out" / "logits.npy")
    assert first.shape == (1, 10)
    assert first.dtype == np.float32
    result = json.loads(
        succeed(
            "run", DIGITS, "--json", "--native", "--input", tmp_path / "picture.npy", "--output", tmp_path / "native"
        )
    )
    assert result["outputs"][0]["dtype"] == "int8"
    assert np.load(result["outputs"][0]["file"]).argmax() == first.argmax()


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["info", "missing.rknn"], 1, "missing.rknn"),
        (["info", __file__], 1, "RKNN"),
        (["run", DIGITS], 1, "no --input for image"),
        (["run", DIGITS, "--input", "picture=x.npy"], 1, "it has image"),
        (["run", DIGITS, "--input", "image=missing.npy"], 1, "missing.npy"),
        (["bench", "missing.rknn"], 1, "missing.rknn"),
        (["bench", DIGITS, "--threads", "0"], 2, "positive int"),
        (["bench", DIGITS, "--seconds", "soon"], 2, "positive float"),
        (["fly"], 2, "info"),
        ([], 2, "COMMAND"),
    ],
)
def test_mistakes_are_named(arguments, code, said):
    done = ez_rknn(*arguments)
    assert done.returncode == code
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_env_prints_a_library_that_exists():
    facts = json.loads(succeed("env", "--json"))
    assert os.path.isfile(facts["software_runtime"])
    assert facts["software_runtime"] in succeed("env")


def test_bench_times_runs():
    result = json.loads(succeed("bench", DIGITS, "--json", "--seconds", "0.05", "--threads", "1", "--in-flight", "2"))
    latency = result["latency_ms"]
    assert latency["runs"] >= 1
    assert 0 < latency["min"] <= latency["p50"] <= latency["p90"] <= latency["p99"] <= latency["max"]
    assert result["throughput_per_second"] > 0
    assert result["load_ms"] > 0
    text = succeed("bench", DIGITS, "--seconds", "0.05")
    assert "p50" in text
    assert "a second with 6 in flight" in text
