"""convert and `ez-rknn convert`, on a stand-in for the toolkit: a package `rknn` that records what it is asked and misbehaves on request."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
from conftest import MODELS

import ez_rknn_async as ez

DIGITS = MODELS / "digits/digits_i8.rknn"
STAND_IN = """
import json, os, sys

class RKNN:
    def __init__(self, verbose=False, verbose_file=None):
        self.calls = {}
    def __getattr__(self, name):
        def call(*args, **kwargs):
            self.calls[name] = [list(args), kwargs]
            if name == "build" and kwargs.get("dataset"):
                with open(kwargs["dataset"]) as f:
                    self.calls["dataset"] = f.read()
            return self.fault(name)
        return call
    def fault(self, name):
        fault = os.environ.get("STAND_IN_FAULT", "")
        if fault == f"{name}:refuse":
            print("I something before", "E the operator Foo is not supported", "W and more", sep="\\n")
            return -1
        if fault == f"{name}:raise":
            raise ValueError("bad attribute axis")
        if fault == f"{name}:exit":
            sys.exit(3)
        if fault == f"{name}:die":
            print("last words", flush=True)
            os.abort()
        if fault == f"{name}:hang":
            print("still here", flush=True)
            import time; time.sleep(600)
        return 0
    def export_rknn(self, path):
        ret = self.fault("export_rknn")
        print("writing the model")
        if os.environ.get("STAND_IN_FAULT") != "export_rknn:nothing" and ret == 0:
            with open(os.environ["STAND_IN_MODEL"], "rb") as model, open(path, "wb") as f:
                f.write(model.read())
        with open(os.environ["STAND_IN_RECORD"], "w") as f:
            json.dump(self.calls, f)
        return ret
