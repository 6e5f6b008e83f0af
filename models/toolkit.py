"""Drives rknn-toolkit2, which lives in an interpreter of its own, from any other Python.

    toolkit = Toolkit()                      # the interpreter in $RKNN_TOOLKIT_PYTHON, or Toolkit("/path/to/python")
    outputs = toolkit.build(Job(...))        # compiles, writes the .rknn, runs the simulator on the job's feeds

A Job is plain data; toolkit_server.py runs it in a forked child, so a crash of the compiler is just a failed job.
"""

import dataclasses
import importlib.util
import json
import os
import pathlib
import subprocess
import sys
import tempfile

import numpy as np

SERVER = pathlib.Path(__file__).with_name("toolkit_server.py")


@dataclasses.dataclass
class Job:
    onnx: str
    rknn: str  # where to write the compiled file
    target: str = "rk3588"
    quantise: bool = True
    calibration: list = dataclasses.field(default_factory=list)  # rows of arrays, one per input
    feeds: list = dataclasses.field(default_factory=list)  # rows of arrays to simulate, 4-D ones in NCHW
    config: dict = dataclasses.field(default_factory=dict)  # further arguments of RKNN.config, load_onnx, build
    load: dict = dataclasses.field(default_factory=dict)
    build: dict = dataclasses.field(default_factory=dict)
    custom_op: str | None = None  # "module.py:Class" to register before loading


class BuildError(RuntimeError):
    """The toolkit refused or died; the text holds the stage, its message and the last lines of its log."""


class Toolkit:
    def __init__(self, python=None, log_dir=None, timeout=300):
        python = python or os.environ.get("RKNN_TOOLKIT_PYTHON")
        if not python and importlib.util.find_spec("rknn"):
            python = sys.executable
        if not python:
            raise SystemExit(
                "set RKNN_TOOLKIT_PYTHON (or give --toolkit): the interpreter of a venv with rknn-toolkit2"
            )
        self._scratch = tempfile.TemporaryDirectory(prefix="rknn-build-")
        self._dir, self._count, self._timeout = pathlib.Path(self._scratch.name), 0, timeout
        env = dict(os.environ, OMP_NUM_THREADS="1", CUDA_VISIBLE_DEVICES="")
        self._log_dir = pathlib.Path(log_dir) if log_dir else self._dir
        self._server = subprocess.Popen(
            [python, str(SERVER)],
            env=env,
            text=True,
            cwd=self._dir,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        self.version = self._server.stdout.readline().strip()
        if not self.version:
            raise SystemExit(f"{python} cannot import rknn.api: it is not the interpreter of an rknn-toolkit2 venv")

    def build(self, job):
        """Returns the simulator's outputs: for each feed a list of arrays."""
        self._count += 1
        work = self._dir / str(self._count)
        work.mkdir()
        order = {f.name: getattr(job, f.name) for f in dataclasses.fields(job)}
        for key in ("calibration", "feeds"):
            order[key] = [
                [self._save(work / f"{key}{r}_{i}.npy", a) for i, a in enumerate(row)]
                for r, row in enumerate(getattr(job, key))
            ]
        log = self._log_dir / (pathlib.Path(job.rknn).stem + ".log")
        order.update(
            onnx=os.path.abspath(job.onnx),
            rknn=os.path.abspath(job.rknn),
            work=str(work),
            log=str(log),
            timeout=self._timeout,
        )
        self._server.stdin.write(json.dumps(order) + "\n")
        self._server.stdin.flush()
        answer = self._server.stdout.readline()
        if not answer:
            raise BuildError("the toolkit's interpreter ended")
        result = json.loads(answer)
        if result["stage"] != "done":
            tail = [line for line in log.read_text(errors="replace").splitlines() if line.startswith("E ")][-4:]
            raise BuildError(f"{result['stage']}: {result['error']}" + "".join("\n  " + line[:300] for line in tail))
        with np.load(work / "simulated.npz") as z:
            return [[z[f"{s}_{i}"] for i in range(n)] for s, n in enumerate(result["outputs"])]

    @staticmethod
    def _save(path, array):
        np.save(path, array)
        return str(path)

    def close(self):
        self._server.stdin.close()
        self._server.wait()
        self._scratch.cleanup()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()
