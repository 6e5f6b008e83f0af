"""Compile the series: one model for every case and type, with inputs, the simulator's and ONNX Runtime's answers.

    $RKNN_TOOLKIT_PYTHON build.py --out FOLDER [--only REGEX] [--part K/N] [--keep]

Writes FOLDER/<operator>/<case>/: model.onnx, <type>.rknn, arrays, and case.json, which says what the toolkit made of
each build and why it refused. Run two of them (--part 1/2, --part 2/2) to use two cores. tests/corpus/measure.py runs
the result. See README.md.
"""

import argparse
import collections
import json
import pathlib
import random
import re
import shutil
import sys

import numpy as np
import onnx
import onnxruntime

HERE = pathlib.Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

import composite  # noqa: E402, F401
import convolution  # noqa: E402, F401
import elementwise  # noqa: E402, F401
import moves  # noqa: E402, F401
import options  # noqa: E402, F401
import spatial  # noqa: E402, F401
from case import CASES  # noqa: E402
from toolkit import BuildError, Job, Toolkit  # noqa: E402

SETS, CALIBRATION = 2, 5


def folder_of(case):
    return pathlib.Path(re.sub(r"\W+", "_", case.operator)) / case.name


def inputs_of(case, graph):
    """The sets to run, and the calibration rows"""
    shapes = [s for s, _, _ in graph.inputs.values()]

    def batched(shapes):
        return [[s[0] * case.batch, *s[1:]] for s in shapes]

    sets = [graph.sample(k, shapes=batched(s)) for k, s in enumerate(case.set_shapes or [shapes] * SETS)]
    calibration = [graph.sample(1000 + k, shapes=(case.set_shapes or [shapes])[0]) for k in range(CALIBRATION)]
    if case.normalise:
        sets = [[x.astype(np.uint8) for x in row] for row in sets]
    return sets, calibration


def reference(case, graph, path, sets):
    """What ONNX Runtime answers, or None where it cannot"""
    if case.normalise:
        mean, std = (np.float32(v).reshape(1, -1, 1, 1) for v in case.normalise)
        order = slice(None, None, -1 if case.config.get("quant_img_RGB2BGR") else 1)
        sets = [[(x[:, order].astype(np.float32) - mean) / std for x in row] for row in sets]
    try:
        model = onnx.load(path)
        if case.set_shapes:  # one graph with free dimensions runs them all
            for value in [*model.graph.input, *model.graph.output]:
                for d in value.type.tensor_type.shape.dim:
                    d.ClearField("dim_value")
            del model.graph.value_info[:]
        options = onnxruntime.SessionOptions()
        options.log_severity_level, options.intra_op_num_threads = 4, 1
        session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
        answers = []
        for row in sets:
            parts = zip(*(np.split(x, case.batch) for x in row))
            ys = [session.run(None, dict(zip(graph.inputs, part))) for part in parts]
            answers.append([np.concatenate(p) for p in zip(*ys)] if case.batch > 1 else ys[0])
        return answers
    except Exception as error:
        print(f"{folder_of(case)}: ONNX Runtime: {str(error).splitlines()[0][:160]}", file=sys.stderr)
        return None


def builds(case):
    for kind in case.kinds:
        yield kind, case.config | ({"quantized_dtype": "w16a16i"} if kind == "i16" else {})


def save(folder, name, array):
    np.save(folder / f"{name}.npy", array)
    return f"{name}.npy"


