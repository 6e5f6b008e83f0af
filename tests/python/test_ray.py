"""examples/ray_serve.py with a real Ray: answers, cores, errors, and what a second replica brings. Needs ray: `make test-ray`."""

import concurrent.futures
import contextlib
import http.client
import importlib
import io
import json
import logging
import os
import pathlib
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

import numpy as np
import pytest
from conftest import MODELS, ROOT

import ez_rknn_async as ez

# A busy machine needs longer than Ray's 5 to 60 seconds to start its processes; and nobody else is on this cluster.
for limit in (
    "RAY_SERVE_PROXY_READY_CHECK_TIMEOUT_S",
    "RAY_SERVE_PROXY_HEALTH_CHECK_TIMEOUT_S",
    "RAY_raylet_start_wait_time_s",
):
    os.environ.setdefault(limit, "300")
# Ray's workers have a niceness of 15 otherwise: replicas would yield to whatever else runs here.
os.environ.update(RAY_AUTH_MODE="disabled", RAY_worker_niceness="0")
ray = pytest.importorskip("ray")
serve = pytest.importorskip("ray.serve")
Image = pytest.importorskip("PIL.Image")
pytestmark = [pytest.mark.timeout(900), pytest.mark.filterwarnings("ignore")]

DIGITS = MODELS / "digits" / "digits_i8.rknn"
LARGE = pathlib.Path(os.environ.get("EZ_RKNN_RAY_MODEL", MODELS / "seed" / "seed_i8.rknn"))
ONE_THREAD = {"EZ_RKNN_RUNTIME": "software", "EZ_RKNN_NPU_THREADS": "1"}
UNDER_WAY = 4  # requests a replica has at a time: as many as it takes
SECONDS = float(os.environ.get("EZ_RKNN_RAY_SECONDS", "2"))  # of one measurement
TURNS = int(os.environ.get("EZ_RKNN_RAY_TURNS", "2"))  # of one replica and two, in alternation; the best counts
# A device whose inference takes 20 ms in which no CPU is used, as an NPU's does.
DEVICE = "delay_us=20000;inputs=x:1x1x32x32:NCHW:u8;outputs=y:1x4:UNDEFINED:f32"


@pytest.fixture(scope="module")
def example():
    sys.path.append(str(ROOT / "examples"))  # by its name, as the replicas load it
    return importlib.import_module("ray_serve")


@pytest.fixture(scope="module")
def port(example):
    number = 18000 + os.getpid() % 10000
    variables = {
        **ONE_THREAD,
        "EZ_FAKE_RT": DEVICE,
        "PYTHONPATH": str(ROOT / "examples"),
    }
    with tempfile.TemporaryDirectory(prefix="ray") as folder:  # short: the names of its sockets are limited
        ray.init(
            num_cpus=8,  # a number to Ray, which reserves them
            include_dashboard=False,
            log_to_driver=False,
            object_store_memory=200 << 20,
            _node_ip_address="127.0.0.1",
            _temp_dir=folder,
            runtime_env={"env_vars": variables},
        )
        with contextlib.suppress(TimeoutError):  # of 60 s for the proxy: on a busy machine it comes later
            serve.start(http_options={"host": "127.0.0.1", "port": number})
        logging.getLogger("ray.serve").setLevel(logging.ERROR)
        yield number
        serve.shutdown()
        ray.shutdown()


def start(example, name, *arguments, **options):
    return serve.run(example.application(*arguments, **options), name=name, route_prefix=f"/{name}")


def post(port, name, body, timeout=600):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/{name}", data=body, timeout=timeout) as answer:
        return json.load(answer)


def as_file(picture):
    """A picture of shape (1, channels, height, width) as PNG."""
    pixels = picture[0].transpose(1, 2, 0)
    png = io.BytesIO()
    Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels).save(png, "png", compress_level=1)
    return png.getvalue()


def test_answers_are_the_sessions_and_every_replica_has_a_core_of_its_own(example, port):
    handle = start(example, "digits", str(DIGITS), 2)
    pictures = np.load(MODELS / "digits/digits_test.npz")["images"].reshape(-1, 1, 1, 32, 32)[:40]
    session = ez.InferenceSession(DIGITS, provider_options={"runtime": "software"})
    expected = [session.run(None, [picture])[0] for picture in pictures]
    answers = [response.result(timeout_s=600) for response in [handle.classify.remote(p) for p in pictures]]
    answers += [post(port, "digits", as_file(picture)) for picture in pictures]
    for scores, answer in zip(expected * 2, answers, strict=True):
        assert answer["class"] == scores.argmax() and answer["score"] == scores.max()
    assert {answer["core"] for answer in answers} == {0, 1}

    with pytest.raises(urllib.error.HTTPError) as refused:
        post(port, "digits", b"no picture")
    assert refused.value.code == 400
    with pytest.raises(ez.InvalidArgument, match=r"\[1, 1, 8, 8\]"):  # typed across processes
        handle.classify.remote(np.zeros((1, 1, 8, 8), np.uint8)).result(timeout_s=600)
    serve.delete("digits")


