"""The C++ library as its users meet it: installed into a folder of its own, found by CMake and by pkg-config, its examples run."""

import os
import pathlib
import re
import shutil
import subprocess
import sys

import numpy as np
import pytest
from conftest import MODELS, ROOT, build

import ez_rknn_async as ez

pytestmark = pytest.mark.timeout(1200)  # it compiles

HEADERS = sorted(path.name for path in (ROOT / "include/ez_rknn").glob("*.hpp"))
EXAMPLES = ROOT / "examples/cpp"
MODEL = MODELS / "digits/digits_i8.rknn"
COMPILER = os.environ.get("CXX", "g++")
PROGRAMS = ("classify", "callbacks", "futures", "pipeline", "batch", "errors", "detect")

# cmake and ninja of the environment that runs the tests; nothing may be found by accident
ENVIRONMENT = {k: v for k, v in os.environ.items() if k not in ("LD_LIBRARY_PATH", "CPATH", "EZ_RKNN_RUNTIME")}
ENVIRONMENT["PATH"] = os.path.dirname(sys.executable) + os.pathsep + os.environ["PATH"]


def command(*arguments, **environment):
    done = subprocess.run([str(a) for a in arguments], capture_output=True, text=True, env=ENVIRONMENT | environment)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return tmp_path_factory.mktemp("library")


@pytest.fixture(scope="module")
def prefix(place):
    """An installed library, moved after the installation: it must not know where it lies."""
    command("cmake", "--install", build("ez_rknn", "rknnrt_ez"), "--prefix", place / "at_first")
    return (place / "at_first").rename(place / "moved")


def library_folder(prefix):
    return next(prefix.glob("**/pkgconfig")).parent


@pytest.fixture(scope="module")
def programs(prefix, place):
    """The folder with the examples, built by a project outside that knows the prefix only."""
    shutil.copytree(EXAMPLES, place / "source")
    cached = {
        "CCACHE_BASEDIR": str(place),
        "CCACHE_NOHASHDIR": "1",
    }  # the folder differs from run to run, the text does not
    if shutil.which("ccache"):
        cached["CMAKE_CXX_COMPILER_LAUNCHER"] = "ccache"
    command(
        "cmake", "-S", place / "source", "-B", place / "build", "-G", "Ninja", f"-DCMAKE_PREFIX_PATH={prefix}", **cached
    )
    command("cmake", "--build", place / "build", **cached)
    return place / "build"


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """(paths, digits): eight pictures as PGM files and what a Python session takes them for."""
    folder = tmp_path_factory.mktemp("pictures")
    session = ez.InferenceSession(MODEL)
    paths, digits = [], []
    for k, image in enumerate(np.load(MODELS / "digits/digits_test.npz")["images"][:8, :, :, 0]):
        paths.append(folder / f"{k}.pgm")
        paths[-1].write_bytes(b"P5 %d %d 255\n" % image.shape[::-1] + image.tobytes())
        digits.append(int(session.run(None, [image[None, None]])[0].argmax()))
    assert len(set(digits)) > 3  # a program that always says the same is no classifier
    return paths, digits


def test_every_header_is_installed_and_stands_alone(prefix, tmp_path):
    installed = prefix / "include/ez_rknn"
    assert sorted(path.name for path in installed.iterdir()) == HEADERS
    sources = []
    for name in HEADERS:
        text = (installed / name).read_text()
        assert set(re.findall(r'#include "([^"]*)"', text)) <= {f"ez_rknn/{other}" for other in HEADERS}, name
        assert "src/" not in text, name
        sources.append(tmp_path / f"{name}.cpp")
        sources[-1].write_text(2 * f"#include <ez_rknn/{name}>\n")
    strict = ("-std=c++20", "-Wall", "-Wextra", "-Wshadow", "-Wconversion", "-Werror", "-fsyntax-only")
    command(COMPILER, *strict, "-I", prefix / "include", *sources)


def test_only_the_interface_is_exported(prefix):
    library = library_folder(prefix) / "libez_rknn.so"
    names = [line.split(" ", 2)[2] for line in command("nm", "-DC", "--defined-only", library).splitlines()]
    names = [name for name in names if name != "EZ_RKNN"]  # the version's own symbol
    names = [name.split("@@")[0] for name in names]
    assert any(name.startswith("ez_rknn::Session::run(") for name in names)
    for error in ("Error", "InvalidArgument", "DeviceError", "QueueFull"):  # caught on the other side
        assert f"typeinfo for ez_rknn::{error}" in names
    foreign = [n for n in names if not re.match(r"((vtable|typeinfo|typeinfo name) for )?ez_rknn::", n)]
    assert not foreign
    internal = ("Engine", "Scheduler", "Delivery", "Executor", "Context", "RuntimeLibrary", "log::")
    assert not [n for n in names if n.startswith(tuple(f"ez_rknn::{name}" for name in internal))]
    assert "libez_rknn.so.0.1" in command("readelf", "-d", library)


def test_the_examples_are_short_and_all_are_built():
    sources = {path.stem: len(path.read_text().splitlines()) for path in EXAMPLES.glob("*.cpp")}
    assert set(sources) == set(PROGRAMS)
    assert max(sources.values()) < 100


def digit_lines(paths, digits):
    return [f"{path}: {digit}" for path, digit in zip(paths, digits, strict=True)]


