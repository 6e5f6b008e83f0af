"""Runs inside the toolkit's interpreter, started by toolkit.py: one job (JSON) a line in, one line of JSON out.

The toolkit takes seconds to import, leaves threads and files behind and at times aborts: so it is imported once
and every job runs in a forked child, in a folder of its own, with a time limit.
"""

import importlib.metadata
import importlib.util
import json
import os
import signal
import sys
import time
import traceback

import numpy as np
from rknn.api import RKNN


def run(job, put):
    def must(stage, code):
        if code != 0:
            raise RuntimeError(f"{stage} returned {code}")

    rknn = RKNN(verbose=True)
    put(stage="config")
    must("config", rknn.config(target_platform=job["target"], **job["config"]))
    if job["custom_op"]:
        path, name = job["custom_op"].rsplit(":", 1)
        spec = importlib.util.spec_from_file_location("custom_op", path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        must("reg_custom_op", rknn.reg_custom_op(getattr(module, name)()))
    put(stage="load")
    must("load_onnx", rknn.load_onnx(job["onnx"], **job["load"]))
    put(stage="build")
    build = dict(job["build"], do_quantization=job["quantise"])
    if job["quantise"]:
        build["dataset"] = os.path.join(job["work"], "dataset.txt")
        with open(build["dataset"], "w") as f:
            f.write("\n".join(" ".join(row) for row in job["calibration"]) + "\n")
    must("build", rknn.build(**build))
    put(stage="export")
    must("export_rknn", rknn.export_rknn(job["rknn"]))
    put(stage="simulate")
    must("init_runtime", rknn.init_runtime())
    arrays, counts = {}, []
    for s, row in enumerate(job["feeds"]):
        xs = [np.load(p) for p in row]
        ys = rknn.inference(xs, data_format=["nchw" if x.ndim == 4 else "undefined" for x in xs])
        if ys is None:
            raise RuntimeError("inference returned None")
        counts.append(len(ys))
        arrays.update({f"{s}_{i}": np.asarray(y) for i, y in enumerate(ys)})
    np.savez(os.path.join(job["work"], "simulated.npz"), **arrays)
    put(stage="done", outputs=counts)


def child(job, status):
    log = os.open(job["log"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.chdir(job["work"])
    state = {"stage": "start", "error": ""}

    def put(**changes):
        state.update(changes)
        with open(status, "w") as f:
            json.dump(state, f)

    try:
        run(job, put)
    except BaseException as e:  # the toolkit raises all kinds, SystemExit among them
        put(error=f"{type(e).__name__}: {e}"[:600])
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)


def wait(pid, seconds):
    end = time.monotonic() + seconds
    while True:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            code = os.waitstatus_to_exitcode(status)
            return f"ended with {code}" if code else ""
        if time.monotonic() > end:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            return f"no end in {seconds} s"
        time.sleep(0.01)


def main():
    answers = os.fdopen(os.dup(1), "w")
    print(importlib.metadata.version("rknn-toolkit2"), file=answers, flush=True)
    for line in sys.stdin:
        job = json.loads(line)
        status = os.path.join(job["work"], "status.json")
        pid = os.fork()
        if pid == 0:
            child(job, status)
        fate = wait(pid, job["timeout"])
        with open(status) as f:
            state = json.load(f)
        if fate:
            state.update(error=fate, stage="died at " + state["stage"])
        print(json.dumps(state), file=answers, flush=True)


if __name__ == "__main__":
    main()
