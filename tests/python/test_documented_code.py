"""The pages are true: every code block and command is run (or says here where it is), every link leads somewhere, every command is listed."""

import argparse
import contextlib
import io
import os
import re
import shutil
import subprocess
import sys
import textwrap
import warnings

import numpy as np
import pytest
from conftest import MODELS, ROOT

from ez_rknn_async.cli import build_parser

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
DIGITS = MODELS / "digits"

# Commands that this test does not run, and where they are.
ELSEWHERE = {
    r"make (demo|test|setup|build|install|test-aarch64)\b": "the checks of a clean machine run them",
    r"make (wheels|packages|docs|test-serve|test-ray|bare-roots|dev-tools)\b": "they take minutes, and environments of their own",
    r"pip (install|uninstall) |sudo apt install ": "tools/wheels.py installs what it built, and takes it out again",
    r"ez-rknn serve |curl ": "test_serve.py",
    r"(V=|cc |LD_[A-Z_]+=)": "test_packages.py",
    r"cmake ": "test_cpp_library.py",
    r"g\+\+ |pkg-config ": "test_cpp_library.py",
    r"ez-rknn convert ": "test_convert.py, with a stand-in for the toolkit",
    r"export RKNN_TOOLKIT_PYTHON=": "test_convert.py",
    r"python -m ez_rknn_async.compat ": "test_compat.py",
    r"python tools/wheels\.py ": "it takes minutes, and installs and tries what it made",
    r"docker ": "needs a board",
    r"fuzz/campaign\.py ": "takes hours; ctest runs every target for seconds",
    r"python examples/ray_serve\.py ": "test_ray.py",
    r"build/venv-serve/bin/python benchmarks/serve_load\.py": "takes minutes, in the environment of make test-serve",
    r"\.venv/bin/(pip|python) ": "performance.md: takes minutes and networks that are made first",
}
PYTHON_ELSEWHERE = {r'ez\.convert\("model\.onnx"': "test_convert.py, with a stand-in for the toolkit"}
PRELUDE = """
import numpy as np
import ez_rknn_async as ez
picture = image = np.load("models/digits/digits_test.npz")["images"][0].reshape(SHAPE)
callback = lambda results, user_data, error: None
"""
SHAPES = {"migrating.md": (1, 32, 32, 1)}  # that page's session takes NHWC
TRUE_NAMES = (
    ("MODEL.rknn", "model.rknn"),
    ("MODEL", "model.rknn"),
    ("--onnx FILE", "--onnx models/digits/digits.onnx"),
    ("[--node N]", "--node 3"),
)


def blocks(text):
    """(line, language, code) of fenced blocks and, with the language "indented", of those set in by four blanks."""
    lines = text.splitlines()
    k = 0
    while k < len(lines):
        if fence := re.match(r"( *)(`{3,}|~{3,})(\w*)", lines[k]):
            end = next(n for n in range(k + 1, len(lines)) if lines[n].strip() == fence[2])
            yield k + 1, fence[3], textwrap.dedent("\n".join(lines[k + 1 : end]))
            k = end
        elif lines[k].startswith("    ") and k and not re.match(r" *([-*]|\d+\.|!!!) |  +\S", lines[k - 1]):
            end = next((n for n in range(k, len(lines)) if not lines[n].startswith("    ")), len(lines))
            yield k + 1, "indented", textwrap.dedent("\n".join(lines[k:end]))
            k = end
        k += 1


def test_blocks_are_found():
    text = "a\n```sh\none\n```\n    two\n    three\n\n- item\n    text of the item\n"
    assert list(blocks(text)) == [(2, "sh", "one"), (5, "indented", "two\nthree")]


@pytest.fixture
def desk(tmp_path, monkeypatch):
    """A folder that looks like the checkout and has a model.rknn and a picture.npy in it."""
    for name in ("models", "examples", "tests", "docs"):
        (tmp_path / name).symlink_to(ROOT / name)
    shutil.copy(DIGITS / "digits_i8.rknn", tmp_path / "model.rknn")
    np.save(tmp_path / "picture.npy", np.load(DIGITS / "digits_test.npz")["images"][0].reshape(1, 1, 32, 32))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", os.path.dirname(sys.executable) + os.pathsep + os.environ["PATH"])
    return tmp_path


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_code_of_a_page_runs(page, desk):
    """One after the other, Python in one namespace a page."""
    namespace = {}
    exec(PRELUDE.replace("SHAPE", str(SHAPES.get(page.name, (1, 1, 32, 32)))), namespace)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for line, language, code in blocks(page.read_text()):
            place = f"{page.name}:{line}"
            if language == "python" and not listed(code, PYTHON_ELSEWHERE):
                with contextlib.redirect_stdout(io.StringIO()):
                    exec(compile(code, place, "exec"), namespace)
            elif language == "sh" or (language == "indented" and looks_like_commands(code)):
                for command in code.splitlines():
                    run_command(command, place)
            elif language == "cpp":
                compile_snippet(code, place)
    for name in list(namespace):  # sessions close here, where a failure belongs to this page
        del namespace[name]