"""


@pytest.fixture
def toolkit(tmp_path, monkeypatch):
    """The path of an interpreter that has the stand-in; its record is what `toolkit.calls()` returns."""
    packages = tmp_path / "packages"
    (packages / "rknn/api").mkdir(parents=True)
    (packages / "rknn/__init__.py").touch()
    (packages / "rknn/api/__init__.py").write_text(STAND_IN)
    info = packages / "rknn_toolkit2-9.8.7.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: rknn-toolkit2\nVersion: 9.8.7\n")
    interpreter = tmp_path / "toolkit-python"
    interpreter.write_text(f'#!/bin/sh\nPYTHONPATH="{packages}" exec "{sys.executable}" "$@"\n')
    interpreter.chmod(0o755)
    monkeypatch.setenv("STAND_IN_RECORD", str(tmp_path / "record.json"))
    monkeypatch.setenv("STAND_IN_MODEL", str(DIGITS))
    monkeypatch.delenv("RKNN_TOOLKIT_PYTHON", raising=False)

    class Interpreter(str):
        @staticmethod
        def calls():
            return json.loads((tmp_path / "record.json").read_text())

    return Interpreter(interpreter)


@pytest.fixture
def onnx(tmp_path):
    path = tmp_path / "network.onnx"
    path.write_bytes(b"the toolkit reads this, not we")
    return path


@pytest.mark.contract("1.12/quickconvert")
def test_every_argument_reaches_the_toolkit(toolkit, onnx, tmp_path):
    output = tmp_path / "network.rknn"
    lines = []
    done = ez.convert(
        onnx,
        output,
        target="rk3576",
        dataset=[np.zeros((1, 3, 8, 8), np.float32), [np.ones((1, 3, 8, 8), np.float32)]],
        mean=[1, 2, 3],
        std=[[4, 5, 6]],
        rgb2bgr=True,
        custom_string="hello",
        remove_weight=True,
        inputs={"x": (1, 3, 8, 8)},
        outputs=["y", "z"],
        config={"optimization_level": 2},
        load={"input_initial_val": None},
        build={"auto_hybrid": True},
        python=toolkit,
        log=lines.append,
    )
    assert done == output
    assert output.read_bytes() == DIGITS.read_bytes()
    assert "writing the model" in lines
    calls = toolkit.calls()
    assert calls["config"] == [
        [],
        {
            "target_platform": "rk3576",
            "mean_values": [[1, 2, 3]],
            "std_values": [[4, 5, 6]],
            "quant_img_RGB2BGR": True,
            "custom_string": "hello",
            "remove_weight": True,
            "optimization_level": 2,
        },
    ]
    assert calls["load_onnx"] == [
        [str(onnx)],
        {"inputs": ["x"], "input_size_list": [[1, 3, 8, 8]], "outputs": ["y", "z"], "input_initial_val": None},
    ]
    dataset = calls["build"][1].pop("dataset")
    assert calls["build"] == [[], {"auto_hybrid": True, "do_quantization": True}]
    assert len(calls["dataset"].splitlines()) == 2
    assert not os.path.exists(dataset)  # what was made for the job is gone
    assert sorted(p.name for p in tmp_path.glob("*.rknn")) == ["network.rknn"]


def test_without_a_dataset_it_is_fp16(toolkit, onnx, tmp_path):
    ez.convert(onnx, tmp_path / "out.rknn", python=toolkit, log=lambda _: None)
    assert toolkit.calls()["config"] == [[], {"target_platform": "rk3588"}]
    assert toolkit.calls()["build"] == [[], {"do_quantization": False}]


def test_a_dataset_file_is_passed_on_by_its_path(toolkit, onnx, tmp_path):
    listed = tmp_path / "dataset.txt"
    listed.write_text("picture.jpg\n")
    ez.convert(onnx, tmp_path / "out.rknn", dataset=listed, python=toolkit, log=lambda _: None)
    assert toolkit.calls()["build"][1] == {"do_quantization": True, "dataset": str(listed)}


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("load_onnx:refuse", ["load: RuntimeError: load_onnx returned -1", "E the operator Foo is not supported"]),
        ("build:raise", ["build: ValueError: bad attribute axis"]),
        ("build:exit", ["build: SystemExit: 3"]),
        ("build:die", ["died at build: ended with -6", "last words"]),
        ("export_rknn:nothing", ["wrote no file"]),
    ],
)
def test_failures_carry_the_toolkits_own_words(toolkit, onnx, tmp_path, monkeypatch, fault, said):
    monkeypatch.setenv("STAND_IN_FAULT", fault)
    output = tmp_path / "out.rknn"
    output.write_bytes(b"what was there before")
    with pytest.raises(ez.ToolkitError) as error:
        ez.convert(onnx, output, python=toolkit, log=lambda _: None)
    for text in [str(onnx), *said]:
        assert text in str(error.value)
    assert output.read_bytes() == b"what was there before"
    assert not list(tmp_path.glob(".ez-rknn-*"))


def test_a_build_without_end_is_ended(toolkit, onnx, tmp_path, monkeypatch):
    monkeypatch.setenv("STAND_IN_FAULT", "build:hang")
    with pytest.raises(ez.ToolkitError, match="no end in 1 s"):
        ez.convert(onnx, tmp_path / "out.rknn", python=toolkit, timeout=1, log=lambda _: None)


def test_without_a_toolkit_it_says_what_to_install(onnx, tmp_path, monkeypatch):
    monkeypatch.delenv("RKNN_TOOLKIT_PYTHON", raising=False)
    for python, said in ((None, "no interpreter"), ("/no/such/python", "/no/such/python"), (sys.executable, "rknn")):
        with pytest.raises(ez.ToolkitMissing) as error:
            ez.convert(onnx, tmp_path / "out.rknn", python=python)
        for text in (said, "pip install rknn-toolkit2", "RKNN_TOOLKIT_PYTHON"):
            assert text in str(error.value)


def test_mistakes_are_found_before_the_toolkit_starts(onnx, tmp_path):
    output = tmp_path / "out.rknn"
    with pytest.raises(ez.NoSuchFile, match=r"missing\.onnx"):
        ez.convert(tmp_path / "missing.onnx", output)
    with pytest.raises(ez.NoSuchFile, match="no such folder"):
        ez.convert(onnx, tmp_path / "nowhere/out.rknn")
    with pytest.raises(ez.NoSuchFile, match=r"dataset .*missing\.txt"):
        ez.convert(onnx, output, dataset=tmp_path / "missing.txt")
    with pytest.raises(ez.InvalidArgument, match="needs a dataset"):
        ez.convert(onnx, output, quantise=True)
    with pytest.raises(ez.InvalidArgument, match="mean: 'red'"):
        ez.convert(onnx, output, mean="red")
    with pytest.raises(ez.InvalidArgument, match="std_values given twice"):
        ez.convert(onnx, output, std=[1], config={"std_values": [[1]]})


def command(*arguments, **environment):
    return subprocess.run(
        [sys.executable, "-m", "ez_rknn_async", "convert", *map(str, arguments)],
        capture_output=True,
        text=True,
        env=os.environ | environment,
    )


@pytest.mark.contract("1.12/quickconvert")
def test_the_command(toolkit, onnx, tmp_path):
    output = tmp_path / "out.rknn"
    done = command(
        *(onnx, output, "--json", "--target", "rk3566", "--mean", "1,2,3", "--std", "4,5,6", "--rgb2bgr"),
        *("--custom-string", "a b", "--remove-weight", "--input", "x=1,3,8,8", "--output-node", "y"),
        *("--config", "optimization_level=1", "--config", "float_dtype=float16", "--build", "auto_hybrid=false"),
        RKNN_TOOLKIT_PYTHON=toolkit,
    )
    assert done.returncode == 0, done.stderr
    facts = json.loads(done.stdout)
    assert facts["output"] == str(output)
    assert facts["bytes"] == DIGITS.stat().st_size
    assert "writing the model" in done.stderr
    calls = toolkit.calls()
    assert calls["config"][1] == {
        "target_platform": "rk3566",
        "mean_values": [[1, 2, 3]],
        "std_values": [[4, 5, 6]],
        "quant_img_RGB2BGR": True,
        "custom_string": "a b",
        "remove_weight": True,
        "optimization_level": 1,
        "float_dtype": "float16",
    }
    assert calls["build"][1] == {"do_quantization": False, "auto_hybrid": False}
    assert calls["load_onnx"][1] == {"inputs": ["x"], "input_size_list": [[1, 3, 8, 8]], "outputs": ["y"]}


def test_the_command_says_why_it_failed(toolkit, onnx, tmp_path):
    done = command(onnx, tmp_path / "out.rknn", "--quiet", "--python", toolkit, STAND_IN_FAULT="build:refuse")
    assert done.returncode == 1
    assert "ez-rknn: " in done.stderr
    assert "E the operator Foo is not supported" in done.stderr
    assert "I something before" not in done.stderr
    assert "Traceback" not in done.stderr
    done = command(onnx, tmp_path / "out.rknn", "--mean", "a,b")
    assert done.returncode == 2
    assert "--mean" in done.stderr
