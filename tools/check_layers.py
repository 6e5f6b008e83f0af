#!/usr/bin/env python3
"""Checks that every #include follows the layering of docs/architecture.md: a folder may include only what stands to its left.

usage: check_layers.py [ROOT]      exit 1 and one line per violation
"""

import pathlib
import re
import sys

# folder -> folders it may include (itself always). The first matching prefix, longest first, decides what a file belongs to.
ALLOWED = {
    "include/ez_rknn": [],
    "src/abi": [],
    "src/core": ["include/ez_rknn", "src/abi"],
    "src/rknn_file": ["include/ez_rknn", "src/core"],
    "src/npu/regs": ["include/ez_rknn", "src/core", "src/rknn_file"],
    "src/npu/task": ["include/ez_rknn", "src/core", "src/rknn_file", "src/npu/regs"],
    "src/npu/kernels": ["include/ez_rknn", "src/core", "src/npu/regs"],
    "src/npu/ops": ["include/ez_rknn", "src/core", "src/rknn_file", "src/npu/kernels"],
    "src/npu/io": ["include/ez_rknn", "src/core", "src/rknn_file", "src/npu/kernels"],
    "src/npu/plan": [
        "include/ez_rknn",
        "src/core",
        "src/rknn_file",
        "src/npu/regs",
        "src/npu/kernels",
        "src/npu/ops",
    ],
    "src/npu/exec": [
        "include/ez_rknn",
        "src/core",
        "src/rknn_file",
        "src/npu/regs",
        "src/npu/kernels",
        "src/npu/ops",
        "src/npu/plan",
    ],
    "src/npu/matmul": [
        "include/ez_rknn",
        "src/core",
        "src/npu/kernels",
        "src/npu/exec",
    ],
    "src/npurt": [
        "include/ez_rknn",
        "src/abi",
        "src/core",
        "src/rknn_file",
        "src/npu/regs",
        "src/npu/exec",
        "src/npu/io",
        "src/npu/ops",
        "src/npu/matmul",
    ],
    "src/session": ["include/ez_rknn", "src/abi", "src/core"],
    "python/src": ["include/ez_rknn", "src/core", "src/session"],
    "python/src/file": ["include/ez_rknn", "src/core", "src/rknn_file", "src/npu/regs", "python/src"],
}
INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"', re.M)


def layer_of(path: str) -> str | None:
    matches = [layer for layer in ALLOWED if path == layer or path.startswith(layer + "/")]
    return max(matches, key=len, default=None)


def violations(root: pathlib.Path):
    for top in ("include", "src", "python/src"):
        for file in sorted((root / top).rglob("*")):
            if file.suffix not in (".h", ".hpp", ".cpp"):
                continue
            rel = file.relative_to(root).as_posix()
            own = layer_of(rel)
            for match in INCLUDE.finditer(file.read_text()):
                name = match.group(1)
                target = next(
                    (
                        p
                        for p in (
                            f"src/{name}",
                            f"include/{name}",
                            f"python/src/{name}",
                        )
                        if (root / p).exists()
                    ),
                    None,
                )
                if target is None:
                    yield f'{rel}: "{name}" is not found below src/ or include/ (write includes from there)'
                    continue
                other = layer_of(target)
                if other != own and (own is None or other not in ALLOWED[own]):
                    yield f"{rel}: {own} may not include {other} ({name})"


def main() -> int:
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parent.parent)
    found = list(violations(root))
    for line in found:
        print(line)
    print(f"layers: {len(found)} violations")
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