def listed(text, table):
    return any(re.match(pattern, text) for pattern in table)


def looks_like_commands(code):
    first = (
        r"(ez-rknn|make|pip|cmake|g\+\+|cc|curl|pkg-config|export|python3?|docker|sudo|\.venv/|build/|\$|[A-Z_]+=) ?"
    )
    return bool(re.match(first, code))


def run_command(command, place):
    if not command.strip() or command.startswith("#") or listed(command, ELSEWHERE):
        return
    assert re.match(r"(ez-rknn|python) ", command), f"{place}: {command!r} is neither run nor listed in ELSEWHERE"
    for shown, true in TRUE_NAMES:
        command = command.replace(shown, true)
    command = re.sub(r"\[([^\]]*)\]", r"\1", command)  # what is optional is given
    done = subprocess.run(["bash", "-ec", command], capture_output=True, text=True)
    assert done.returncode == 0, f"{place}: {command}\n{done.stderr}"


def compile_snippet(code, place):
    includes = "".join(line + "\n" for line in code.splitlines() if line.startswith("#include"))
    body = "\n".join(line for line in code.splitlines() if not line.startswith("#include"))
    source = (
        f"#include <ez_rknn/session.hpp>\n{includes}"
        "void snippet(ez_rknn::InputView picture, const void* pixels) {\n"
        f"  (void)picture; (void)pixels;\n{body}\n}}\n"
    )
    command = [os.environ.get("CXX", "g++"), "-std=c++20", "-fsyntax-only", "-x", "c++", "-I", ROOT / "include", "-"]
    done = subprocess.run(command, input=source, capture_output=True, text=True)
    assert done.returncode == 0, f"{place}\n{done.stderr}"


def diffs():
    for page in PAGES:
        for line, language, code in blocks(page.read_text()):
            if language == "diff":
                yield pytest.param(code, id=f"{page.name}:{line}")


@pytest.mark.parametrize("code", list(diffs()))
def test_the_programs_before_and_after_a_migration_say_the_same(code, desk):
    """A diff of a guide is a whole program; without its new lines it is the old one, which runs too."""
    expected = [str(label) for label in np.load(DIGITS / "digits_test.npz")["labels"][:8]]
    for name, dropped in (("before", "+"), ("after", "-")):
        program = "\n".join(line[1:] for line in code.splitlines() if not line.startswith(dropped))
        (desk / f"{name}.py").write_text(program)
        launcher = ["-m", "ez_rknn_async.compat"] if "import RKNNLite" in program else []
        command = [sys.executable, *launcher, f"{name}.py"]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        assert done.stdout.split() == expected, (name, done.stdout, done.stderr)


# ---- links


def headings(path):
    """What a heading can be linked by, as GitHub makes it and as the site does."""
    found = set()
    prose = re.sub(r"^(`{3,}).*?^\1$", "", path.read_text(), flags=re.S | re.M)
    for title in re.findall(r"^#+ +(.+?) *$", prose, re.M):
        words = re.sub(r"[^\w\s-]", "", title).strip().lower()
        github, site = words.replace(" ", "-"), re.sub(r"[-\s]+", "-", words)
        if github == site:  # others must not be linked to: one of the two would be wrong
            found.add(site)
    return found


@pytest.mark.parametrize("page", [*PAGES, *sorted(MODELS.glob("*/README.md"))], ids=lambda p: str(p.relative_to(ROOT)))
def test_links_lead_somewhere(page):
    text = re.sub(r"^(`{3,}).*?^\1$", "", page.read_text(), flags=re.S | re.M)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"https?://", target):
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        assert file.exists(), f"{page.name}: {target}"
        assert not anchor or anchor in headings(file), f"{page.name}: {target} has no such heading, or an ambiguous one"


# ---- the page of the command line


def commands():
    parser = build_parser()
    (action,) = (a for a in parser._actions if isinstance(a, argparse._SubParsersAction))
    return action.choices


@pytest.mark.parametrize("name", commands())
def test_every_command_and_option_is_on_its_page(name):
    text = (ROOT / "docs" / "cli.md").read_text()
    section = re.search(rf"^## {name}$(.*?)(?=^## |\Z)", text, re.S | re.M)
    assert section, f"docs/cli.md has no section {name}"
    for action in commands()[name]._actions:
        for option in action.option_strings:
            if option.startswith("--") and option not in ("--help", "--json"):
                assert re.search(rf"{option}\b", section[1]), f"docs/cli.md, {name}: {option} is missing"


def test_every_command_is_in_the_readme():
    text = (ROOT / "README.md").read_text()
    for name in commands():
        assert re.search(rf"^    ez-rknn {name}\b", text, re.M), name
