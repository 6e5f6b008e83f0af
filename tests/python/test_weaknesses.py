"""Weaknesses of the reference package that no other file shows to be absent here; numbers as in tests/contract/rows.toml."""

import os
import pathlib
import re
import warnings

import numpy as np
import pytest
from conftest import ROOT
from fixtures import fixture

import ez_rknn_async as ez

X = np.array([[1, 2, 3, 4]], np.float32)


@pytest.mark.contract("3/24", "2/provider-list")
def test_weakness_24_a_provider_list_with_a_fallback(fake):
    fake._script(b"")  # the next sessions are not opened by fake.open
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for providers in (
            ["RKNPU2ExecutionProvider", "CPUExecutionProvider"],
            [("RKNPU2ExecutionProvider", {"runtime": fake.path}), ("CPUExecutionProvider", {"arena": 1})],
            ["CUDAExecutionProvider", "CPUExecutionProvider"],
            ["CPUExecutionProvider"],
        ):
            inline = any(isinstance(p, tuple) for p in providers)
            options = None if inline else {"runtime": fake.path}
            session = ez.InferenceSession(fake.MODEL, providers=providers, provider_options=options)
            assert session.run(None, X)[0].tolist() == X.tolist()


@pytest.mark.contract("3/32")
def test_weakness_32_errors_have_classes_and_codes(fake):
    session = fake.open("fail=run:-2")
    with pytest.raises(ez.DeviceError) as device:
        session.run(None, X)
    assert device.value.rknn_ret == -2
    with pytest.raises(ez.InvalidArgument) as argument:
        session.run(None, X[:, :2])
    with pytest.raises(ez.ModelError) as model:
        ez.InferenceSession(fixture("tiny_i8").path.read_bytes()[:1000], provider_options={"runtime": "software"})
    classes = {type(e.value) for e in (device, argument, model)}
    assert len(classes) == 3 and all(issubclass(c, ez.Error) and issubclass(c, RuntimeError) for c in classes)
    assert isinstance(argument.value, ValueError) and not isinstance(device.value, ValueError)


@pytest.mark.contract("3/33", "1.12/runtime-library")
def test_weakness_33_a_missing_runtime_says_where_it_was_looked_for(tmp_path):
    (tmp_path / "text.so").write_text("no library")
    for path, reason in (
        (tmp_path / "missing.so", "No such file"),
        (tmp_path / "text.so", "file too short|invalid ELF"),
    ):
        with pytest.raises(ez.RuntimeMissing) as e:
            ez.InferenceSession(b"RKNN" + bytes(60), provider_options={"runtime": path})
        assert str(path) in str(e.value) and re.search(reason, str(e.value))


@pytest.mark.contract("3/36")
def test_weakness_36_the_documentation_names_what_exists():
    """Every `ez.name`, option and environment variable in the documents exists, and every option is in them."""
    texts = {p.name: p.read_text() for p in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]}
    everything = "\n".join(texts.values())
    for name in set(re.findall(r"\bez\.(\w+)", everything)):
        assert hasattr(ez, name), f"ez.{name} does not exist"
    for method in set(re.findall(r"\bsession\.(\w+)\(", everything)):
        assert hasattr(ez.InferenceSession, method), f"session.{method}() does not exist"
    porting = texts["porting.md"]
    rknpu3 = set(ez.Rknpu3ProviderOptions.__annotations__)
    for option in set(ez.known_options()) - rknpu3:
        assert f"`{option}`" in porting, f"docs/porting.md does not say what {option} is"
    sources = "\n".join(
        p.read_text() for folder in ("src", "python") for p in (ROOT / folder).rglob("*") if p.suffix in (".cpp", ".py")
    )
    for variable in set(re.findall(r"`((?:EZ_RKNN|ZTU)_[A-Z0-9_]+)`", porting)):
        assert variable in sources, f"nothing reads {variable}"


@pytest.fixture(scope="module")
def measured():
    return ez.InferenceSession(
        fixture("tiny_i8").path,
        provider_options={
            "runtime": "software",
            "schedule": [0, 1],
            "collect_perf": True,
            "worker_cpus": min(os.sched_getaffinity(0)),
        },
    )


def threads():
    """name -> id of every thread of this process."""
    tasks = pathlib.Path("/proc/self/task")
    return {(task / "comm").read_text().strip(): int(task.name) for task in tasks.iterdir()}


@pytest.mark.contract("3/41", "1.7/more-facts")
def test_weakness_41_threads_have_names_and_cpus(measured):
    measured.run(None, np.zeros((1, 3, 12, 12), np.float32))
    by_name = threads()
    for name in ("EzRknn_W0_C0", "EzRknn_W1_C1"):
        assert os.sched_getaffinity(by_name[name]) == {min(os.sched_getaffinity(0))}
    for wrong in (10_000, -1, [], "a"):
        with pytest.raises(ez.InvalidArgument, match="worker_cpus"):
            ez.InferenceSession(fixture("tiny_i8").path, provider_options={"worker_cpus": wrong})


@pytest.mark.contract("3/41")
def test_weakness_41_priority(fake):
    for priority, flag in (("high", "init"), ("medium", "init:1"), ("low", "init:2")):
        fake.open(npu_priority=priority)
        assert flag in fake.trace()
    with pytest.raises(ez.InvalidArgument, match="high, medium, low"):
        fake.open(npu_priority=1)


@pytest.mark.contract("3/41", "1.7/more-facts")
def test_weakness_41_versions_and_memory(measured, fake):
    runtime = measured.get_runtime()
    assert runtime["software"] and "software NPU" in runtime["driver"] and runtime["version"].startswith("2.")
    assert os.path.exists(runtime["path"])
    memory = measured.get_memory_info()
    assert memory["weights"] > 1000 and memory["internal"] > 0 and memory["allocated"] >= memory["internal"]
    assert memory["sram"] == memory["free_sram"] == 0
    scripted = fake.open("api=1.6.0 (x);driver=0.9.3")
    assert (scripted.get_runtime()["version"], scripted.get_runtime()["driver"]) == ("1.6.0 (x)", "0.9.3")
    assert set(scripted.get_memory_info().values()) == {0}  # it does not answer


@pytest.mark.contract("3/41", "1.7/more-facts")
def test_weakness_41_times_of_layers(measured):
    measured.run(None, np.zeros((1, 3, 12, 12), np.float32))
    table = measured.get_perf_detail()
    assert "Conv" in table and "Time" in table and len(table.splitlines()) > 5
    plain = ez.InferenceSession(fixture("tiny_i8").path, provider_options={"runtime": "software"})
    with pytest.raises(ez.InvalidArgument, match="collect_perf"):
        plain.get_perf_detail()
    waiting = ez.InferenceSession(
        fixture("tiny_i8").path, provider_options={"runtime": "software", "collect_perf": True}
    )
    assert waiting.get_perf_detail() == ""
