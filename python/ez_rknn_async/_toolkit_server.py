"""Runs inside the toolkit's interpreter, started by _toolkit.py: one job (JSON) a line in, one line of JSON out.

The toolkit takes seconds to import, leaves threads and files behind and at times aborts: so it is imported once
and every job runs in a forked child, in a folder of its own, with a time limit. Standard error carries the toolkit's log.
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

END_OF_LOG = "\x1e"


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
        build["dataset"] = dataset(job)
    must("build", rknn.build(**build))
    put(stage="export")
    must("export_rknn", rknn.export_rknn(job["rknn"]))
    if job["feeds"] is None:
        put(stage="done", outputs=[])
        return
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


def dataset(job):
    """The file that lists the calibration samples."""
    if isinstance(job["calibration"], str):
        return job["calibration"]
    path = os.path.join(job["work"], "dataset.txt")
    with open(path, "w") as f:
        f.write("\n".join(" ".join(row) for row in job["calibration"]) + "\n")
    return path


def child(job, status):
    os.setpgid(0, 0)  # what the toolkit starts ends with it
    os.dup2(2, 1)
    os.chdir(job["work"])
    state = {"stage": "start", "error": ""}

    def put(**changes):
        state.update(changes)
        with open(status, "w") as f:
            json.dump(state, f)

    try:
        put()
        run(job, put)
    except BaseException as e:  # the toolkit raises all kinds, SystemExit among them
        text = str(e).strip().splitlines() or [""]  # at times a whole traceback, whose last line says it
        put(error=f"{type(e).__name__}: {text[-1]}"[:600])
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
            code = -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)
            return f"ended with {code}" if code else ""
        if time.monotonic() > end:
            os.killpg(pid, signal.SIGKILL)
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
        try:
            with open(status) as f:
                state = json.load(f)
        except (OSError, ValueError):  # it died before or while it wrote
            state = {"stage": "start", "error": ""}
        if fate:
            state.update(error=fate, stage="died at " + state["stage"])
        print(f"\n{END_OF_LOG}", file=sys.stderr, flush=True)
        print(json.dumps(state), file=answers, flush=True)


if __name__ == "__main__":
    main()