def rate_by_handle(handle, picture, replicas):
    """Requests a second with every replica kept busy; none may be lost."""
    picture = ray.put(picture)
    under_way = [handle.classify.remote(picture) for _ in range(UNDER_WAY * replicas)]
    done, begin = 0, time.monotonic()
    while time.monotonic() - begin < SECONDS:
        under_way.pop(0).result(timeout_s=600)
        under_way.append(handle.classify.remote(picture))
        done += 1
    elapsed = time.monotonic() - begin
    for response in under_way:
        response.result(timeout_s=600)
    return done / elapsed


def rate_by_http(port, name, content, replicas):
    """As many clients as requests that the replicas take at a time; every answer is one of 200."""
    begin = time.monotonic()

    def client():
        done, connection = 0, http.client.HTTPConnection("127.0.0.1", port, timeout=600)
        while time.monotonic() - begin < SECONDS:
            connection.request("POST", f"/{name}", content)
            answer = connection.getresponse()
            assert answer.status == 200 and json.load(answer)
            done += 1
        connection.close()
        return done

    with concurrent.futures.ThreadPoolExecutor(UNDER_WAY * replicas) as clients:
        done = sum(future.result() for future in [clients.submit(client) for _ in range(UNDER_WAY * replicas)])
        return done / (time.monotonic() - begin)


PROCESS = f"""
import sys, time, numpy as np, ez_rknn_async as ez
session = ez.InferenceSession(sys.argv[1], provider_options={{"runtime": "software"}})
picture = np.zeros(session.get_inputs()[0].shape, np.uint8)
session.run(None, [picture])
print("ready", flush=True), sys.stdin.readline()
done, begin = 0, time.monotonic()
while time.monotonic() - begin < {SECONDS}:
    session.run(None, [picture])
    done += 1
print(done / (time.monotonic() - begin))
"""


def rate_of_processes(model, n):
    """Requests a second of n processes without Ray: what the machine has to give."""
    command = [sys.executable, "-c", PROCESS, model]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with contextlib.ExitStack() as stack:
        ones = [stack.enter_context(subprocess.Popen(command, env=os.environ | ONE_THREAD, **pipes)) for _ in range(n)]
        assert [one.stdout.readline() for one in ones] == ["ready\n"] * n
        for one in ones:
            one.stdin.write("\n")
            one.stdin.flush()
        return sum(float(one.stdout.readline()) for one in ones)


def report(model, way, one, two):
    print(f"\n{model.name}, {way}: {one:.1f}/s of one, {two:.1f}/s of two: {two / one:.2f}", flush=True)


@pytest.mark.parametrize("model", [LARGE, "device"], ids=["software", "device"])
def test_a_second_replica(example, port, model, fake_library, tmp_path):
    """No ratio is asserted, the machine may have no second CPU to give; it is printed, for `make test-ray`."""
    options = {}
    if model == "device":
        (tmp_path / "device.rknn").write_bytes(b"RKNN" + bytes(60))
        model, options = tmp_path / "device.rknn", {"runtime": str(fake_library)}
        picture = np.zeros((1, 1, 32, 32), np.uint8)
    else:
        session = ez.InferenceSession(model, provider_options={"runtime": "software"})
        picture = np.zeros(session.get_inputs()[0].shape, np.uint8)
        del session
    plain = {n: [] for n in (1, 2)}
    if not options:
        for _ in range(TURNS):
            for n in plain:
                plain[n].append(rate_of_processes(model, n))
        report(model, "session in plain processes", *map(max, plain.values()))
    handles = {n: start(example, f"{n}-replicas", str(model), n, **options) for n in (1, 2)}
    content, rates = as_file(picture), {(way, n): [] for way in ("handle", "HTTP") for n in handles}
    for turn in range(TURNS + 1):
        for n, handle in handles.items():
            measured = {
                "handle": rate_by_handle(handle, picture, n),
                "HTTP": rate_by_http(port, f"{n}-replicas", content, n),
            }
            for way, rate in measured.items():
                rates[way, n] += [rate] if turn else []  # the first turn warms up
    for way in ("handle", "HTTP"):
        report(model, way, *(max(rates[way, n]) for n in handles))
    assert all(min(values) > 0 for values in rates.values())
    for n in handles:
        serve.delete(f"{n}-replicas")
