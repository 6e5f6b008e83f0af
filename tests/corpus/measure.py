#!/usr/bin/env python3
"""Run compiled models through the public Python API and measure how far they are from the vendor's simulator and from ONNX Runtime.

usage: measure.py [FOLDER...] [--fixtures] [--only GLOB] [--kind i8|i16|fp16|bf16] [--jobs N] [--timeout S] [--json OUT] [--quiet]

FOLDER is searched for case.json files (models/series/build.py writes such folders); --fixtures adds models/fixtures. Every model runs
in a process of its own, so that a crash or a hang is one verdict. judge.py holds the JSON against known.json, tools/fidelity.py
makes docs/fidelity.md of it.

Verdicts
  ok        quantised: 99.5 % of the elements (all but one of a small output) within one step of the output's scale and none beyond three; float: no error above 4e-3 of
            the range (bfloat16: 2e-2). Networks: cosine 0.999 (float 0.9999), or an rms error below 1.1 times the simulator's own distance from ONNX
            Runtime (float: 8 times). Integers and booleans: equal.
  wrong     it ran and is outside of that          refused   a typed error when it was loaded
  error     a typed error while running            crash, hang   the process died or did not end
"""

import argparse
import collections
import concurrent.futures
import fnmatch
import json
import os
import pathlib
import select
import signal
import sys
import time
import warnings

import numpy as np

ROOT = pathlib.Path(__file__).parents[2]
FIGURES_OF_FLOAT, FIGURES_OF_STEPS = {"fp16": 4e-3, "bf16": 2e-2}, 3.05


def cosine(a, b):
    norms = np.linalg.norm(a) * np.linalg.norm(b)
    return float(a @ b / norms) if norms else float(np.array_equal(a, b))


def distance(y, reference):
    """Figures over the elements that are finite in the reference"""
    a, b = y.astype("f8").ravel(), reference.astype("f8").ravel()
    finite = np.isfinite(b)
    same_rest = bool(np.array_equal(a[~finite], b[~finite], equal_nan=True) and np.isfinite(a[finite]).all())
    a, b = a[finite], b[finite]
    if not same_rest or not b.size:
        return dict(
            elements=int(b.size),
            finite=same_rest,
            equal=same_rest and not b.size,
            max=0.0,
            rms=0.0,
            range=0.0,
            cosine=1.0,
        )
    off = np.abs(a - b)
    return dict(
        elements=int(b.size),
        finite=True,
        equal=bool((off == 0).all()),
        max=float(off.max()),
        rms=float(np.sqrt((off**2).mean())),
        range=float(np.ptp(b)),
        cosine=cosine(a, b),
    )


def in_steps(y, reference, scale):
    steps = np.abs(y.astype("f8").ravel() - reference.astype("f8").ravel()) / scale
    steps = steps[np.isfinite(steps)]
    return dict(within_step=float((steps <= 1.05).mean()), max_steps=float(steps.max())) if steps.size else {}


def noise(simulated, wanted):
    if wanted is None or wanted.size != simulated.size or not np.isfinite(simulated).all():
        return 0.0
    return float(np.sqrt(((simulated.astype("f8").ravel() - wanted.astype("f8").ravel()) ** 2).mean()))


def fault(f, kind, net, dtype):
    """Why figures are outside the bounds, or None"""
    if not f["finite"]:
        return "NaN or infinity where none is expected"
    if f["equal"]:
        return None
    if not np.issubdtype(dtype, np.floating):
        return "integers or booleans differ"
    quantised = kind not in FIGURES_OF_FLOAT
    if net:
        if f["cosine"] < (0.999 if quantised else 0.9999) and f["rms"] > (1.1 if quantised else 8) * f["noise"]:
            return f"cosine {f['cosine']:.6f}, rms {f['rms']:.3g}, noise {f['noise']:.3g}"
    elif kind == "i8" and "max_steps" in f:
        off = round((1 - f["within_step"]) * f["elements"])
        if (f["within_step"] < 0.995 and off > 1) or f["max_steps"] > FIGURES_OF_STEPS:
            return f"{100 * f['within_step']:.2f} % within a step, largest {f['max_steps']:.1f} steps"
    elif f["max"] > FIGURES_OF_FLOAT.get(kind, 4e-3) * max(f["range"], 1e-6) + 1e-6:
        return f"largest error {f['max']:.3g} of range {f['range']:.3g}"
    return None


