"""`ez-rknn doctor` on machines that are faked below EZ_RKNN_DEVICE_ROOT."""

import json
import os
import shutil
import subprocess
import sys

import pytest
from conftest import MODELS

DIGITS = MODELS / "digits" / "digits_i8.rknn"


@pytest.fixture
def machine(tmp_path):
    """An empty root; the methods furnish it. doctor(arguments..., **environment) -> (exit code, facts, text)"""

    class Machine:
        root = tmp_path / "root"

        def write(self, path, text=""):
            file = self.root / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
            return file

        def npu(self, name="card1", node=True):
            device = self.root / "sys/class/drm" / name / "device"
            device.mkdir(parents=True)
            (device / "driver").symlink_to("../../../../bus/platform/drivers/RKNPU")
            return self.write(f"dev/dri/{name}") if node else None

        def doctor(self, *arguments, **environment):
            known = {k: v for k, v in os.environ.items() if k not in ("EZ_RKNN_RUNTIME", "ZTU_RKNPU2_RUNTIME_LIBRARY")}
            known |= {"EZ_RKNN_DEVICE_ROOT": str(self.root), "LD_LIBRARY_PATH": str(tmp_path / "lib")} | environment
            command = [sys.executable, "-m", "ez_rknn_async", "doctor", *map(str, arguments)]
            plain = subprocess.run(command, capture_output=True, text=True, env=known)
            found = subprocess.run([*command, "--json"], capture_output=True, text=True, env=known)
            assert plain.returncode == found.returncode, plain.stderr + found.stderr
            return plain.returncode, json.loads(found.stdout), plain.stdout

        def vendor_library(self, fake_library):
            (tmp_path / "lib").mkdir()
            shutil.copy(fake_library, tmp_path / "lib/librknnrt.so")

    Machine.root.mkdir()
    return Machine()


def test_a_machine_without_an_npu(machine):
    code, facts, text = machine.doctor(DIGITS)
    assert code == 0
    assert facts["runtime"]["software"] and not facts["npu"]["present"]
    assert facts["advice"] == []
    assert "the software NPU: there is no NPU" in text
    assert "for rk3588 by 2.3.2" in text and "loads    yes" in text
    assert "nothing to do" in text


def test_an_npu_with_everything(machine, fake_library):
    machine.npu()
    machine.vendor_library(fake_library)
    machine.write("proc/device-tree/compatible", "vendor,board\0rockchip,rk3588\0")
    machine.write("sys/module/rknpu/version", "0.9.8\n")
    code, facts, text = machine.doctor()
    assert code == 0
    assert os.path.basename(facts["runtime"]["path"]) == "librknnrt.so" and not facts["runtime"]["software"]
    assert facts["npu"]["chip"] == "rk3588" and facts["npu"]["driver"] == "0.9.8"
    assert facts["npu"]["devices"][0]["may_open"]
    assert facts["advice"] == []
    assert "there is an NPU" in text and "0.9.8" in text and "may be opened by this user" in text


def test_a_missing_vendor_library(machine):
    machine.npu()
    code, facts, text = machine.doctor()
    assert code == 0  # the software NPU runs models
    assert [a["path"] for a in facts["runtime"]["attempts"]][:2] == ["librknnrt.so", "librknnrt.so.2"]
    assert len(facts["advice"]) == 1 and "install the vendor's librknnrt.so" in facts["advice"][0]
    assert "tried    librknnrt.so: librknnrt.so: cannot open" in text


def test_a_container_without_privileges(machine, fake_library):
    machine.write(".dockerenv")
    machine.write("proc/device-tree/compatible", "rockchip,rk3588")
    assert "--privileged" in machine.doctor()[1]["advice"][0]
    machine.npu(node=False)  # sysfs shows the host's device, /dev does not
    machine.vendor_library(fake_library)
    _, facts, text = machine.doctor()
    assert facts["npu"]["devices"][0]["exists"] is False
    assert any("--device" in a for a in facts["advice"])
    assert "inside a container" in text


def test_a_kernel_without_the_driver(machine):
    machine.write("proc/device-tree/compatible", "rockchip,rk3588")
    assert "dmesg" in machine.doctor()[1]["advice"][0]
    accel = machine.root / "sys/class/accel/accel0/device"
    accel.mkdir(parents=True)
    (accel / "driver").symlink_to("../../bus/platform/drivers/rocket")
    assert "open driver rocket" in machine.doctor()[1]["advice"][0]


def test_a_device_that_may_not_be_opened():
    """Nobody keeps root from opening a file, so the rule is asked directly."""
    from ez_rknn_async import diagnosis

    device = {"path": "/dev/dri/card1", "exists": True, "may_open": False, "group": "render"}
    npu = {"present": True, "devices": [device], "chip": "rk3588", "container": False, "open_driver": False}
    runtime = {
        "path": "/usr/lib/librknnrt.so",
        "software": False,
        "asked_by": "",
        "attempts": [{"path": "librknnrt.so", "why_not": ""}],
    }
    (text,) = diagnosis.advice({"runtime": runtime, "npu": npu})
    assert "usermod -aG render" in text


def test_nothing_can_be_loaded(machine):
    code, facts, text = machine.doctor(DIGITS, "--runtime", "/no/such.so")
    assert code == 1
    assert facts["runtime"]["path"] is None
    assert facts["runtime"]["asked_by"] == 'runtime="/no/such.so"'
    assert "tried    /no/such.so: " in text
    code, facts, _ = machine.doctor(EZ_RKNN_RUNTIME="/other.so")
    assert code == 1 and facts["runtime"]["asked_by"] == "EZ_RKNN_RUNTIME=/other.so"


def test_a_damaged_model(machine, tmp_path):
    damaged = tmp_path / "damaged.rknn"
    damaged.write_bytes(DIGITS.read_bytes()[:3000])
    code, facts, text = machine.doctor(damaged)
    assert code == 1
    assert "copy or compile it again" in facts["advice"][0]
    assert "loads    NO: " in text
    code, facts, _ = machine.doctor(tmp_path / "missing.rknn")
    assert code == 1 and "missing.rknn" in facts["model"]["error"]


@pytest.mark.parametrize(
    ("ret", "said"),
    [
        (-6, "was compiled by rknn-toolkit2 2.3.2, format version 6. Update librknnrt.so to 2.3.2 or newer"),
        (-12, "the model is compiled for rk3588"),
        (-3, "found no NPU"),
    ],
)
def test_a_vendor_library_that_refuses_the_model(machine, fake_library, ret, said):
    machine.npu()
    machine.vendor_library(fake_library)
    code, facts, text = machine.doctor(DIGITS, EZ_FAKE_RT=f"fail=init:{ret}")
    assert code == 1
    assert any(said in a for a in facts["advice"]), facts
    assert said in text
