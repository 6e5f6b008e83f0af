#!/usr/bin/env python3
"""Writes the type stubs of the extension modules, python/ez_rknn_async/_core.pyi and _file.pyi, from the installed package.

usage: stubs.py [--module _core|_file --output FILE]
"""

import argparse
import importlib
import pathlib
import re
import subprocess
import sys

from nanobind.stubgen import StubGen

ROOT = pathlib.Path(__file__).resolve().parents[1]
MODULES = ("_core", "_file")


# What the generator cannot know about a plain Python object, for `mypy --strict`: a result is anything, and so is what a container holds.
LOOSE = (
    (r"object \| None", "object"),
    (r"-> object\b", "-> Any"),
    (r"\bdict\b(?!\[)", "dict[str, Any]"),
    (r"\blist\b(?!\[)", "list[Any]"),
    (r"\btuple\b(?!\[)", "tuple[Any, ...]"),
    (r"^version: str = .*$", "version: str"),
)


def stub_of(module: str) -> str:
    generator = StubGen(importlib.import_module(f"ez_rknn_async.{module}"), quiet=True, include_docstrings=False)
    generator.put(generator.module)
    text = generator.get()
    for pattern, replacement in LOOSE:
        text = re.sub(pattern, replacement, text, flags=re.MULTILINE)
    return formatted("from typing import Any\n\n" * ("Any" in text) + text)


def formatted(text: str) -> str:
    """As `make format` leaves it."""
    for command in (["check", "--fix-only"], ["format"]):
        ruff = [sys.executable, "-m", "ruff", *command, "--quiet", "--config", ROOT / "ruff.toml"]
        done = subprocess.run([*ruff, "--stdin-filename", "stub.pyi", "-"], input=text, text=True, capture_output=True)
        text = done.stdout or text
    return text


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--module", choices=MODULES)
    parser.add_argument("--output", type=pathlib.Path)
    args = parser.parse_args()
    for module in [args.module] if args.module else MODULES:
        output = args.output or ROOT / "python" / "ez_rknn_async" / f"{module}.pyi"
        output.write_text(stub_of(module))
    return 0


if __name__ == "__main__":
    sys.exit(main())
