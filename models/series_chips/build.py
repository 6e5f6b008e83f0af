"""Compile the chip series: every network for every chip and type that its compiler takes, into a folder outside the
repository, with the simulator's outputs beside it.

    $RKNN_TOOLKIT_PYTHON build.py OUT [--chips rk3566,rk3576] [--kinds i8,fp16] [--only REGEX] [--jobs N]

OUT gets a folder a network: `case.npz` with the inputs (in_<set>_<i>), ONNX Runtime's answers (ort_<set>_<o>) and the
simulator's (<build>_<set>_<o>); the .rknn files; `index.json` with a line for every build, also for those the compiler
refused. A build that exists already is kept, so an interrupted run goes on. `check.py OUT` judges."""

import argparse
import concurrent.futures
import json
import pathlib
import re
import sys

import numpy as np
import onnx
import onnxruntime

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from networks import MEAN, NETWORKS, STD  # noqa: E402
from toolkit import BuildError, Job, Toolkit  # noqa: E402

SETS, CALIBRATION = 2, 5
# What `config` is given for a type; all but the floats are quantised.
KINDS = {
    "i8": {},
    "fp16": {},
    "bf16": dict(float_dtype="bfloat16"),
    "w16a16i": dict(quantized_dtype="w16a16i"),
    "w16a16i_dfp": dict(quantized_dtype="w16a16i_dfp"),
    "w8a16": dict(quantized_dtype="w8a16"),
    "w4a16": dict(quantized_dtype="w4a16"),
    "w4a16_group32": dict(quantized_dtype="w4a16", quantized_method="group32"),
    "w4a16_group64": dict(quantized_dtype="w4a16", quantized_method="group64"),
    "w4a16_group128": dict(quantized_dtype="w4a16", quantized_method="group128"),
    "quantize_weight": dict(quantize_weight=True),  # int8 weights in an fp16 network
}
FLOATS = ("fp16", "bf16", "quantize_weight")
# What each chip's compiler (2.3.2) takes. "w8a16" is offered for RK3562 and dies in the compiler; 16 bit integers are
# offered for RV1103B/RV1106B and refused later.
COMMON = ("i8", "fp16", "bf16", "w16a16i", "w16a16i_dfp")
CHIPS = {
    "rk3588": COMMON,
    "rk3566": COMMON,
    "rk3562": (*COMMON, "w8a16", "quantize_weight"),
    "rk3576": (*COMMON, "w4a16", "w4a16_group32", "w4a16_group64", "w4a16_group128"),
    "rv1126b": (*COMMON, "w4a16", "w4a16_group32", "w4a16_group64", "w4a16_group128"),
    "rv1106": ("i8", "w16a16i", "w16a16i_dfp"),
    "rv1106b": ("i8",),
}


class Case:
    """One network's folder: inputs, ONNX Runtime's answers, and what builds add."""

    def __init__(self, net, out):
        self.net, self.folder = net, out / net.name
        self.folder.mkdir(parents=True, exist_ok=True)
        graph = net.graph()
        graph.opset = getattr(net.fill, "opset", graph.opset)
        model = graph.model()
        self.onnx = self.folder / "model.onnx"
        onnx.save(model, self.onnx)
        shapes = [s for s, _, _ in graph.inputs.values()]
        batched = [[s[0] * net.batch, *s[1:]] for s in shapes]
        self.sets = [graph.sample(k, shapes=batched) for k in range(SETS)]
        self.calibration = [graph.sample(1000 + k) for k in range(CALIBRATION)]
        if net.config.get("mean_values"):
            self.sets = [[x.astype(np.uint8) for x in row] for row in self.sets]
        self.names = list(graph.inputs)
        self.arrays = {f"in_{s}_{i}": x for s, row in enumerate(self.sets) for i, x in enumerate(row)}
        session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
        self.outputs = [o.name for o in session.get_outputs()]
        for s, row in enumerate(self.sets):
            for o, y in enumerate(self.reference(session, row)):
                self.arrays[f"ort_{s}_{o}"] = y

    def reference(self, session, row):
        if self.net.config.get("mean_values"):
            mean, std = (np.float32(v).reshape(1, -1, 1, 1) for v in (MEAN, STD))
            row = [(x - mean) / std for x in row]
        parts = zip(*(np.split(x, self.net.batch) for x in row)) if self.net.batch > 1 else [row]
        answers = [session.run(None, dict(zip(self.names, part))) for part in parts]
        return [np.concatenate(p) for p in zip(*answers)]


def build_one(case, toolkit, chip, kind):
    name = f"{kind}_{chip}"
    file = case.folder / f"{name}.rknn"
    entry = dict(network=case.net.name, build=name, chip=chip, kind=kind, deep=case.net.deep)
    job = Job(
        onnx=case.onnx,
        rknn=file,
        target=chip,
        quantise=kind not in FLOATS,
        calibration=case.calibration,
        feeds=case.sets,
        config=case.net.config | KINDS[kind],
        build=dict(rknn_batch_size=case.net.batch) if case.net.batch > 1 else {},
    )
    try:
        simulated = toolkit.build(job)
    except BuildError as error:
        file.unlink(missing_ok=True)
        return entry | dict(refused=str(error)[:600])
    arrays = {f"{s}_{o}": y for s, ys in enumerate(simulated) for o, y in enumerate(ys)}
    np.savez(case.folder / f"{name}.npz", **arrays)
    return entry | dict(bytes=file.stat().st_size)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--chips", default=",".join(CHIPS))
    parser.add_argument("--kinds", default=",".join(KINDS))
    parser.add_argument("--only", default="")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--force", action="store_true", help="ask for types a chip is not known to take, too")
    args = parser.parse_args()
    index = args.out / "index.json"
    done = {(e["network"], e["build"]): e for e in json.loads(index.read_text())} if index.exists() else {}
    chosen = [n for n in NETWORKS if re.search(args.only, n.name)]
    toolkits = [Toolkit() for _ in range(args.jobs)]

    def work(share, toolkit):
        for net in share:
            wanted = [
                (chip, kind)
                for chip in args.chips.split(",")
                for kind in args.kinds.split(",")
                if (args.force or kind in CHIPS[chip]) and (net.name, f"{kind}_{chip}") not in done
            ]
            if not wanted:
                continue
            try:
                case = Case(net, args.out)
            except Exception as error:  # what ONNX or its runtime does not take is a mistake in networks.py
                print(f"{net.name}: {type(error).__name__}: {error}", file=sys.stderr)
                continue
            np.savez(case.folder / "case.npz", **case.arrays)
            for chip, kind in wanted:
                entry = build_one(case, toolkit, chip, kind)
                entry.update(inputs=case.names, outputs=case.outputs)
                done[net.name, entry["build"]] = entry
                print(f"{net.name:26} {entry['build']:22} {entry.get('bytes') or entry['refused'][:150]}", flush=True)
            index.write_text(json.dumps(list(done.values()), indent=0))

    with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
        list(pool.map(work, [chosen[i :: args.jobs] for i in range(args.jobs)], toolkits))


if __name__ == "__main__":
    main()
