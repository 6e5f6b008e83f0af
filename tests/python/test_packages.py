"""The packages for C and C++: what is in the archives, and that a C program for librknnrt is compiled and run with what they hold."""

import os
import re
import shutil
import subprocess
import sys
import tarfile

import numpy as np
import pytest
from conftest import MODELS, ROOT, build

import ez_rknn_async as ez

pytestmark = pytest.mark.timeout(1200)  # it compiles

DIGITS = MODELS / "digits" / "digits_i8.rknn"
ENVIRONMENT = {k: v for k, v in os.environ.items() if k not in ("LD_LIBRARY_PATH", "EZ_RKNN_RUNTIME")}
ENVIRONMENT["PATH"] = os.path.dirname(sys.executable) + os.pathsep + os.environ["PATH"]
VERSION = re.search(r'^version = "(.*)"', (ROOT / "pyproject.toml").read_text(), re.M)[1]


def command(*arguments, cwd=None, **environment):
    done = subprocess.run(
        [str(a) for a in arguments], capture_output=True, text=True, env=ENVIRONMENT | environment, cwd=cwd
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def archives(tmp_path_factory):
    folder = tmp_path_factory.mktemp("packages")
    built = build("ez_rknn", "rknnrt_ez", "rknnrt")
    for kind in ("TGZ", *(["DEB"] if shutil.which("dpkg-deb") else [])):
        command("cpack", "-G", kind, "-B", folder, "--config", built / "CPackConfig.cmake", cwd=built)
    return folder


@pytest.fixture(scope="module")
def unpacked(archives, tmp_path_factory):
    """The folder that lib and include lie in, out of the archive."""
    (archive,) = archives.glob("*.tar.gz")
    folder = tmp_path_factory.mktemp("unpacked")
    with tarfile.open(archive) as files:
        files.extractall(folder, filter="data")
    (library,) = folder.glob("**/libez_rknn.so")
    while library.name not in ("lib", "lib64"):
        library = library.parent
    return library.parent


@pytest.mark.contract("1.12/native-package")
def test_the_archive_is_whole(unpacked, archives):
    (archive,) = archives.glob("*.tar.gz")
    assert archive.name == f"ez-rknn-{VERSION}-linux-{os.uname().machine}.tar.gz"
    names = {path.name for path in unpacked.rglob("*")}
    assert {p.name for p in (ROOT / "include/ez_rknn").glob("*.hpp")} <= names
    for name in ("libez_rknn.so", "librknnrt_ez.so", "ez_rknn.pc", "ez_rknnConfig.cmake", "librknnrt.so", "rknn_api.h"):
        assert name in names, name


@pytest.mark.skipif(not shutil.which("dpkg-deb"), reason="needs dpkg-deb")
def test_the_debian_package_says_what_it_needs(archives, tmp_path):
    (package,) = archives.glob("*.deb")
    fields = dict(line.split(": ", 1) for line in command("dpkg-deb", "-f", package).splitlines() if ": " in line)
    assert fields["Package"] == "ez-rknn" and fields["Version"].startswith(VERSION)
    assert fields["Architecture"] == {"x86_64": "amd64", "aarch64": "arm64"}[os.uname().machine]
    assert "libc6" in fields["Depends"]
    command("dpkg-deb", "-x", package, tmp_path)
    assert list(tmp_path.glob("usr/**/libez_rknn.so")) and list(tmp_path.glob("usr/**/vendor/lib/librknnrt.so"))
    # Only what Depends names, and itself, is asked for.
    for library in tmp_path.glob("usr/**/lib*.so"):
        needed = re.findall(r"NEEDED.*\[(.*)\]", command("readelf", "-d", library))
        assert set(needed) <= {"libc.so.6", "libm.so.6", "libstdc++.so.6", "libgcc_s.so.1", "ld-linux-x86-64.so.2"}, (
            needed
        )


def test_a_program_for_librknnrt_runs(unpacked, tmp_path):
    """docs/packages.md: compiled against the vendor's names, it asks for librknnrt.so and gets ours, or a board's."""
    (vendor,) = unpacked.glob("**/ez_rknn/vendor")
    assert "[librknnrt.so]" in command("readelf", "-d", vendor / "lib/librknnrt.so")  # its soname
    program = tmp_path / "classify"
    source = ROOT / "tests/vendor_program/classify.c"
    flags = ("-std=c11", "-Wall", "-Werror", "-I", vendor / "include", "-L", vendor / "lib")
    command(os.environ.get("CC", "cc"), *flags, source, "-o", program, "-lrknnrt")
    needed = re.findall(r"NEEDED.*\[(.*)\]", command("readelf", "-d", program))
    assert "librknnrt.so" in needed and not any("ez" in name for name in needed)

    session = ez.InferenceSession(DIGITS)
    for k, image in enumerate(np.load(MODELS / "digits/digits_test.npz")["images"][:4]):
        (tmp_path / "picture.raw").write_bytes(image.tobytes())
        text = command(program, DIGITS, tmp_path / "picture.raw", LD_LIBRARY_PATH=str(vendor / "lib"))
        (scores,) = session.run(None, [image.reshape(1, 1, 32, 32)])
        assert f"best {scores.argmax()} {scores.max():.6g}" in text, (k, text)
        assert "input image" in text and "runtime" in text
