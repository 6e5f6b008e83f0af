"""The software NPU against ONNX Runtime on this machine: whole networks, float32 in and out on both sides.

    npu_bench.py CACHE [--corpus FOLDER] [--only TEXT] [--json FILE]
    npu_bench.py CACHE --corpus FOLDER --small

CACHE is what networks.py filled. Every measurement is a process of its own (abi_timer for the C interface, this file
for Python and ONNX Runtime), so that no idle pool of threads disturbs another; rounds interleave what is compared.
--small takes the int8 builds of the corpus's networks alone, and sums up: how much faster than the better of ONNX
Runtime's fp32 and U8S8 each is, by the least times of all rounds, and the geometric mean.
Before anything is timed, our outputs are compared with ONNX Runtime's float ones.
"""

import argparse
import dataclasses
import json
import math
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

import numpy as np

HERE = pathlib.Path(__file__).resolve().parent
OTHER_CHIPS = ("i8_rk3566", "i8_rk3576")  # int8 builds of the same networks, beside RK3588's
LEAST_COSINE = {"i8": 0.9, "fp16": 0.999}  # against float; random weights amplify the rounding of int8


@dataclasses.dataclass
class Network:
    name: str
    onnx: dict  # "fp32", "u8s8", "s8s8" -> path
    rknn: dict  # "i8", "fp16" -> path
    inputs: dict  # name -> array, in the model's order
    batch: int = 1  # samples the .rknn takes at once


def real_networks(cache):
    for onnx in sorted(cache.glob("*.npy")):
        yield Network(
            onnx.stem,
            {"fp32": onnx.with_suffix(".onnx")} | quantised(cache, onnx.stem),
            {tag: path for tag in ("i8", "fp16", *OTHER_CHIPS) if (path := cache / f"{onnx.stem}_{tag}.rknn").exists()},
            {"images": np.load(onnx)},
        )


def corpus_networks(cache, corpus):
    for case in sorted(corpus.glob("*/case.json")):
        facts = json.loads(case.read_text())
        if facts.get("input_normalisation") or any(i.get("set_shapes") for i in facts["inputs"]):
            continue  # float in both is not the same work there
        rknn = {}
        for build in facts["builds"]:
            if build["name"] in ("i8", "fp16", "b"):
                tag = "i8" if build.get("build", {}).get("do_quantization") else "fp16"
                rknn[tag] = case.with_name(build["name"] + ".rknn")
        inputs = {
            i["name"]: np.resize(np.load(case.with_name(i["files"][0])), i["shape"]).astype(np.float32)
            for i in facts["inputs"]
        }
        name = case.parent.name
        onnx = {"fp32": case.with_name("model.onnx")} | quantised(cache, name)
        yield Network(name, onnx, {t: p for t, p in rknn.items() if p.exists()}, inputs, facts.get("batch") or 1)


def quantised(cache, name):
    return {tag: path for tag in ("u8s8", "s8s8") if (path := cache / f"{name}_{tag}.onnx").exists()}


def cpuinfo(key):
    lines = pathlib.Path("/proc/cpuinfo").read_text().splitlines()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(key)), "")


def cpu_flags():
    return set(cpuinfo("flags").split())


class Bench:
    """Runs the measurements of one network in `folder`."""

    def __init__(self, network, build, folder, seconds):
        self.network, self.folder, self.seconds = network, pathlib.Path(folder), seconds
        self.timer = build / "benchmarks" / "abi_timer"
        self.library = build / "src" / "npurt" / "librknnrt_ez.so"
        self.files = []
        for i, array in enumerate(network.inputs.values()):
            np.ascontiguousarray(array).tofile(self.folder / f"in{i}.bin")
            self.files.append(str(self.folder / f"in{i}.bin"))
        np.savez(self.folder / "in.npz", **network.inputs)

    def abi(self, tag, threads, isa=None, *more, seconds=None):
        env = dict(os.environ, EZ_RKNN_NPU_THREADS=str(threads)) | ({"EZ_RKNN_ISA": isa} if isa else {})
        command = [self.timer, self.library, self.network.rknn[tag], str(seconds or self.seconds), *more, *self.files]
        return run(command, env)

    def worker(self, kind, model, threads):
        env = dict(os.environ, EZ_RKNN_NPU_THREADS=str(threads), EZ_RKNN_RUNTIME=str(self.library))
        arguments = [kind, model, str(threads), str(self.seconds), self.folder / "in.npz"]
        return run([sys.executable, __file__, "--worker", *arguments], env)

    def check(self):
        """Cosine between our outputs and ONNX Runtime's float ones, the worst output of each build."""
        import onnxruntime

        session = onnxruntime.InferenceSession(str(self.network.onnx["fp32"]), providers=["CPUExecutionProvider"])
        expected = session.run(None, self.network.inputs)
        worst = {}
        for tag in list(self.network.rknn):
            try:
                self.abi(tag, 1, None, "--save", str(self.folder / "out"), seconds=0.001)
            except RuntimeError as e:
                worst[tag] = str(e)
                continue
            cosines = []
            for i, e in enumerate(expected):
                got = np.fromfile(self.folder / f"out{i}.bin", np.float32)[: e.size].astype(np.float64)
                want = e.astype(np.float64).ravel()
                norms = np.linalg.norm(got) * np.linalg.norm(want)
                cosines.append(float(got @ want / norms) if got.size == want.size and norms > 0 else 0.0)
            worst[tag] = min(cosines)
        return worst