def from_folder(root):
    """The models of a corpus, as dictionaries that `run` understands"""
    for path in sorted(root.rglob("case.json")):
        case = json.loads(path.read_text())
        for build in case["builds"]:
            if (
                not build.get("ok")
                or build.get("target", "rk3588") != "rk3588"
                or not (path.parent / build["rknn"]).exists()
            ):
                continue
            i16 = "w16a16" in build["config"].get("quantized_dtype", "")
            comparable = not build["config"] or "operator" in case
            yield dict(
                name=f"{case['name']}/{build['name']}",
                operator=case.get("operator", case["family"]),
                kind="fp16" if not build["build"].get("do_quantization") else "i16" if i16 else "i8",
                net=case.get("net", "nets" in path.parts),
                folder=str(path.parent),
                rknn=build["rknn"],
                weights=build.get("weights"),
                loose=bool(build["config"].get("remove_reshape")),
                feeds=[
                    [i["files"][k if k < len(i["files"]) else 0] for i in case["inputs"]]
                    for k in range(sets_of(case, build))
                ],
                dtypes=[i["dtype"] for i in case["inputs"]],
                sim=build.get("sim"),
                ort=[o["files"] for o in case["outputs"]]
                if comparable and not (case.get("batch") and "operator" not in case)
                else [],
            )


def sets_of(case, build):
    return len(build.get("sim") or case["outputs"][0]["files"])


def from_fixtures():
    sys.path.insert(0, str(ROOT / "models" / "fixtures"))
    from fixtures import fixture, fixtures

    for f in fixtures(target="rk3588"):
        if f.network != "custom_operator":  # needs an implementation
            kind = {"int8": "i8", "int16": "i16", "float16": "fp16", "bfloat16": "bf16"}[f.kind]
            net = any("deep" in o["tolerance"] for o in f.entry["outputs"])
            weights = str(fixture(f.weights_from).path) if f.weights_from else None
            yield dict(
                name=f"fixtures/{f.name}",
                operator="fixtures",
                kind=kind,
                net=net,
                fixture=f.name,
                rknn=str(f.path),
                weights=weights,
            )


def arrays_of(model):
    """(feed, simulator's outputs or None, ONNX Runtime's outputs or None) of every set"""
    if "fixture" in model:
        from fixtures import fixture

        f = fixture(model["fixture"])
        for feed, expected in f.sets():
            yield list(feed.values()), expected, None
        return
    folder = pathlib.Path(model["folder"])
    for k, files in enumerate(model["feeds"]):
        feed = [np.load(folder / p).astype(t, copy=False) for p, t in zip(files, model["dtypes"], strict=True)]
        sim = [np.load(folder / p) for p in model["sim"][k]] if model["sim"] else None
        ort = (
            [np.load(folder / files[k]) for files in model["ort"]]
            if model["ort"] and all(len(o) > k for o in model["ort"])
            else None
        )
        yield feed, sim, ort


def fitting(session, name, array):
    """Some toolkits drop dimensions of one: the same elements in the shape the model asks for"""
    want = tuple(next(a.shape for a in session.get_inputs() if a.name == name))
    return array.reshape(want) if array.ndim != 4 and array.shape != want and array.size == np.prod(want) else array


