"""The command line, called as users call it: in a process of its own."""

import json
import os
import pty
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree

import numpy as np
import pytest
from conftest import MODELS

from ez_rknn_async.cli import main

DIGITS = MODELS / "digits" / "digits_i8.rknn"


def ez_rknn(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "ez_rknn_async", *map(str, arguments)],
        capture_output=True,
        text=True,
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
def test_info_reads_every_model(name, capsys):
    for model in sorted((MODELS / name).glob("*.rknn")):
        assert main(["info", str(model), "--json"]) == 0  # in this process: there are many
        assert json.loads(capsys.readouterr().out)["graphs"], model


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
        (["bench", DIGITS, "--cores", "1,4"], 1, "rk3588 has 3"),
        (["trace", DIGITS, "--cores", "4"], 1, "rk3588 has 3"),
        (["trace", DIGITS, "--output", "no_such_folder/trace.json"], 1, "no_such_folder"),
        (["trace", DIGITS, "--requests", "40000"], 1, "32768"),
        (["info", DIGITS, "--html", "no_such_folder/page.html"], 1, "no_such_folder"),
        (["completion", "sh"], 2, "zsh"),
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


def test_help_is_complete_and_says_the_exit_codes():
    text = succeed("--help")
    for command in ("info", "run", "bench", "compare", "convert", "dump", "doctor", "trace", "env", "completion"):
        assert re.search(rf"^    {command}\s+\S", text, re.M), command
        assert "--json" in succeed(command, "--help")
    for code in ("0 ", "1 ", "2 ", "130 "):
        assert re.search(rf"^  {code} *\S", text[text.index("exit codes") :], re.M)


def test_bench_times_runs():
    result = json.loads(succeed("bench", DIGITS, "--json", "--seconds", "0.05", "--threads", "1", "--in-flight", "2"))
    latency = result["latency_ms"]
    assert latency["runs"] >= 1
    assert 0 < latency["min"] <= latency["p50"] <= latency["p90"] <= latency["p99"] <= latency["max"]
    assert result["load_ms"] > 0 and result["inputs"] == "random"
    assert [(row["cores"], row["in_flight"]) for row in result["throughput"]] == [(1, 2), (2, 2), (3, 2)]
    assert all(row["per_second"] > 0 for row in result["throughput"])
    text = succeed("bench", DIGITS, "--seconds", "0.05", "--cores", "2")
    assert "p50" in text
    assert re.search(r"^ +2 +4 +[\d.]+ +1\.00x$", text, re.M)


def test_bench_profiles_layers_and_writes_a_report(tmp_path):
    np.save(tmp_path / "x.npy", np.zeros((1, 1, 32, 32), np.uint8))
    command = ("bench", DIGITS, "--seconds", "0.05", "--cores", "1", "--profile", "--input", tmp_path / "x.npy")
    result = json.loads(succeed(*command, "--html", tmp_path / "bench.html", "--json"))
    assert result["inputs"] == "given"
    layers = {row["name"]: row for row in result["layers"]}
    first = layers["Conv:/features/features.0/features.0.0/Conv"]
    assert first["macs"] == 16 * 32 * 32 * 9 and first["dtype"] == "int8" and first["where"] == "NPU"
    depthwise = layers["Conv:/features/features.3/features.3.0/Conv"]
    assert depthwise["macs"] == 16 * 8 * 8 * 9
    assert layers["Conv:/classify/classify.2/Gemm#2"]["macs"] == 480
    assert layers["MaxPool:/features/features.1/MaxPool"]["macs"] == 0
    assert sum(row["share"] for row in result["layers"]) == pytest.approx(1)
    assert set(result["peak_gmacs"]) == {"float", "int8"} and min(result["peak_gmacs"].values()) > 0
    page = tmp_path / "bench.html"
    for text in ("Latency", "Throughput over cores", "Layers by time", "p99", "GMAC/s", "features.2/body"):
        assert text in page.read_text()
    assert_self_contained(page)


def assert_self_contained(page):
    """Well-formed, and nothing that a browser would load."""
    text = page.read_text(encoding="utf-8")
    assert text.startswith("<!doctype html>")
    body = re.sub(r"<meta [^>]*>", "", text.removeprefix("<!doctype html>"))
    tree = xml.etree.ElementTree.fromstring(body)
    assert tree.tag == "html"
    assert not re.search(r"<script|<link|<img|\bsrc=|\bhref=|url\(|@import", text)
    return tree


