#!/usr/bin/env python3
"""Runs libFuzzer targets in turn until each has done a number of executions; can be stopped and started again at any time.

usage: campaign.py BUILD STATE TARGET=EXECUTIONS ... [--seeds FOLDER ...] [--largest BYTES] [--slice SECONDS]

BUILD  folder of a clang build with EZ_RKNN_BUILD_FUZZERS and EZ_RKNN_SANITIZE=address,undefined
STATE  folder for the counts (counts.json), what the fuzzer learned, and inputs that failed; kept between runs
--seeds  folders searched for .rknn files of at most --largest bytes: seeds of load_fuzz and run_fuzz

One process at a time. Memory: 2 GB for a process (sanitizers included), 512 MB for one allocation; 25 s for one execution.
Exit status 1 when an input failed; it lies in STATE/TARGET/failed, and `BUILD/fuzz/TARGET FILE` repeats it.
"""

import argparse
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time

FUZZ = pathlib.Path(__file__).resolve().parent
WHOLE_FILES = ("load_fuzz", "run_fuzz")
# For more executions a second: short stacks of allocations (repeat an input alone for long ones), no search for
# the use of a stack after its return (the targets' runs in CTest have it), inputs chosen evenly.
QUICK = {"ASAN_OPTIONS": "malloc_context_size=3:detect_stack_use_after_return=0"}
LIMITS = ["-entropic=0", "-rss_limit_mb=2048", "-malloc_limit_mb=512", "-timeout=25"]


class Target:
    def __init__(self, name: str, wanted: int, build: pathlib.Path, state: pathlib.Path) -> None:
        self.name, self.wanted, self.program = name, wanted, build / "fuzz" / name
        self.folder = state / name
        self.learned, self.failed, self.seeds = (self.folder / part for part in ("learned", "failed", "seeds"))
        for folder in (self.learned, self.failed, self.seeds):
            folder.mkdir(parents=True, exist_ok=True)
        self.counts = {"executions": 0, "seconds": 0.0}
        if (self.folder / "counts.json").exists():
            self.counts = json.loads((self.folder / "counts.json").read_text())

    @property
    def left(self) -> int:
        return max(0, self.wanted - self.counts["executions"])

    def take_seeds(self, folders: list[pathlib.Path], largest: int) -> None:
        for kind in ("corpus", "regressions"):
            for path in (FUZZ / kind / self.name).glob("*"):
                shutil.copy(path, self.seeds / path.name)
        for folder in folders if self.name in WHOLE_FILES else []:
            for path in folder.rglob("*.rknn"):
                if path.stat().st_size <= largest:
                    shutil.copy(path, self.seeds / "_".join(path.relative_to(folder).parts))

    def run(self, seconds: int, largest: int) -> str:
        """One slice. Returns what to say about it."""
        length = largest if self.name in WHOLE_FILES else 4096
        options = [f"-max_len={length}", f"-max_total_time={seconds}", f"-runs={self.left}"]
        options += [f"-artifact_prefix={self.failed}/", "-print_final_stats=1", "-close_fd_mask=1"]
        begin = time.monotonic()
        process = subprocess.run(
            [self.program, *LIMITS, *options, self.learned, self.seeds],
            env=os.environ | QUICK,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
        )
        # When it fails it says no total: then its last line of progress counts.
        said = re.findall(r"^(?:stat::number_of_executed_units: *|#)(\d+)", process.stderr, re.M)
        done = int(said[-1]) if said else 0
        self.counts["executions"] += done
        self.counts["seconds"] += time.monotonic() - begin
        (self.folder / "counts.json").write_text(json.dumps(self.counts))
        text = f"{self.name}: {self.counts['executions']} of {self.wanted}, {done / seconds:.0f} a second"
        if process.returncode:
            log = self.failed / f"log-{self.counts['executions']}.txt"
            log.write_text(process.stderr[-20000:])
            text += f"; FAILED, see {log}"
        return text


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("state", type=pathlib.Path)
    parser.add_argument("targets", nargs="+", metavar="TARGET=EXECUTIONS")
    parser.add_argument("--seeds", nargs="*", type=pathlib.Path, default=[])
    parser.add_argument("--largest", type=int, default=16384)
    parser.add_argument("--slice", type=int, default=120)
    arguments = parser.parse_args()
    targets = []
    for given in arguments.targets:
        name, _, wanted = given.partition("=")
        targets.append(Target(name, int(wanted), arguments.build, arguments.state))
        targets[-1].take_seeds(arguments.seeds, arguments.largest)
    while any(t.left for t in targets):
        for target in targets:
            if target.left:
                print(time.strftime("%H:%M:%S"), target.run(arguments.slice, arguments.largest), flush=True)
    return int(any(p for t in targets for p in t.failed.iterdir()))


if __name__ == "__main__":
    sys.exit(main())
