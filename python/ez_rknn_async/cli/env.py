"""Print where the software NPU lies and what to set so that other programs written for librknnrt use it."""

from __future__ import annotations

import argparse
import json

NAME = "env"
HELP = "show the software NPU's library and how others use it"


def add_arguments(_parser: argparse.ArgumentParser) -> None:
    pass


def run(args: argparse.Namespace) -> int:
    from .. import software_runtime_path

    path = software_runtime_path()
    facts = {
        "software_runtime": path,
        "environment": {
            "EZ_RKNN_RUNTIME": "which runtime this package uses: npu, software, or a path",
            "ZTU_RKNPU2_RUNTIME_LIBRARY": path,
            "LD_PRELOAD": path,
        },
    }
    if args.json:
        print(json.dumps(facts, indent=1))
        return 0
    print(f"software NPU      {path}\n")
    print(
        "this package      EZ_RKNN_RUNTIME=software | npu | PATH   (unset: the NPU where there is one, else software)"
    )
    print(f"reference package ZTU_RKNPU2_RUNTIME_LIBRARY={path}")
    print(f"C and C++         link with {path}")
    print(f"ready-made ones   LD_PRELOAD={path} PROGRAM")
    return 0
