"""`ez-rknn serve`, asked by the public clients over HTTP and gRPC. Needs the extra [serve] and tritonclient: `make test-serve`."""

import importlib.util
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request

import numpy as np
import pytest
from conftest import MODELS, ROOT

import ez_rknn_async as ez
from ez_rknn_async.cli import build_parser

if (
    importlib.util.find_spec("kserve") is None
):  # not imported: server and clients define the same messages, one process takes one
    pytest.skip("needs pip install ez-rknn-async[serve]: make test-serve", allow_module_level=True)
http = pytest.importorskip("tritonclient.http")
grpc = pytest.importorskip("tritonclient.grpc")
pytestmark = [pytest.mark.timeout(600), pytest.mark.filterwarnings("ignore")]

DIGITS = MODELS / "digits" / "digits_i8.rknn"
CLIENTS = 64
SECONDS = 3


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Server:
    def __init__(self, *arguments, **environment):
        self.http, self.grpc = free_port(), free_port()
        command = [sys.executable, "-m", "ez_rknn_async", "serve", *map(str, arguments), "--json"]
        command += ["--http-port", str(self.http), "--grpc-port", str(self.grpc)]
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, text=True, env=os.environ | {"EZ_RKNN_RUNTIME": "software"} | environment
        )
        line = self.process.stdout.readline()
        assert line, f"the server ended with {self.process.wait(60)}"
        self.facts = json.loads(line)

    def client(self, kind, **options):
        return kind.InferenceServerClient(f"127.0.0.1:{self.http if kind is http else self.grpc}", **options)

    def get(self, path):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.http}{path}", timeout=60) as answer:
            return answer.read().decode()

    def metric(self, name, model):
        return float(re.search(rf'^{name}\{{.*model="{model}".*\}} (\S+)$', self.get("/metrics"), re.M)[1])

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(60)


@pytest.fixture(scope="module")
def server():
    running = Server(DIGITS, f"second={MODELS / 'digits' / 'digits_fp16.rknn'}")
    yield running
    assert running.stop() == 0


@pytest.fixture(scope="module")
def pictures():
    return np.load(MODELS / "digits/digits_test.npz")["images"].reshape(-1, 1, 1, 32, 32)


def image_input(kind, picture, datatype="UINT8"):
    tensor = kind.InferInput("image", list(picture.shape), datatype)
    tensor.set_data_from_numpy(picture)
    return tensor


@pytest.mark.parametrize("kind", [http, grpc], ids=["http", "grpc"])
def test_answers_are_the_sessions(server, pictures, kind):
    client = server.client(kind)
    assert client.is_server_live() and client.is_server_ready()
    for model, file in (("digits_i8", DIGITS), ("second", MODELS / "digits" / "digits_fp16.rknn")):
        assert client.is_model_ready(model)
        session = ez.InferenceSession(file)
        for picture in pictures[:5]:
            (expected,) = session.run(None, [picture])
            answer = client.infer(model, [image_input(kind, picture)])
            np.testing.assert_array_equal(answer.as_numpy("logits"), expected)
        asked = client.infer(
            model,
            [image_input(kind, pictures[0].astype(np.float32), "FP32")],
            outputs=[kind.InferRequestedOutput("logits")],
        )
        assert asked.as_numpy("logits").shape == (1, 10)


def test_metadata(server):
    about = server.client(http).get_model_metadata("digits_i8")
    assert about["inputs"] == [{"name": "image", "datatype": "FP32", "shape": [1, 1, 32, 32]}]
    assert about["outputs"][0]["name"] == "logits"


