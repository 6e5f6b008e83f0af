"""Drives rknn-toolkit2, the vendor's compiler, which lives in an interpreter of its own. Needs nothing but numpy and this folder.

    with Toolkit() as toolkit:                  # the interpreter in $RKNN_TOOLKIT_PYTHON, or Toolkit("/path/to/python")
        outputs = toolkit.build(Job(...))       # compiles, writes the .rknn, runs the simulator on the job's feeds

A Job is plain data; _toolkit_server.py runs it over there in a forked child, so a crash of the compiler is just a failed job.
"""

from __future__ import annotations

import contextlib
import dataclasses
import importlib.metadata
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from typing import IO, Any

import numpy as np

SERVER = pathlib.Path(__file__).with_name("_toolkit_server.py")
END_OF_LOG = "\x1e"  # what the server writes after a job's log
ADVICE = (
    "rknn-toolkit2 is the vendor's compiler, for x86_64 or aarch64 Linux and Python 3.8 to 3.12. Install it into an environment of its own:\n"
    "  python3.11 -m venv toolkit && toolkit/bin/pip install rknn-toolkit2==2.3.2 'setuptools<81' onnx==1.16.1\n"
    "and name its interpreter: RKNN_TOOLKIT_PYTHON=/path/to/toolkit/bin/python, or the argument `python`"
)


@dataclasses.dataclass
class Job:
    onnx: str
    rknn: str  # where to write the compiled file
    target: str = "rk3588"
    quantise: bool = True
    calibration: Sequence[Sequence[np.ndarray]] | str | os.PathLike[str] = ()  # rows of arrays, or a dataset file
    feeds: (
        Sequence[Sequence[np.ndarray]] | None
    ) = ()  # rows of arrays to simulate, 4-D ones in NCHW; None: no simulator
    config: dict[str, Any] = dataclasses.field(
        default_factory=dict
    )  # further arguments of RKNN.config, load_onnx, build
    load: dict[str, Any] = dataclasses.field(default_factory=dict)
    build: dict[str, Any] = dataclasses.field(default_factory=dict)
    custom_op: str | None = None  # "module.py:Class" to register before loading


class ToolkitMissing(RuntimeError):
    """There is no interpreter with rknn-toolkit2; the text says how to get one."""


class BuildError(RuntimeError):
    """The toolkit refused or died; the text holds the stage, its message and the last lines of its log."""


def find_interpreter(python: str | os.PathLike[str] | None = None) -> str:
    """The one given, $RKNN_TOOLKIT_PYTHON, or this interpreter if it has the toolkit. @raises ToolkitMissing"""
    given = os.fspath(python) if python else os.environ.get("RKNN_TOOLKIT_PYTHON", "")
    if given:
        found = shutil.which(given)
        if not found:
            raise ToolkitMissing(f"there is no interpreter {given}\n{ADVICE}")
        return found
    try:
        importlib.metadata.version("rknn-toolkit2")
    except importlib.metadata.PackageNotFoundError:
        raise ToolkitMissing(f"no interpreter with rknn-toolkit2 is known\n{ADVICE}") from None
    return sys.executable


class Toolkit:
    """One process of the toolkit's interpreter, for any number of jobs, one at a time."""

    def __init__(
        self,
        python: str | os.PathLike[str] | None = None,
        log_dir: str | os.PathLike[str] | None = None,
        timeout: float = 300,
        on_line: Callable[[str], None] | None = None,
    ) -> None:
        """
        python   see find_interpreter
        log_dir  where <model>.log goes; None: nowhere
        timeout  seconds for one job
        on_line  receives the toolkit's log, a line at a time, as it comes
        """
        interpreter = find_interpreter(python)
        self._log_dir = pathlib.Path(log_dir) if log_dir else None
        self._timeout, self._on_line, self._count = timeout, on_line, 0
        self._scratch = tempfile.TemporaryDirectory(prefix="rknn-build-")
        self._dir = pathlib.Path(self._scratch.name)
        # Without PYTHON*: what this interpreter was told is not meant for that one.
        environment = {
            k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "PYTHONHOME", "__PYVENV_LAUNCHER__")
        }
        self._server = subprocess.Popen(
            [interpreter, "-u", str(SERVER)],
            env=environment | {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""},
            encoding="utf-8",
            errors="replace",
            cwd=self._dir,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self.version = self._pipe("stdout").readline().strip()
        if not self.version:
            said = self._pipe("stderr").read().strip().splitlines()[-1:]
            self.close()
            raise ToolkitMissing(
                f"{interpreter} cannot import rknn.api: {''.join(said) or 'no reason given'}\n{ADVICE}"
            )

    def build(self, job: Job) -> list[list[np.ndarray]]:
        """Returns the simulator's outputs: for each feed a list of arrays. @raises BuildError"""
        self._count += 1
        work = self._dir / str(self._count)
        work.mkdir()
        order = {f.name: getattr(job, f.name) for f in dataclasses.fields(job)}
        order.update(
            onnx=os.path.abspath(job.onnx), rknn=os.path.abspath(job.rknn), work=str(work), timeout=self._timeout
        )
        if isinstance(job.calibration, str | os.PathLike):
            order["calibration"] = os.path.abspath(job.calibration)
        else:
            order["calibration"] = self._save(work / "calibration", job.calibration)
        order["feeds"] = None if job.feeds is None else self._save(work / "feeds", job.feeds)
        try:
            self._pipe("stdin").write(json.dumps(order) + "\n")
            self._pipe("stdin").flush()
        except BrokenPipeError:
            raise BuildError("the toolkit's interpreter has ended") from None
        lines = self._read_log(pathlib.Path(job.rknn).stem)
        answer = self._pipe("stdout").readline()
        if not answer:
            raise BuildError("the toolkit's interpreter ended" + last_lines(lines))
        result = json.loads(answer)
        if result["stage"] != "done":
            raise BuildError(f"{result['stage']}: {result['error']}" + last_lines(lines))
        if job.feeds is None:
            return []
        with np.load(work / "simulated.npz") as z:
            return [[z[f"{s}_{i}"] for i in range(n)] for s, n in enumerate(result["outputs"])]

    def _read_log(self, name: str) -> list[str]:
        lines = []
        for line in self._pipe("stderr"):
            if line.startswith(END_OF_LOG):
                break
            lines.append(line.rstrip("\n"))
            if self._on_line:
                self._on_line(lines[-1])
        if self._log_dir:
            (self._log_dir / f"{name}.log").write_text("\n".join(lines) + "\n")
        return lines

    @staticmethod
    def _save(folder: pathlib.Path, rows: Sequence[Sequence[np.ndarray]]) -> list[list[str]]:
        folder.mkdir()
        names = []
        for r, row in enumerate(rows):
            names.append([str(folder / f"{r}_{i}.npy") for i in range(len(row))])
            for path, array in zip(names[-1], row):  # noqa: B905 (old interpreters)
                np.save(path, array)
        return names

    def _pipe(self, name: str) -> IO[str]:
        pipe: IO[str] = getattr(self._server, name)
        return pipe

    def close(self) -> None:
        for name in ("stdin", "stdout", "stderr"):
            with contextlib.suppress(BrokenPipeError):
                self._pipe(name).close()
        self._server.wait()
        self._scratch.cleanup()

    def __enter__(self) -> Toolkit:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


def last_lines(log: list[str]) -> str:
    """The toolkit's own words: its last lines marked as errors, else its last lines."""
    marked = [line for line in log if line.startswith("E ")]
    chosen = marked[-4:] or [line for line in log if line.strip()][-6:]
    return "".join("\n  " + line[:300] for line in chosen)
