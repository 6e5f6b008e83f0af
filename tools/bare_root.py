#!/usr/bin/env python3
"""Installs what dist/ holds into a bare Debian and runs the quick start there: wheel and .deb, x86_64 or, emulated, aarch64.

usage: bare_root.py [--arch amd64|arm64] [--suite bookworm|trixie] [--no-deb] [--tests [FILE...]] [--jobs N]
                                                                                     (root; debootstrap; qemu-user for arm64)

The roots are made by debootstrap in build/roots and kept; what is installed goes into a scratch folder of the root, made anew each time. For
another architecture the kernel is told to start its programs with qemu (binfmt_misc), and told to forget it in the end. `make bare-roots`.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import pathlib
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator

ROOT = pathlib.Path(__file__).resolve().parent.parent
MACHINES = {"amd64": "x86_64", "arm64": "aarch64"}  # Debian's names, and uname's
SUITES = {"bookworm": "311", "trixie": "313"}  # and the version of its Python
PACKAGES = "ca-certificates,python3,python3-venv"
BINFMT = pathlib.Path("/proc/sys/fs/binfmt_misc")
# The head of a 64-bit little-endian ELF program for aarch64 (machine 0xb7), and the bits of it that count.
MAGIC = r"\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00"
MASK = r"\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff"
LOADER = "/usr/lib/qemu-loader"  # of qemu in the root; not longer than the path it stands for
# The network settings of this machine: they hold in the root too.
PASSED_ON = ("http_proxy", "https_proxy", "no_proxy", "PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_DEFAULT_TIMEOUT")
CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"

# $1: the checkout, read-only. $2: the wheel. For tests $3 is what their C++ parts were built into, $4 the folder of their packages, $5 how many
# files run at a time, $6 what pytest leaves out, and the rest are the files. Each is a run of pytest of its own, whose words appear when it ends:
# so what it said stays known when a later file hangs, and the files are counted apart.
TRY_WHEEL = """
rm -rf /tmp/try && python3 -m venv /tmp/try
/tmp/try/bin/pip install --quiet "$2"
/tmp/try/bin/python "$1/tools/quickstart.py"
"""
TEST_PACKAGES = "pytest pytest-timeout hypothesis pillow shtab aiohttp onnxruntime nanobind ruff"
RUN_TESTS = f"""
/tmp/try/bin/pip install --quiet --no-index --find-links "$4" --constraint "$1/requirements-dev.txt" {TEST_PACKAGES}
cd "$1/tests/python"
export EZ_RKNN_BUILD=$3 HYPOTHESIS_STORAGE_DIRECTORY=/tmp/hypothesis LEFT_OUT=$6; jobs=$5; shift 6
rm -rf /tmp/said && mkdir /tmp/said
printf '%s\\n' "$@" | xargs -P "$jobs" -I FILE sh -fc '
  /tmp/try/bin/python -m pytest -q -rs -p no:cacheprovider -o timeout=3600 $LEFT_OUT FILE > /tmp/said/FILE 2>&1; code=$?
  (echo "FILE:"; cat /tmp/said/FILE) | sed "s/^/  /"
  exit $code'
