#!/usr/bin/env python3
"""Runs the README's and the quick start's code and commands with the package that is installed, in a scratch folder.

usage: quickstart.py     (needs nothing but the installed package, whose command line must be beside the interpreter)

What the pages promise is printed and checked: the software NPU runs the model, and it says the digit that was drawn.
"""

import os
import pathlib
import re
import subprocess
import sys
import tempfile

import numpy as np

import ez_rknn_async as ez

ROOT = pathlib.Path(__file__).resolve().parent.parent
PAGES = ("README.md", "docs/quickstart-pc.md")


def main() -> None:
    data = np.load(ROOT / "models/digits/digits_test.npz")
    os.environ["PATH"] = os.path.dirname(sys.executable) + os.pathsep + os.environ["PATH"]
    with tempfile.TemporaryDirectory() as desk:
        os.chdir(desk)
        os.symlink(ROOT / "models", "models")
        for page in PAGES:
            known = {"picture": data["images"][0].reshape(1, 1, 32, 32), "callback": lambda *results: None}
            for language, code in re.findall(r"^```(python|sh)\n(.*?)^```$", (ROOT / page).read_text(), re.M | re.S):
                if language == "python":
                    exec(compile(code, page, "exec"), known)
                else:
                    for command in re.findall(r"^ez-rknn .*$", code, re.M):
                        subprocess.run(command, shell=True, check=True, stdout=subprocess.DEVNULL)
            session, (scores,) = (
                known["session"],
                known.get("outputs") or known["session"].run(None, {"image": known["picture"]}),
            )
            assert session.get_providers() == ["SoftwareRKNPU2ExecutionProvider"], session.get_providers()
            assert scores.argmax() == data["labels"][0], scores
            print(f"{page}: {session.get_providers()[0]} says {scores.argmax()}, drawn was {data['labels'][0]}")
        right = [int(session.run(None, [i.reshape(1, 1, 32, 32)])[0].argmax()) for i in data["images"][:50]]
        assert right == data["labels"][:50].tolist(), right
        print(
            f"ez-rknn-async {ez.__version__}, Python {sys.version.split()[0]}, {os.uname().machine}: 50 of 50 digits right"
        )


if __name__ == "__main__":
    main()