def run(model):
    """The verdict and figures of one model; runs in a child process."""
    import ez_rknn_async as ez

    warnings.simplefilter("ignore")
    options = {"runtime": "software"}
    folder = pathlib.Path(model.get("folder", ""))
    try:
        donor = (
            {"use_weight_from": ez.InferenceSession(folder / model["weights"], provider_options=options)}
            if model["weights"]
            else {}
        )
        session = ez.InferenceSession(folder / model["rknn"], provider_options=options, **donor)
    except (RuntimeError, ValueError) as error:
        return dict(verdict="refused", why=f"{type(error).__name__}: {error}"[:400])
    outputs, why = [], None
    for feed, simulated, wanted in arrays_of(model):
        try:
            ys = session.run(None, {n: fitting(session, n, x) for n, x in zip(session.input_names, feed, strict=True)})
        except (RuntimeError, ValueError) as error:
            return dict(verdict="error", why=f"{type(error).__name__}: {error}"[:400])
        for i, (y, node) in enumerate(zip(ys, session.get_outputs(), strict=True)):
            judge_by = simulated if simulated is not None else wanted
            if judge_by is None or i >= len(judge_by):
                return dict(verdict="error", why="nothing to compare with")
            reference = judge_by[i]
            row = dict(name=node.name)
            if reference.ndim == 0:  # the interface has no rank 0
                reference = reference.reshape(1)
            if y.size != reference.size or (
                y.shape != reference.shape and not model.get("loose") and simulated is not None
            ):
                return dict(verdict="wrong", why=f"{node.name}: shape {y.shape}, expected {reference.shape}")
            row |= distance(y, reference)
            if node.scale and row["finite"]:
                row |= in_steps(y, reference, node.scale)
            row["noise"] = noise(reference, wanted[i] if wanted else None)
            if wanted and wanted[i].size == y.size:
                row["ort"] = distance(y, wanted[i])
                if node.scale:
                    row["ort"] |= in_steps(y, wanted[i], node.scale)
            reason = fault(row, model["kind"], model["net"] or simulated is None, reference.dtype)
            why = why or (reason and f"{node.name}: {reason}")
            outputs.append(row)
    return dict(verdict="wrong" if why else "ok", why=why, simulated=bool(model.get("sim", True)), outputs=outputs)


def preload():
    """Once in each worker instead of in every child; importing starts no threads, so forking afterwards is sound."""
    import ez_rknn_async  # noqa: F401


def in_child(model, timeout):
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(read)
        try:
            result = run(model)
        except BaseException as error:
            result = dict(verdict="error", why=f"{type(error).__name__}: {error}"[:400])
        with os.fdopen(write, "w") as out:
            json.dump(result, out)
        os._exit(0)
    os.close(write)
    text, end = b"", time.monotonic() + timeout
    while select.select([read], [], [], max(0, end - time.monotonic()))[0]:
        part = os.read(read, 1 << 16)
        if not part:
            break
        text += part
    else:
        os.kill(pid, signal.SIGKILL)
    os.close(read)
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    if status == -signal.SIGKILL:
        result = dict(verdict="hang", why=f"no end in {timeout:.0f} s")
    else:
        result = json.loads(text) if status == 0 else dict(verdict="crash", why=f"the process ended with {status}")
    return {k: model[k] for k in ("name", "operator", "kind", "net")} | result


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", nargs="*", type=pathlib.Path)
    parser.add_argument("--fixtures", action="store_true")
    parser.add_argument("--only", default="*", help="shell pattern over <case>/<build>")
    parser.add_argument("--kind", default="*")
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--timeout", type=float, default=120)
    parser.add_argument("--json", type=pathlib.Path)
    parser.add_argument("--quiet", action="store_true")
    args = parser.parse_args()
    models = [m for folder in args.folders for m in from_folder(folder)] + (
        list(from_fixtures()) if args.fixtures else []
    )
    models = [m for m in models if fnmatch.fnmatch(m["name"], args.only) and fnmatch.fnmatch(m["kind"], args.kind)]
    if not models:
        parser.error("no model matches")
    rows = []
    with concurrent.futures.ProcessPoolExecutor(args.jobs, initializer=preload) as pool:
        for r in pool.map(in_child, models, [args.timeout] * len(models)):
            rows.append(r)
            if r["verdict"] != "ok" and not args.quiet:
                print(f"{r['verdict']:7} {r['name']}: {r['why']}", flush=True)
    counts = collections.Counter(r["verdict"] for r in rows)
    if args.json:
        args.json.write_text(json.dumps(rows))
    print(f"{len(rows)} models: " + ", ".join(f"{n} {v}" for v, n in counts.most_common()))


if __name__ == "__main__":
    main()