@pytest.mark.parametrize(
    "name", ["digits/digits_i8", "fixtures/concat_split_resize_i8", "fixtures/gru_fp16", "fixtures/dynamic_shapes_i8"]
)
def test_info_draws_the_graph(tmp_path, name):
    model = MODELS / f"{name}.rknn"
    facts = json.loads(succeed("info", model, "--json", "--html", tmp_path / "graph.html"))
    assert facts["html"] == str(tmp_path / "graph.html") and facts["cores"] == 3
    text = (tmp_path / "graph.html").read_text()
    tree = assert_self_contained(tmp_path / "graph.html")
    svg = "{http://www.w3.org/2000/svg}"
    boxes = [(float(e.get("x")), float(e.get("y"))) for e in tree.iter(f"{svg}rect")]
    assert len(boxes) == sum(len(graph["nodes"]) for graph in facts["graphs"])
    if len(facts["graphs"]) == 1:  # no two boxes overlap: in a row they are a box's width apart
        assert all(abs(a[0] - b[0]) >= 190 for k, a in enumerate(boxes) for b in boxes[:k] if a[1] == b[1])
    for node in facts["graphs"][0]["nodes"]:
        assert node["name"].replace("&", "&amp;") in text


def test_trace_writes_every_request(tmp_path):
    output = tmp_path / "digits.json"
    command = ("trace", DIGITS, "--requests", "20", "--cores", "2", "--output", output)
    result = json.loads(succeed(*command, "--json"))
    assert result["requests"] == 20 and result["failed"] == 0
    assert [core["tasks"] for core in result["cores"]] == [10, 10]
    events = json.loads(output.read_text())["traceEvents"]
    for name in ("run", "callback"):
        assert sum(e["name"] == name and e["ph"] == "X" for e in events) == 20
    assert [p.name for p in tmp_path.iterdir()] == ["digits.json"]
    assert "perfetto" in succeed(*command)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts_know_commands_and_options(shell, tmp_path):
    pytest.importorskip("shtab")
    script = tmp_path / "script"
    script.write_text(succeed("completion", shell))
    for word in ("bench", "compare", "profile", "runtime"):
        assert word in script.read_text()
    if shutil.which(shell):
        assert subprocess.run([shell, "-n", script]).returncode == 0


def test_bash_completes():
    pytest.importorskip("shtab")
    ask = "COMP_WORDS=(ez-rknn bench --pro); COMP_CWORD=2; _shtab_ez_rknn; echo ${COMPREPLY[@]}"
    script = succeed("completion", "bash") + "\n" + ask
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True)
    assert done.stdout.split() == ["--profile"], done.stderr


def on_a_terminal(*arguments, **environment):
    """What a terminal shows, standard output and error alike."""
    own, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "ez_rknn_async", *map(str, arguments)],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env={k: v for k, v in os.environ.items() if k != "NO_COLOR"} | {"TERM": "xterm"} | environment,
    )
    os.close(theirs)
    shown = b""
    try:
        while part := os.read(own, 1 << 16):
            shown += part
    except OSError:  # how Linux says that the other side has closed it
        pass
    os.close(own)
    assert process.wait(120) == 0, shown
    return shown.decode()


def test_colours_and_progress_are_for_terminals_only():
    assert "\033[" in on_a_terminal("info", DIGITS)
    assert "\033[" not in on_a_terminal("info", DIGITS, NO_COLOR="1")
    assert "\033[" not in succeed("info", DIGITS)
    bench = ("bench", DIGITS, "--seconds", "0.3", "--cores", "1", "--json")
    shown = on_a_terminal(*bench)
    assert "measuring" in shown and "latency" in shown
    assert json.loads(shown[shown.rindex("\033[K") + 3 :])["cores"] == 3  # the bar is wiped before the result
    assert ez_rknn(*bench).stderr == ""


def test_a_reader_that_leaves_is_no_error():
    command = f"{sys.executable} -m ez_rknn_async dump {MODELS / 'fixtures' / 'attention_i8.rknn'} | head -n 1"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True)
    assert "rk3588" in done.stdout and done.stderr == ""
