"""`ez-rknn serve` under load on loopback, against the session called directly. Needs the environment of `make test-serve`.

    build/venv-serve/bin/python benchmarks/serve_load.py [MODEL.rknn ...] [--clients 64] [--seconds 60] [--ways http grpc]

Each client sends its next request when the last is answered; with several ways they take turns, client by client. Every answer is compared
with the session's, byte for byte, and the server's own count of finished tasks with the clients'. Tensors travel in binary. Prints, for each
model: requests, requests a second of the server and of `session.map` with the same options, their ratio, and the CPU time of one request in
the server's process and of one run in the session's.
"""

import argparse
import concurrent.futures
import http.client
import json
import multiprocessing
import os
import pathlib
import re
import resource
import socket
import subprocess
import sys
import time
import urllib.request

import numpy as np

ROOT = pathlib.Path(__file__).resolve().parent.parent
MODELS = [ROOT / "models" / name for name in ("digits/digits_i8.rknn", "seed/seed_i8.rknn")]
PROCESSES = 2  # the clients' own
LIMIT = 600  # seconds for one answer: a busy machine is no failure


def http_client(port, model, name, picture):
    """A call that returns the bytes of the first output."""
    import tritonclient.http as client

    tensor = client.InferInput(name, list(picture.shape), "UINT8")
    tensor.set_data_from_numpy(picture)
    body, length = client.InferenceServerClient.generate_request_body([tensor])
    headers = {"Inference-Header-Content-Length": str(length), "Content-Type": "application/octet-stream"}
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=LIMIT)

    def call():
        connection.request("POST", f"/v2/models/{model}/infer", body, headers)
        answer = connection.getresponse()
        content = answer.read()
        if answer.status != 200:
            raise RuntimeError(f"{answer.status}: {content[:300]!r}")
        return content[int(answer.headers["Inference-Header-Content-Length"]) :]

    return call


def grpc_client(port, model, name, picture):
    """A call that returns the bytes of the first output."""
    import grpc
    from tritonclient.grpc import service_pb2, service_pb2_grpc

    channel = grpc.insecure_channel(
        f"127.0.0.1:{port}",
        [("grpc.max_receive_message_length", -1), ("grpc.use_local_subchannel_pool", 1)],
    )
    request = service_pb2.ModelInferRequest(model_name=model, raw_input_contents=[picture.tobytes()])
    request.inputs.add(name=name, datatype="UINT8", shape=picture.shape)
    infer = service_pb2_grpc.GRPCInferenceServiceStub(channel).ModelInfer
    return lambda: infer(request, timeout=LIMIT).raw_output_contents[0]


def drive(ways, ports, count, until, facts, pictures, expected):
    """One process of clients: the number of answers of each way."""
    make = {"http": http_client, "grpc": grpc_client}

    def client(k):
        way = ways[k % len(ways)]
        call, done = make[way](ports[way], *facts, pictures[k % len(pictures)]), 0
        while time.time() < until or not done:
            if call() != expected[k % len(pictures)]:
                raise RuntimeError(f"a wrong answer over {way}")
            done += 1
        return way, done

    with concurrent.futures.ThreadPoolExecutor(count) as clients:
        answers = [future.result() for future in [clients.submit(client, k) for k in range(count)]]
    return {way: sum(done for name, done in answers if name == way) for way in ways}


def cpu_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return sum(map(int, fields[11:13])) / os.sysconf("SC_CLK_TCK")


def finished(port, model):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=LIMIT) as answer:
        text = answer.read().decode()
    return float(re.search(rf'^ez_rknn_tasks_total\{{end="completed",model="{model}"\}} (\S+)$', text, re.M)[1])


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def measure(path, args):
    import ez_rknn_async as ez

    session = ez.InferenceSession(path, provider_options={"schedule": "balanced"})
    node, model = session.get_inputs()[0], path.stem
    pictures = np.random.default_rng(1).integers(0, 256, (8, *node.shape), np.uint8)
    expected = [results[0].tobytes() for results in session.map([[picture] for picture in pictures])]

    ports = {way: free_port() for way in ("http", "grpc")}
    command = [sys.executable, "-m", "ez_rknn_async", "serve", path, "--json", "--timeout", LIMIT]
    command += ["--http-port", ports["http"], "--grpc-port", ports["grpc"]]
    with subprocess.Popen(list(map(str, command)), stdout=subprocess.PIPE, text=True) as server:
        json.loads(server.stdout.readline())  # it listens
        context = multiprocessing.get_context("spawn")
        with concurrent.futures.ProcessPoolExecutor(PROCESSES, mp_context=context) as pool:
            load = (args.ways, ports, args.clients // PROCESSES)
            data = ((model, node.name), pictures, expected)
            for _ in range(2):  # the first time warms up
                before, begin, cpu = finished(ports["http"], model), time.time(), cpu_seconds(server.pid)
                until = begin + (args.seconds if _ else 1)
                parts = [
                    future.result() for future in [pool.submit(drive, *load, until, *data) for _ in range(PROCESSES)]
                ]
                took, cpu = time.time() - begin, cpu_seconds(server.pid) - cpu
        counts = {way: sum(part[way] for part in parts) for way in args.ways}
        requests = sum(counts.values())
        assert finished(ports["http"], model) - before == requests, "the server counts otherwise"
        server.terminate()
    assert server.returncode == 0

    runs, begin, start = 0, time.time(), resource.getrusage(resource.RUSAGE_SELF)
    while time.time() - begin < min(args.seconds, 10):
        runs += sum(1 for _ in session.map([picture] for picture in pictures))
    direct, end = runs / (time.time() - begin), resource.getrusage(resource.RUSAGE_SELF)
    alone = (end.ru_utime + end.ru_stime - start.ru_utime - start.ru_stime) / runs
    rate = requests / took
    print(f"{model}: {requests} requests {counts} of {args.clients} clients in {took:.1f} s, none lost or wrong")
    print(f"  {rate:.1f}/s; directly {direct:.1f}/s; ratio {rate / direct:.3f}")
    print(
        f"  CPU: {1e3 * cpu / requests:.2f} ms a request in the server, {1e3 * alone:.2f} ms a run in the session",
        flush=True,
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", type=pathlib.Path, default=MODELS)
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--ways", nargs="+", choices=("http", "grpc"), default=["http", "grpc"])
    args = parser.parse_args()
    os.environ.setdefault("EZ_RKNN_RUNTIME", "software")
    for path in args.models:
        measure(path.resolve(), args)


if __name__ == "__main__":
    main()