"""
# What of tests/python does not run in a bare root, and why.
NOT_BARE = {
    "test_cpp_library.py": "configures and compiles with CMake",
    "test_packages.py": "packs with CPack, and compiles",
    "test_documented_code.py::test_code_of_a_page_runs[README.md]": "compiles C++ (its Python is the quick start's)",
    "test_documented_code.py::test_code_of_a_page_runs[cpp.md]": "compiles C++",
    "test_serve.py": "needs KServe's server: `make test-serve`",
    "test_ray.py": "needs Ray: `make test-ray`",
}
# ... and what does not under the emulator.
NOT_EMULATED = {
    "test_async.py::test_no_memory_thread_or_reference_is_left_behind": "qemu keeps 0.29 MB of every thread that ended",
    "test_leaks.py::test_nothing_grows": "the same: four threads a session, 23 MB after 20 sessions",
}
# $2: the Debian package. The picture is drawn here, a 1: programs for C and C++ read no .npz.
TRY_DEB = """
apt-get -qq update
apt-get -qq install -y --no-install-recommends g++ "$2" > /dev/null
perl -e 'for $y (0..31) { print chr($y > 3 && $y < 28 && $_ > 13 && $_ < 18 ? 255 : 0) for 0..31 }' > /tmp/one.raw
{ printf 'P5 32 32 255\\n'; cat /tmp/one.raw; } > /tmp/one.pgm
g++ -std=c++20 -O1 "$1/examples/cpp/classify.cpp" -lez_rknn -o /tmp/classify
/tmp/classify "$1/models/digits/digits_i8.rknn" /tmp/one.pgm
V=$(dpkg -L ez-rknn | grep 'ez_rknn/vendor$')
gcc -I "$V/include" "$1/tests/vendor_program/classify.c" -L "$V/lib" -lrknnrt -o /tmp/vendor
LD_LIBRARY_PATH="$V/lib" /tmp/vendor "$1/models/digits/digits_i8.rknn" /tmp/one.raw
apt-get -qq purge -y ez-rknn > /dev/null
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--arch", choices=MACHINES, default="amd64")
    parser.add_argument("--suite", choices=SUITES, default="bookworm")
    parser.add_argument("--no-deb", action="store_true", help="the wheel only")
    parser.add_argument(
        "--tests",
        nargs="*",
        metavar="FILE",
        help="run these files of tests/python too; without names, all that can run there",
    )
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="files of tests that run at a time")
    args = parser.parse_args()
    machine = MACHINES[args.arch]
    with emulator(machine):
        root = debian(args.suite, args.arch)
        wheel = the_wheel(SUITES[args.suite], machine)
        inside(root, TRY_WHEEL, wheel)
        print(f"bare_root: {wheel.name} works on {args.suite}, {args.arch}", flush=True)
        if args.tests is not None:
            made = built(machine), packages(args.suite, machine)
            inside(root, RUN_TESTS, wheel, *made, args.jobs, *chosen(args.tests, machine))
        if not args.no_deb:
            (deb,) = (ROOT / "dist").glob(f"ez-rknn_*_{args.arch}.deb")
            inside(root, TRY_DEB, deb)
            print(f"bare_root: {deb.name} works on {args.suite}, {args.arch}", flush=True)
    return 0


def the_wheel(python: str, machine: str) -> pathlib.Path:
    """The one of dist/ for that CPython: its own, or that of the stable interface."""
    wheels = list((ROOT / "dist").glob(f"ez_rknn_async-*-cp{python}-*{machine}.whl"))
    wheels += (ROOT / "dist").glob(f"ez_rknn_async-*-abi3-*{machine}.whl") if int(python) >= 312 else []
    if len(wheels) != 1:
        raise SystemExit(
            f"bare_root: dist/ has {len(wheels)} wheels for CPython {python}, {machine}; run `make wheels`"
        )
    return wheels[0]


def chosen(files: list[str], machine: str) -> list[str]:
    """What pytest leaves out, and its files: these of tests/python, or all, less what cannot run, which is named."""
    left_out = NOT_BARE | (NOT_EMULATED if machine != os.uname().machine else {})
    for name, reason in left_out.items():
        print(f"bare_root: without {name}: {reason}", flush=True)
    files = files or sorted(path.name for path in (ROOT / "tests" / "python").glob("test_*.py"))
    deselected = [f"--deselect=tests/python/{name}" for name in left_out if "::" in name]  # from pytest's rootdir
    return [" ".join(deselected), *(name for name in files if name not in left_out)]


def built(machine: str) -> pathlib.Path:
    """What `make build` or `make test-aarch64` left: the root has no compiler."""
    folder = ROOT / "build" / ("release" if machine == os.uname().machine else machine)
    if not (folder / "tests/fake_rt/libfake_rknnrt.so").exists():
        raise SystemExit(f"bare_root: nothing is built in {folder}")
    return folder


def packages(suite: str, machine: str) -> pathlib.Path:
    """What tests need, fetched by the pip of `make build`: an emulated one takes many times as long."""
    folder = ROOT / "build" / f"packages-{suite}-{machine}"
    # What both Debians' glibc is enough for: pip takes no wheel for an older one than it is told.
    platforms = [
        f"--platform=manylinux{version}_{machine}" for version in ("2014", *(f"_2_{n}" for n in range(17, 37)))
    ]
    target = [*platforms, f"--python-version={SUITES[suite]}", "--only-binary=:all:"]
    pip = [ROOT / ".venv/bin/python", "-m", "pip", "download", "--quiet", "--constraint", ROOT / "requirements-dev.txt"]
    subprocess.run([*pip, *target, "--dest", folder, *TEST_PACKAGES.split()], check=True)
    return folder