@pytest.mark.contract("1.10/session", "1.10/cmake")
def test_classify_uses_the_installed_software_npu(prefix, programs, pictures):
    paths, digits = pictures
    lines = command(programs / "classify", MODEL, *paths, EZ_RKNN_DEVICE_ROOT="/nowhere").splitlines()
    runtime = re.fullmatch(r"runtime  (.*) \(software NPU\)", lines[0])
    assert runtime, lines[0]
    assert pathlib.Path(runtime[1]).samefile(library_folder(prefix) / "librknnrt_ez.so")
    assert lines[1] == "input    image [1, 1, 32, 32] tensor(uint8)" or lines[1].startswith(
        "input    image [1, 1, 32, 32]"
    )
    assert [line.split(", score")[0] for line in lines[3:]] == digit_lines(paths, digits)


@pytest.mark.contract("1.10/session", "1.12/examples")
@pytest.mark.parametrize("program", ["callbacks", "pipeline", "batch", "futures"])
def test_the_other_examples_say_the_same(programs, pictures, program):
    paths, digits = pictures
    expected = digit_lines(paths, digits)
    lines = command(programs / program, MODEL, *paths).splitlines()
    if program == "futures":  # collects from the back
        expected.reverse()
    if program == "batch":
        assert lines.pop(0) == "output [8, 10]"
    if program == "callbacks":
        assert lines.pop() == "8 delivered, 0 failed"
    assert lines == expected


def test_detect(programs, tmp_path):
    """What the Python example finds, to the pixel's tenth."""
    sys.path[:0] = [str(ROOT / "examples"), str(MODELS / "shapes")]
    import detect_video as example

    model = MODELS / "shapes/shapes_i8.rknn"
    session = ez.InferenceSession(model, provider_options={"layout": "nhwc"})
    for frame, _ in example.video(3):
        (tmp_path / "frame.ppm").write_bytes(b"P6 96 96 255\n" + frame.tobytes())
        said = command(programs / "detect", model, tmp_path / "frame.ppm").splitlines()[1:]
        found = example.decode(session.run(None, [frame[None]]))
        assert len(said) == len(found) == 3
        for line, (kind, score, corners) in zip(sorted(said), sorted(found), strict=True):
            name, *numbers = line.split()
            assert name == example.CLASSES[kind]
            np.testing.assert_allclose([float(n) for n in numbers], [score, *corners], atol=0.051)


@pytest.mark.contract("1.10/options")
def test_errors_are_typed(programs, pictures):
    paths, digits = pictures
    lines = command(programs / "errors", MODEL, paths[0]).splitlines()
    starts = [
        f"a missing file: NoSuchFile: {MODEL}.missing",
        f"a file of another kind: ModelError: {paths[0]}: not a .rknn model",
        "an option out of range: code 1: max_queue_size",
        "an unknown option by name: code 1: ",
        "a runtime that is not there: code 5: cannot load the runtime library",
        "  /nowhere/librknnrt.so: ",
        'refused: input "image": ',
        f"digit {digits[0]}",
        "a wrong shape, then the right one: no error",
        "a closed session: code 9: ",
    ]
    assert len(lines) == len(starts), lines
    for line, start in zip(lines, starts, strict=True):
        assert line.startswith(start)


@pytest.mark.skipif(not shutil.which("pkg-config"), reason="needs pkg-config")
def test_pkg_config_and_a_bare_compiler(prefix, pictures, tmp_path):
    paths, digits = pictures
    known = {"PKG_CONFIG_PATH": str(library_folder(prefix) / "pkgconfig")}
    version = re.search(r'^version = "(.*)"', (ROOT / "pyproject.toml").read_text(), re.M)[1]
    assert command("pkg-config", "--modversion", "ez_rknn", **known).strip() == version
    flags = command("pkg-config", "--cflags", "--libs", "ez_rknn", **known).split()
    libraries = command("pkg-config", "--variable=libdir", "ez_rknn", **known).strip()
    assert os.path.isfile(command("pkg-config", "--variable=software_npu", "ez_rknn", **known).strip())
    program = tmp_path / "classify"
    command(COMPILER, "-std=c++20", EXAMPLES / "classify.cpp", "-o", program, *flags, f"-Wl,-rpath,{libraries}")
    assert f"{paths[2]}: {digits[2]}" in command(program, MODEL, paths[2])


@pytest.mark.contract("1.10/cmake")
def test_the_package_names_the_software_npu_and_its_version(prefix, tmp_path):
    (tmp_path / "CMakeLists.txt").write_text(
        "cmake_minimum_required(VERSION 3.18)\nproject(outer LANGUAGES CXX)\n"
        "find_package(ez_rknn ${WANTED} REQUIRED)\n"
        'file(WRITE ${CMAKE_BINARY_DIR}/found "${ez_rknn_SOFTWARE_NPU};${ez_rknn_VERSION}")\n'
        "get_target_property(place ez_rknn::software_npu LOCATION)\n"
        'if(NOT place STREQUAL "${ez_rknn_SOFTWARE_NPU}")\n  message(FATAL_ERROR "${place}")\nendif()\n'
    )
    configure = ("cmake", "-S", tmp_path, "-B", tmp_path / "build", "-G", "Ninja", f"-DCMAKE_PREFIX_PATH={prefix}")
    command(*configure, "-DWANTED=0.1")
    path, version = (tmp_path / "build/found").read_text().split(";")
    assert os.path.isfile(path)
    assert version.startswith("0.1.")
    refused = subprocess.run([*map(str, configure), "-DWANTED=0.2"], capture_output=True, text=True, env=ENVIRONMENT)
    assert refused.returncode != 0
    assert "0.2" in refused.stderr
