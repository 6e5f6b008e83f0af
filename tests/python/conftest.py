"""Fixtures: the seed model on the software NPU, and sessions on the scripted runtime of tests/fake_rt."""

import ctypes
import gc
import os
import pathlib
import subprocess
import sys

import pytest

import ez_rknn_async as ez

ROOT = pathlib.Path(__file__).resolve().parents[2]
MODELS = ROOT / "models"
SEED = MODELS / "seed"
sys.path[:0] = [str(SEED), str(MODELS / "fixtures"), str(ROOT / "tests" / "contract")]
pytest_plugins = ["contract_plugin"]
for name in ("EZ_RKNN_RUNTIME", "ZTU_RKNPU2_RUNTIME_LIBRARY", "EZ_FAKE_RT"):
    os.environ.pop(name, None)


def build(*targets):
    """Brings targets of the C++ build up to date. Returns its folder, build/release, which is made if missing.

    $EZ_RKNN_BUILD is a folder where they have been built already, on a machine that has a compiler.
    """
    if given := os.environ.get("EZ_RKNN_BUILD"):
        return pathlib.Path(given)
    folder = ROOT / "build" / "release"
    if not (folder / "build.ninja").exists():
        command = ["cmake", "-S", ROOT, "-B", folder, "-G", "Ninja", "-DEZ_RKNN_BUILD_TESTS=ON"]
        subprocess.run([*command, "-DEZ_RKNN_BUILD_FUZZERS=ON"], check=True, stdout=subprocess.DEVNULL)
    subprocess.run(["cmake", "--build", folder, "--target", *targets], check=True, stdout=subprocess.DEVNULL)
    return folder


class FakeRuntime:
    """The scripted runtime; tests/fake_rt/script.hpp says what a script may hold."""

    MODEL = b"RKNN" + bytes(60)

    def __init__(self, path):
        self.path = str(path)
        library = ctypes.CDLL(self.path)
        self._script = library.fake_rknnrt_script
        self._calls = library.fake_rknnrt_calls
        self.live_contexts = library.fake_rknnrt_live_contexts
        self.release = library.fake_rknnrt_release
        self._last_input = library.fake_rknnrt_last_input
        self._last_input.restype = ctypes.c_void_p
        self._trace = library.fake_rknnrt_trace
        self._trace.restype = ctypes.c_char_p

    def open(
        self,
        script="",
        model=MODEL,
        session_class=ez.InferenceSession,
        use_weight_from=None,
        sess_options=None,
        **options,
    ):
        self._script(script.encode())
        options.setdefault("runtime", self.path)
        return session_class(model, sess_options, provider_options=options, use_weight_from=use_weight_from)

    def calls(self, function):
        return self._calls(function.encode())

    def last_input(self):
        """The address of input 0 of the last task."""
        return self._last_input()

    def trace(self):
        return self._trace().decode().split()


@pytest.fixture(scope="session")
def fake_library():
    return build("fake_rknnrt") / "tests" / "fake_rt" / "libfake_rknnrt.so"


@pytest.fixture(scope="session")
def plug_in():
    """A library with the custom operator of models/fixtures/custom_operator_*; tests/plug_in."""
    return build("scaled_softsign") / "tests" / "plug_in" / "librkcst_scaled_softsign.so"


@pytest.fixture(scope="session")
def dual_residual():
    """A library with the custom operator of a vendor's example model; tests/plug_in."""
    return build("dual_residual") / "tests" / "plug_in" / "librkcst_dual_residual.so"


@pytest.fixture
def fake(fake_library):
    gc.collect()  # sessions in the tracebacks of errors that earlier tests expected
    return FakeRuntime(fake_library)


@pytest.fixture(scope="session")
def seed():
    return SEED / "seed_i8.rknn"


@pytest.fixture(scope="session")
def seed_case():
    from seed_case import SeedCase

    return SeedCase()
