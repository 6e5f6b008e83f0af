"""Which librknnrt is used. A device is faked below EZ_RKNN_DEVICE_ROOT, a vendor's library by LD_LIBRARY_PATH."""

import os
import shutil
import subprocess
import sys

import pytest

import ez_rknn_async as ez

CODE = """
import sys, ez_rknn_async as ez
session = ez.InferenceSession(sys.argv[1], provider_options=eval(sys.argv[2]), providers=eval(sys.argv[3]))
print(session.get_providers()[0], session.get_runtime()["path"], ez.npu_present())
"""


@pytest.fixture
def choose(tmp_path, fake_library, seed):
    """choose(device=..., vendor=..., options=..., **environment) -> (provider, path) in a process of its own."""
    (tmp_path / "lib").mkdir()
    (tmp_path / "root/sys/class/drm").mkdir(parents=True)
    shutil.copy(fake_library, tmp_path / "fake_copy.so")

    def run(device=None, vendor=False, options=None, providers=None, **environment):
        root = tmp_path / "root"
        shutil.rmtree(root)
        (root / "sys/class/drm").mkdir(parents=True)
        if device == "dev":
            (root / "dev").mkdir()
            (root / "dev/rknpu").touch()
        elif device:
            (root / "sys/class/drm/card1/device").mkdir(parents=True)
            (root / "sys/class/drm/card1/device/driver").symlink_to(f"../../../../bus/platform/drivers/{device}")
        (tmp_path / "lib/librknnrt.so").unlink(missing_ok=True)
        if vendor:
            shutil.copy(fake_library, tmp_path / "lib/librknnrt.so")
        environment = (
            os.environ | {"EZ_RKNN_DEVICE_ROOT": str(root), "LD_LIBRARY_PATH": str(tmp_path / "lib")} | environment
        )
        return subprocess.run(
            [sys.executable, "-c", CODE, str(seed), repr(options or {}), repr(providers)],
            capture_output=True,
            text=True,
            env=environment,
        )

    def choose(*arguments, **more):
        result = run(*arguments, **more)
        assert result.returncode == 0, result.stderr
        provider, path, _ = result.stdout.split()
        return provider, os.path.basename(path)

    choose.run = run
    choose.folder = tmp_path
    return choose


NPU, SOFTWARE = "RKNPU2ExecutionProvider", "SoftwareRKNPU2ExecutionProvider"


@pytest.mark.contract("1.12/runtime-library")
def test_by_itself(choose):
    assert choose() == (SOFTWARE, "librknnrt_ez.so")
    assert choose(vendor=True) == (SOFTWARE, "librknnrt_ez.so")  # a library alone is no NPU
    assert choose(device="RKNPU", vendor=True) == (NPU, "librknnrt.so")
    assert choose(device="dev", vendor=True) == (NPU, "librknnrt.so")
    assert choose(device="rockchip-vop", vendor=True) == (SOFTWARE, "librknnrt_ez.so")


def test_a_device_without_the_vendors_library_says_so_and_works(choose):
    result = choose.run(device="RKNPU")
    assert result.stdout.startswith(SOFTWARE) and "librknnrt.so cannot be loaded" in result.stderr


def test_explicitly(choose):
    copy = str(choose.folder / "fake_copy.so")
    assert choose(options={"runtime": copy}) == (NPU, "fake_copy.so")
    assert choose(options={"runtime": "NPU"}, vendor=True) == (NPU, "librknnrt.so")
    assert choose(options={"runtime": "software"}, device="RKNPU", vendor=True) == (SOFTWARE, "librknnrt_ez.so")
    assert choose(providers=[SOFTWARE], device="RKNPU", vendor=True) == (SOFTWARE, "librknnrt_ez.so")


@pytest.mark.contract("1.9/rknpu2-library")
def test_by_environment(choose):
    copy = str(choose.folder / "fake_copy.so")
    assert choose(EZ_RKNN_RUNTIME=copy) == (NPU, "fake_copy.so")
    assert choose(ZTU_RKNPU2_RUNTIME_LIBRARY=copy) == (NPU, "fake_copy.so")
    assert choose(EZ_RKNN_RUNTIME="software", ZTU_RKNPU2_RUNTIME_LIBRARY=copy) == (SOFTWARE, "librknnrt_ez.so")
    assert choose(EZ_RKNN_RUNTIME="npu", options={"runtime": "software"}) == (SOFTWARE, "librknnrt_ez.so")
    assert choose(EZ_RKNN_RUNTIME="", ZTU_RKNPU2_RUNTIME_LIBRARY="") == (SOFTWARE, "librknnrt_ez.so")


@pytest.mark.contract("3/33")
def test_what_is_asked_for_and_missing_lists_every_path(choose):
    for arguments, texts in (
        ({"options": {"runtime": "/no/such.so"}}, ["/no/such.so", 'runtime="/no/such.so"']),
        ({"options": {"runtime": "npu"}}, ["librknnrt.so:", "librknnrt.so.2:"]),
        ({"EZ_RKNN_RUNTIME": "/not/here.so"}, ["EZ_RKNN_RUNTIME=/not/here.so"]),
        ({"ZTU_RKNPU2_RUNTIME_LIBRARY": "libm.so.6"}, ["does not export rknn_init"]),
    ):
        result = choose.run(**arguments)
        assert result.returncode == 1 and "RuntimeMissing" in result.stderr
        assert all(text in result.stderr for text in texts), result.stderr


def test_software_runtime_path():
    assert os.path.basename(ez.software_runtime_path()) == "librknnrt_ez.so"
    assert os.path.exists(ez.software_runtime_path())