def test_plain_json(server, pictures):
    body = {
        "inputs": [
            {"name": "image", "shape": [1, 1, 32, 32], "datatype": "UINT8", "data": pictures[0].ravel().tolist()}
        ]
    }
    request = urllib.request.Request(
        f"http://127.0.0.1:{server.http}/v2/models/digits_i8/infer",
        json.dumps(body).encode(),
        {"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        (output,) = json.load(answer)["outputs"]
    (expected,) = ez.InferenceSession(DIGITS).run(None, [pictures[0]])
    np.testing.assert_allclose(output["data"], expected[0], rtol=1e-6)


@pytest.mark.parametrize("kind", [http, grpc], ids=["http", "grpc"])
def test_mistakes_are_the_clients_and_named(server, pictures, kind):
    client = server.client(kind)
    small = np.zeros((1, 1, 8, 8), np.uint8)
    for inputs, model, said in (
        ([image_input(kind, small)], "digits_i8", r"\[1, 1, 8, 8\] given"),
        ([image_input(kind, pictures[0])], "nothing", "nothing"),
    ):
        with pytest.raises(Exception, match=said):
            client.infer(model, inputs)
    client.infer("digits_i8", [image_input(kind, pictures[0])])


def binary_request(server, pictures, **changes):
    """The status of an HTTP request whose only input comes in binary, with one thing changed in its description."""
    tensor = {"name": "image", "shape": [1, 1, 32, 32], "datatype": "UINT8", "parameters": {"binary_data_size": 1024}}
    head = json.dumps({"inputs": [tensor | changes], "parameters": {"binary_data_output": True}}).encode()
    request = urllib.request.Request(
        f"http://127.0.0.1:{server.http}/v2/models/digits_i8/infer",
        head + pictures[0].tobytes(),
        {"Content-Type": "application/octet-stream", "Inference-Header-Content-Length": str(len(head))},
    )
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as e:
        return e.code, e.read()


@pytest.mark.parametrize(
    "changes",
    [
        {"shape": [1, 1, 32, 33]},
        {"shape": "large"},
        {"datatype": "BYTES"},
        {"datatype": "FP7"},
        {"parameters": {"binary_data_size": 1000}},
        {"parameters": {"binary_data_size": "all"}},
        {"parameters": {}},
        {"parameters": None},
        {"data": [[1, 2], [3]], "parameters": None},
    ],
    ids=str,
)
def test_binary_tensors_that_do_not_fit_are_named(server, pictures, changes):
    status, said = binary_request(server, pictures, **changes)
    assert status == 400 and (b"binary tensors" in said or b"image" in said), said
    assert binary_request(server, pictures)[0] == 200


def test_raw_contents_that_do_not_fit_are_the_clients_mistake(server):
    tensor = grpc.InferInput("image", [1, 1, 32, 32], "UINT8")
    tensor._raw_content = bytes(1000)
    with pytest.raises(Exception, match="image") as info:
        server.client(grpc).infer("digits_i8", [tensor])
    assert "INVALID_ARGUMENT" in info.value.status()


IN_PLACE = """
import json, sys
import numpy as np
from kserve import ModelRepository
from ez_rknn_async.serving import BinaryPlane

tensor = {"name": "x", "shape": [2, 3], "datatype": "FP32", "parameters": {"binary_data_size": 24}}
listed = {"name": "y", "shape": [2], "datatype": "INT64", "data": [7, 8]}
head = json.dumps({"id": "one", "inputs": [tensor, listed, tensor | {"name": "z"}], "outputs": [{"name": "o"}]}).encode()
values = np.arange(12, dtype=np.float32)
body = head + values.tobytes()
length = {"inference-header-content-length": str(len(head))}
request = BinaryPlane(ModelRepository()).decode_inference_request(body, length, "model")
x, y, z = request.inputs
assert np.shares_memory(x.data, np.frombuffer(body, np.uint8)) and x.data.tolist() == values[:6].reshape(2, 3).tolist()
assert z.data.tolist() == values[6:].reshape(2, 3).tolist() and y.as_numpy().tolist() == [7, 8]
assert request.id == "one" and [output.name for output in request.request_outputs] == ["o"]
"""


def test_binary_tensors_are_read_in_place():
    """KServe's own reader makes a Python object of every element: 0.6 s of a picture of 640 x 640."""
    subprocess.run([sys.executable, "-c", IN_PLACE], check=True, timeout=120)


def test_no_request_of_many_clients_is_lost(server, pictures):
    """64 at once, half over HTTP and half over gRPC; every one is answered, and right. How fast: benchmarks/serve_load.py."""
    session = ez.InferenceSession(DIGITS, provider_options={"schedule": "balanced"})
    expected = [int(scores.argmax()) for (scores,) in session.map([[picture] for picture in pictures[:CLIENTS]])]
    before = server.metric("ez_rknn_tasks_total", "digits_i8")
    counts, wrong = [0] * CLIENTS, []
    begin = time.monotonic()

    def work(k):
        kind = (http, grpc)[k % 2]
        try:
            client = server.client(kind)
            tensor = image_input(kind, pictures[k])
            while time.monotonic() - begin < SECONDS:
                answer = client.infer("digits_i8", [tensor]).as_numpy("logits")
                counts[k] += 1
                if int(answer.argmax()) != expected[k]:
                    wrong.append((k, answer))
        except Exception as e:
            wrong.append((k, e))

    threads = [threading.Thread(target=work, args=(k,)) for k in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong, wrong[:3]
    assert min(counts) > 0
    assert server.metric("ez_rknn_tasks_total", "digits_i8") - before == sum(counts)


def test_what_does_not_fit_in_time_is_unavailable(fake_library, tmp_path):
    (tmp_path / "slow.rknn").write_bytes(b"RKNN" + bytes(60))
    slow = {"EZ_FAKE_RT": "delay_us=5000000;inputs=x:1x4:UNDEFINED:f32;outputs=y:1x4:UNDEFINED:f32"}
    running = Server(tmp_path / "slow.rknn", "--timeout", "0.2", "--runtime", fake_library, **slow)
    try:
        for kind in (http, grpc):
            tensor = kind.InferInput("x", [1, 4], "FP32")
            tensor.set_data_from_numpy(np.ones((1, 4), np.float32))
            with pytest.raises(Exception, match="time limit has passed") as info:
                running.client(kind).infer("slow", [tensor])
            assert "503" in info.value.status() or "UNAVAILABLE" in info.value.status()
    finally:
        assert running.stop() == 0


def test_it_listens_on_loopback_only(server):
    assert server.facts["http"].startswith("http://127.0.0.1:")
    ours = ("0100007F", "0000000000000000FFFF00000100007F")  # 127.0.0.1, also as an IPv6 socket has it
    for port in (server.http, server.grpc):
        rows = []
        for table in ("tcp", "tcp6"):
            rows += [line.split() for line in pathlib.Path(f"/proc/net/{table}").read_text().splitlines()[1:]]
        listening = [row[1].split(":") for row in rows if row[3] == "0A"]
        assert {address for address, number in listening if number == f"{port:04X}"} <= set(ours)
        assert any(number == f"{port:04X}" for _, number in listening)


def test_a_port_that_is_taken_is_named():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        for which in ("--http-port", "--grpc-port"):
            other = ["--grpc-port", str(free_port())] if which == "--http-port" else ["--http-port", str(free_port())]
            done = subprocess.run(
                [sys.executable, "-m", "ez_rknn_async", "serve", DIGITS, which, port, *other],
                capture_output=True,
                text=True,
                timeout=120,
            )
            assert done.returncode == 1 and port in done.stderr and "Traceback" not in done.stderr.splitlines()[-1]


def test_the_kubernetes_manifest_is_valid():
    """Against the schemas of Kubernetes, and asking for what the pages say: the NPU as a resource, no privileges."""
    validate = pytest.importorskip("kubernetes_validate")
    yaml = pytest.importorskip("yaml")
    documents = list(yaml.safe_load_all((ROOT / "examples" / "kubernetes.yaml").read_text()))
    for document in documents:
        validate.validate(document, "1.31", strict=True)
    (deployment,) = (d for d in documents if d["kind"] == "Deployment")
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    assert container["resources"]["limits"]["rockchip.com/npu"] == 1
    assert not container["securityContext"]["allowPrivilegeEscalation"]
    arguments = container["args"]
    assert arguments[:2] == ["ez-rknn", "serve"]
    args = build_parser().parse_args(arguments[1:])  # the command is one that exists
    assert args.host == "0.0.0.0" and args.models == ["digits=/models/digits_i8.rknn"]