def make(case, root, toolkit):
    folder = root / folder_of(case)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    graph = case.graph()
    path = folder / "model.onnx"
    onnx.save(graph.model(), path)
    sets, calibration = inputs_of(case, graph)
    wanted = reference(case, graph, path, sets)
    record = dict(
        name=f"{folder.parent.name}/{case.name}",
        operator=case.operator,
        family=case.operator,
        net=case.deep,
        inputs=[
            dict(
                name=n,
                dtype=str(sets[0][i].dtype),
                shape=list(sets[0][i].shape),
                files=[save(folder, f"in_s{s}_{i}", row[i]) for s, row in enumerate(sets)],
            )
            for i, n in enumerate(graph.inputs)
        ],
        outputs=[
            dict(name=name, files=[save(folder, f"ort_s{s}_{i}", row[i]) for s, row in enumerate(wanted or [])])
            for i, (name, *_) in enumerate(graph.outputs)
        ],
        batch=case.batch if case.batch > 1 else None,
        builds=[],
    )
    for kind, config in builds(case):
        build = dict(
            name=kind,
            target="rk3588",
            config={k: v for k, v in config.items() if k != "dynamic_input"},
            build=dict(do_quantization=kind != "fp16"),
        )
        record["builds"].append(build)

        def compiled(name, config):
            return toolkit.build(
                Job(
                    onnx=path,
                    rknn=folder / f"{name}.rknn",
                    quantise=kind != "fp16",
                    calibration=calibration,
                    feeds=sets,
                    config=config,
                    load=case.load,
                    build=case.build | ({"rknn_batch_size": case.batch} if case.batch > 1 else {}),
                )
            )

        try:
            simulated = compiled(kind, config)
            if case.weights_from:
                compiled(f"{kind}_whole", {})
                build["weights"] = f"{kind}_whole.rknn"
        except (BuildError, OSError) as error:
            if "interpreter ended" in str(error) or isinstance(error, BrokenPipeError):
                shutil.rmtree(folder)  # nothing is known of this case
                raise SystemExit("the toolkit's interpreter has ended; --keep goes on from here") from error
            build.update(ok=False, stage=str(error).split(":")[0], error=str(error)[:600])
            # A model that is built and cannot be simulated is worth running: ONNX Runtime judges it.
            if (folder / f"{kind}.rknn").exists() and "simulate" in build["stage"] and wanted:
                build.update(ok=True, rknn=f"{kind}.rknn", simulated=False)
            else:
                (folder / f"{kind}.rknn").unlink(missing_ok=True)
            continue
        build.update(ok=True, rknn=f"{kind}.rknn", simulated=True)
        build["sim"] = [
            [save(folder, f"sim_{kind}_s{s}_{i}", y) for i, y in enumerate(row)] for s, row in enumerate(simulated)
        ]
    (folder / "case.json").write_text(json.dumps(record, indent=1))
    made = [b["name"] for b in record["builds"] if b["ok"]]
    print(f"{record['name']:60} {' '.join(made) or 'refused'}", flush=True)


def turn():
    """Sorts cases so that every operator has its turn before one of them has its next"""
    seen = collections.Counter()

    def key(case):
        seen[case.operator] += 1
        return seen[case.operator]

    return key


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("--only", default="", help="regular expression over <operator>/<case>")
    parser.add_argument("--part", default="1/1", help="the K-th of N parts of the cases")
    parser.add_argument("--keep", action="store_true", help="leave out cases that are there already")
    parser.add_argument("--toolkit", metavar="PYTHON", help="interpreter with rknn-toolkit2 (default: this one)")
    args = parser.parse_args()
    part, parts = map(int, args.part.split("/"))
    names = [str(folder_of(c)) for c in CASES]
    assert len(set(names)) == len(names), sorted(n for n in names if names.count(n) > 1)
    with Toolkit(args.toolkit, timeout=120) as toolkit:
        chosen = [c for c in CASES if re.search(args.only, str(folder_of(c)))]
        random.Random(0).shuffle(chosen)
        chosen.sort(key=turn())  # a build cut short has still seen a bit of everything
        for case in chosen[part - 1 :: parts]:
            if args.keep and (args.out / folder_of(case) / "case.json").exists():
                continue
            try:
                make(case, args.out, toolkit)
            except Exception as error:  # ONNX does not take the graph: the case is wrong, not the compiler
                print(f"{folder_of(case)}: {type(error).__name__}: {str(error)[:200]}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
