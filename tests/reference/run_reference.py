#!/usr/bin/env python3
"""The reference package's published x86_64 wheel runs a model on our software NPU, and gives what our own package gives.

usage: run_reference.py [MODEL.rknn ...] [--venv DIR]        default: models/seed/seed_i8.rknn

Proof that the C ABI of librknnrt_ez.so is real: the wheel was built against the vendor's headers and knows nothing of us. It is installed
from the Python index into an environment of its own (--venv, default build/reference-venv), is not part of `make test`, and runs in
processes of its own. Our package must be installed for the interpreter that runs this script. Exit 1 when a result differs.
"""

import argparse
import os
import pathlib
import subprocess
import sys
import tempfile

import numpy as np

REFERENCE = "ztu-somemodelruntime-ez-rknn-async==0.11.0"
ROOT = pathlib.Path(__file__).resolve().parents[2]

# Runs under either package: argv = module, model, inputs.npz, outputs.npz
CHILD = r"""
import importlib, sys, threading
import numpy as np
module, model, inputs, outputs = sys.argv[1:]
ez = importlib.import_module(module)
session = ez.InferenceSession(model, provider_options={"schedule": [0, 1, 2]})
feed = dict(np.load(inputs))
results = {f"run_{k}": o for k, o in enumerate(session.run(None, feed))}
done = threading.Event()
def callback(out, user_data, error):
    assert not error, error
    results.update({f"async_{k}": o for k, o in enumerate(out)})
    done.set()
session.run_async(None, feed, callback)
assert done.wait(60)
for _ in range(4):
    piped = session.run_pipeline(feed, depth=3)
results.update({f"pipeline_{k}": o for k, o in enumerate(piped)})
results["names"] = np.array(session.input_names + session.output_names)
# Not the type: the reference reports the file's own, this package what run() takes and returns.
results["shapes"] = np.array([str(list(n.shape)) for n in session.get_inputs() + session.get_outputs()])
results["custom"] = np.array(session.get_modelmeta().custom_metadata_map.get("rknn_custom_string", ""))
np.savez(outputs, **results)
"""


def reference_python(venv: pathlib.Path) -> pathlib.Path:
    python = venv / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", venv], check=True)
        subprocess.run(
            [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", REFERENCE], check=True
        )
    return python


def run(
    python, module: str, model: pathlib.Path, inputs: pathlib.Path, outputs: pathlib.Path, environment: dict
) -> dict:
    subprocess.run(
        [python, "-c", CHILD, module, model, inputs, outputs],
        check=True,
        env=os.environ | environment,
        cwd=outputs.parent,
        timeout=300,
    )
    return dict(np.load(outputs))


def check(model: pathlib.Path, python: pathlib.Path, folder: pathlib.Path) -> bool:
    import ez_rknn_async as ez

    library = ez.software_runtime_path()
    session = ez.InferenceSession(model, provider_options={"runtime": "software"})
    random = np.random.default_rng(0)
    np.savez(folder / "in.npz", **{n.name: random.random(n.shape, dtype=np.float32) for n in session.get_inputs()})
    ours = run(
        sys.executable, "ez_rknn_async", model, folder / "in.npz", folder / "ours.npz", {"EZ_RKNN_RUNTIME": "software"}
    )
    theirs = run(
        python,
        "ztu_somemodelruntime_ez_rknn_async",
        model,
        folder / "in.npz",
        folder / "theirs.npz",
        {"ZTU_RKNPU2_RUNTIME_LIBRARY": str(library)},
    )
    same = ours.keys() == theirs.keys()
    for key in sorted(ours.keys() & theirs.keys()):
        equal = np.array_equal(ours[key], theirs[key])
        same &= equal
        if not equal:
            print(f"{model.name}: {key} differs: ours {ours[key]!r}, theirs {theirs[key]!r}")
    print(f"{model.name}: {len(ours)} results, {'equal' if same else 'DIFFERENT'}")
    return same


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("models", nargs="*", type=pathlib.Path, default=[ROOT / "models" / "seed" / "seed_i8.rknn"])
    parser.add_argument("--venv", type=pathlib.Path, default=ROOT / "build" / "reference-venv")
    args = parser.parse_args()
    python = reference_python(args.venv)
    with tempfile.TemporaryDirectory() as folder:
        results = [check(model.resolve(), python, pathlib.Path(folder)) for model in args.models]
    print(f"{sum(results)} passed, {len(results) - sum(results)} failed")
    return int(not all(results))


if __name__ == "__main__":
    sys.exit(main())