def run(command, env):
    done = subprocess.run([str(c) for c in command], env=env, capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(done.stderr.strip()[-300:] or f"exit code {done.returncode}")
    return json.loads(done.stdout)


def worker(kind, model, threads, seconds, inputs):
    """Times one model from Python; prints a JSON object."""
    with np.load(inputs) as z:
        feed = {name: z[name] for name in z.files}
    begin = time.perf_counter()
    if kind == "ort":
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = int(threads), 1
        options.log_severity_level = 4
        session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    else:
        from ez_rknn_async import InferenceSession

        session = InferenceSession(model)
    load = 1e3 * (time.perf_counter() - begin)
    times = []
    for _ in range(3):
        session.run(None, feed)
    begin = time.perf_counter()
    while time.perf_counter() - begin < float(seconds) or len(times) < 3:
        one = time.perf_counter()
        session.run(None, feed)
        times.append(1e3 * (time.perf_counter() - one))
    with open("/proc/self/status") as f:
        peak = next(int(line.split()[1]) for line in f if line.startswith("VmHWM"))
    print(json.dumps({"load_ms": load, "peak_kib": peak, "times_ms": times}))


def measurements(bench, threads, python):
    """Name -> callable, for one number of threads; names are "ours/..." or "ort/..."."""
    n = bench.network
    found = {f"ort/{t}": lambda p=p: bench.worker("ort", p, threads) for t, p in n.onnx.items()}
    for tag in n.rknn:
        found[f"ours/{tag}"] = lambda tag=tag: bench.abi(tag, threads)
        if "amx_int8" in cpu_flags():  # elsewhere the first line is VNNI, or less, already
            found[f"ours/{tag}/avx512vnni"] = lambda tag=tag: bench.abi(tag, threads, "avx512vnni")
        if python and n.batch == 1 and tag not in OTHER_CHIPS:
            found[f"ours/{tag}/python"] = lambda p=n.rknn[tag]: bench.worker("npu", p, threads)
    return found


def measure(network, args):
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(network, args.build, folder, args.seconds)
        result = {"cosine": bench.check(), "batch": network.batch}
        for tag, value in result["cosine"].items():
            if isinstance(value, str) or value < LEAST_COSINE[tag.partition("_")[0]]:
                print(f"{network.name}/{tag}: not timed, answer {value}", flush=True)
                del network.rknn[tag]
        for threads in args.threads:
            rounds = {}
            for r in range(args.rounds):
                for name, one in measurements(bench, threads, not args.no_python).items():
                    try:
                        got = one()
                    except RuntimeError as e:
                        if r == 0:
                            print(f"{network.name} {name} T{threads}: {e}", flush=True)
                        continue
                    row = rounds.setdefault(name, {"ms": [], "least_ms": [], "load_ms": [], "peak_kib": 0})
                    row["ms"].append(statistics.median(got["times_ms"]))
                    row["least_ms"].append(min(got["times_ms"]))
                    row["load_ms"].append(got["load_ms"])
                    row["peak_kib"] = max(row["peak_kib"], got["peak_kib"])
            result[f"T{threads}"] = rounds
    return result


def ratio(result, threads, ours, theirs):
    """Their time by ours for one sample: median and extremes over the rounds; None where either is missing."""
    rounds = result[f"T{threads}"]
    if ours not in rounds or theirs not in rounds:
        return None
    scale = result["batch"]
    each = [scale * b / a for a, b in zip(rounds[ours]["ms"], rounds[theirs]["ms"], strict=False)]
    return scale * statistics.median(rounds[theirs]["ms"]) / statistics.median(rounds[ours]["ms"]), min(each), max(each)


def line(name, result, threads):
    rounds = result[f"T{threads}"]

    def ms(key):
        return f"{statistics.median(rounds[key]['ms']):8.3f}" if key in rounds else "       -"

    def times(ours, theirs):
        r = ratio(result, threads, ours, theirs)
        return f"{r[0]:5.2f} ({r[1]:.2f}-{r[2]:.2f})" if r else "-"

    cells = [name, f"T{threads}", *(ms(k) for k in ("ours/i8", "ours/i8/avx512vnni", "ours/i8/python", "ours/fp16"))]
    cells += [ms(k) for k in ("ort/fp32", "ort/u8s8", "ort/s8s8")]
    cells += [times("ours/i8", "ort/u8s8"), times("ours/i8", "ort/fp32"), times("ours/i8/avx512vnni", "ort/u8s8")]
    cells += [times("ours/fp16", "ort/fp32")]
    cells += [times("ours/i8", f"ours/{tag}") for tag in OTHER_CHIPS]
    return "| " + " | ".join(cells) + " |"


SMALL_HEADER = """| network | T1 ms | ORT fp32 | ORT U8S8 | better / T1 | T2 ms | ORT fp32 | ORT U8S8 | better / T2 | T1 / T2 |
|---|---|---|---|---|---|---|---|---|---|"""


def best(result, threads, name):
    """Least time of a sample in all rounds: noise only adds."""
    row = result[f"T{threads}"].get(name)
    return min(row["least_ms"]) / (result["batch"] if name.startswith("ours") else 1) if row else math.inf


def small_line(name, result):
    cells, ratios, ours = [name], [], {}
    for threads in (1, 2):
        ours[threads], fp32, u8s8 = (best(result, threads, n) for n in ("ours/i8", "ort/fp32", "ort/u8s8"))
        ratios.append(min(fp32, u8s8) / ours[threads])
        cells += [f"{ours[threads]:.3f}", f"{fp32:.3f}", f"{u8s8:.3f}", f"{ratios[-1]:.2f}"]
    return "| " + " | ".join([*cells, f"{ours[1] / ours[2]:.2f}"]) + " |", ratios


def small(networks, args):
    """The table of --small; returns the results."""
    results, ratios = {}, []
    print(SMALL_HEADER)
    for network in networks:
        network.rknn = {"i8": network.rknn["i8"]}
        network.onnx.pop("s8s8", None)
        result = measure(network, args)
        if "i8" not in network.rknn:
            continue
        results[network.name] = result
        text, both = small_line(network.name, result)
        ratios.append(both)
        print(text, flush=True)
    means = [statistics.geometric_mean(column) for column in zip(*ratios, strict=True)]
    print(f"| geometric mean | | | | {means[0]:.2f} | | | | {means[1]:.2f} | |")
    return results


HEADER = """| network | threads | int8 ms | VNNI ms | Python ms | fp16 ms | ORT fp32 | ORT U8S8 | ORT S8S8 \
| U8S8 / int8 | fp32 / int8 | U8S8 / VNNI | fp32 / fp16 | RK3566 / int8 | RK3576 / int8 |
|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|"""


def main():
    if sys.argv[1:2] == ["--worker"]:
        return worker(*sys.argv[2:])
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cache", type=pathlib.Path)
    parser.add_argument("--corpus", type=pathlib.Path)
    parser.add_argument("--build", type=pathlib.Path, default=HERE.parent / "build" / "release")
    parser.add_argument("--only", default="", help="networks whose name contains this")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=0.5, help="of each measurement in a round")
    parser.add_argument("--no-python", action="store_true")
    parser.add_argument("--small", action="store_true", help="the int8 networks of the corpus alone, summed up")
    parser.add_argument("--json", type=pathlib.Path, help="add the results to this file")
    args = parser.parse_args()
    args.build = args.build.resolve()
    if args.small and not args.corpus:
        parser.error("--small needs --corpus")

    if args.small:
        args.threads, args.no_python = [1, 2], True
        cases = [n for n in corpus_networks(args.cache, args.corpus) if n.rknn.get("i8", args.cache).name == "i8.rknn"]
        results = small([n for n in cases if args.only in n.name], args)
        if args.json:
            args.json.write_text(json.dumps(results, indent=1))
        return None
    networks = list(real_networks(args.cache)) + (list(corpus_networks(args.cache, args.corpus)) if args.corpus else [])
    results = json.loads(args.json.read_text()) if args.json and args.json.exists() else {}
    print(HEADER)
    for network in networks:
        if args.only not in network.name:
            continue
        results[network.name] = measure(network, args)
        results["machine"] = {"cpu": cpuinfo("model name"), "flags": sorted(cpu_flags())}
        for threads in args.threads:
            print(line(network.name, results[network.name], threads), flush=True)
        if args.json:
            args.json.write_text(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