@contextlib.contextmanager
def emulator(machine: str) -> Iterator[None]:
    """While it lasts, the kernel starts programs of that machine with qemu; under a name of its own, so that two may run at a time."""
    if machine == os.uname().machine or (BINFMT / f"qemu-{machine}").exists():  # the system's own
        yield
        return
    if not (BINFMT / "register").exists():
        subprocess.run(["mount", "-t", "binfmt_misc", "binfmt_misc", BINFMT], check=True)
    name = f"bare-root-{os.getpid()}"
    (BINFMT / "register").write_text(f":{name}:M::{MAGIC}:{MASK}:{qemu(machine)}:")
    try:
        yield
    finally:
        (BINFMT / name).write_text("-1")


def qemu(machine: str) -> str:
    path = shutil.which(f"qemu-{machine}")
    if path is None:
        raise SystemExit(f"bare_root: no qemu-{machine} on this machine; `make dev-tools` installs it")
    return path


def debian(suite: str, arch: str) -> pathlib.Path:
    """The root, made if it is missing."""
    root = ROOT / "build" / "roots" / f"{suite}-{arch}"
    if not (root / ".ready").exists():
        print(f"bare_root: debootstrap {suite} {arch}", flush=True)
        shutil.rmtree(root, ignore_errors=True)
        root.mkdir(parents=True)
        foreign = MACHINES[arch] != os.uname().machine
        options = [f"--arch={arch}", "--variant=minbase", f"--include={PACKAGES}", *(["--foreign"] if foreign else [])]
        with open(root.with_suffix(".log"), "w") as log:
            subprocess.run(["debootstrap", *options, suite, root], check=True, stdout=log)
            if foreign:
                copy_emulator(MACHINES[arch], root)
                subprocess.run(["chroot", root, "/debootstrap/debootstrap", "--second-stage"], check=True, stdout=log)
        (root / ".ready").touch()
    shutil.copy("/etc/resolv.conf", root / "etc")
    shutil.copy(CERTIFICATES, root / CERTIFICATES[1:])
    return root


def copy_emulator(machine: str, root: pathlib.Path) -> None:
    """qemu and the libraries it is linked to, at their own places: they are another architecture's, so none is in the way.

    Not so the loader: Debian's usr-is-merged removes a /lib64 that is no package's.
    """
    path = qemu(machine)
    libraries = re.findall(r"(/\S+) \(0x", subprocess.check_output(["ldd", path], text=True))
    (loader,) = (name for name in libraries if name.startswith("/lib64/"))
    for name in (path, *libraries):
        target = root / (LOADER if name == loader else name)[1:]
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(name, target)
    copy = root / path[1:]
    copy.write_bytes(copy.read_bytes().replace(loader.encode(), LOADER.encode().ljust(len(loader), b"\0"), 1))


def inside(root: pathlib.Path, script: str, *arguments: object) -> None:
    """Runs the script in the root, with the checkout at its own path. Mounts and processes go when it ends."""
    mounts = """
root=$1; checkout=$2; script=$3; shift 3
mkdir -p "$root$checkout"
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
mount --bind -o ro "$checkout" "$root$checkout"
mount -o remount,bind,ro "$root$checkout"
exec chroot "$root" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 $PASSED_ON sh -euc "$script" sh "$checkout" "$@"
"""
    settings = [f"{k}={os.environ[k]}" for k in PASSED_ON if k in os.environ]
    settings += [
        f"PIP_CERT={CERTIFICATES}",
        "PIP_DISABLE_PIP_VERSION_CHECK=1",
        "PYTHONDONTWRITEBYTECODE=1",
        "DEBIAN_FRONTEND=noninteractive",
    ]
    private = ["unshare", "--mount", "--pid", "--fork", "--kill-child"]
    command = [*private, "sh", "-euc", mounts, "sh", root, ROOT, script, *arguments]
    code = subprocess.run(list(map(str, command)), env=os.environ | {"PASSED_ON": " ".join(settings)}).returncode
    if code:
        raise SystemExit(f"bare_root: a command failed in {root}: {code}")


if __name__ == "__main__":
    sys.exit(main())
