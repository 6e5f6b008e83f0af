"""What `ez-rknn doctor` finds out: which runtime is used and why, the NPU's device and driver, a model against both, and what to do."""

from __future__ import annotations

import os
import pathlib
import re
import stat
from collections.abc import Iterable
from typing import Any

from . import _core, errors
from ._file import describe
from .session import InferenceSession

DRIVER_VERSIONS = ("sys/kernel/debug/rknpu/version", "proc/rknpu/version", "sys/module/rknpu/version")
INVALID_MODEL, WRONG_CHIP, NO_DEVICE, NO_MEMORY = -6, -12, -3, -4


def examine(model: str | None = None, runtime: str | None = None) -> dict[str, Any]:
    """Everything as plain values. "advice" is empty when there is nothing to do; "usable" is False when nothing can run."""
    root = pathlib.Path(os.environ.get("EZ_RKNN_DEVICE_ROOT") or "/")
    facts: dict[str, Any] = {"runtime": _core.examine_runtimes(runtime or ""), "npu": npu(root)}
    if model is not None:
        facts["model"] = model_facts(model, facts["runtime"])
    facts["usable"] = facts["runtime"]["path"] is not None and "error" not in facts.get("model", {})
    facts["advice"] = advice(facts)
    return facts


def npu(root: pathlib.Path) -> dict[str, Any]:
    nodes = [root / "dev/rknpu"] if (root / "dev/rknpu").exists() else []
    drivers: dict[str, str] = {}
    for entry in sorted((root / "sys/class/drm").glob("*")) + sorted((root / "sys/class/accel").glob("*")):
        driver = entry / "device/driver"
        if driver.is_symlink():
            drivers[entry.name] = os.path.basename(os.readlink(driver))
    nodes += [root / "dev/dri" / name for name, driver in drivers.items() if driver.lower() == "rknpu"]
    return {
        "present": _core.npu_present(),
        "devices": [device(path) for path in nodes],
        "driver": first_line(root / name for name in DRIVER_VERSIONS),
        "chip": chip(root),
        "open_driver": "rocket" in drivers.values(),
        "container": (root / ".dockerenv").exists() or (root / "run/.containerenv").exists(),
    }


def device(path: pathlib.Path) -> dict[str, Any]:
    try:
        status = path.stat()
    except OSError as e:
        return {"path": str(path), "exists": False, "may_open": False, "why_not": e.strerror}
    return {
        "path": str(path),
        "exists": True,
        "may_open": os.access(path, os.R_OK | os.W_OK),
        "mode": stat.filemode(status.st_mode),
        "owner": name_of("pwd", status.st_uid),
        "group": name_of("grp", status.st_gid),
    }


def name_of(database: str, number: int) -> str:
    try:
        if database == "pwd":
            import pwd

            return pwd.getpwuid(number).pw_name
        import grp

        return grp.getgrgid(number).gr_name
    except KeyError:
        return str(number)


def first_line(paths: Iterable[pathlib.Path]) -> str | None:
    for path in paths:
        try:
            return path.read_text(errors="replace").strip().splitlines()[0]
        except (OSError, IndexError):
            continue
    return None


def chip(root: pathlib.Path) -> str | None:
    """The device tree's name for the machine's chip: "rk3588"."""
    try:
        names = (root / "proc/device-tree/compatible").read_text(errors="replace").split("\0")
    except OSError:
        return None
    return next((name.split(",", 1)[1] for name in reversed(names) if name.startswith("rockchip,")), None)


def model_facts(path: str, runtime: dict[str, Any]) -> dict[str, Any]:
    facts: dict[str, Any] = {"path": path}
    try:
        said = describe(path)
        facts |= {key: said[key] for key in ("target", "compiler_version", "format_version", "weights_removed")}
    except (OSError, ValueError) as e:
        return facts | {"error": str(e), "code": None}
    if runtime["path"] is None or facts["weights_removed"]:
        return facts
    try:
        with InferenceSession(path, provider_options={"runtime": runtime["path"]}) as session:
            used = session.get_runtime()
        return facts | {"runtime_version": used["version"], "driver_version": used["driver"]}
    except errors.Error as e:
        code = (
            e.rknn_ret
            if isinstance(e, errors.DeviceError)
            else INVALID_MODEL
            if isinstance(e, errors.ModelError)
            else None
        )
        return facts | {"error": str(e), "code": code}


def advice(facts: dict[str, Any]) -> list[str]:
    runtime, hardware, model = facts["runtime"], facts["npu"], facts.get("model", {})
    found = []
    closed = [d for d in hardware["devices"] if not d["may_open"]]
    if runtime["path"] is None:
        found.append("no runtime can be loaded: see what was tried, and correct the option or the environment variable")
    if hardware["present"] and runtime["software"] and not runtime["asked_by"]:
        found.append(
            "there is an NPU, but librknnrt.so is missing or cannot be loaded: install the vendor's librknnrt.so (aarch64) into /usr/lib, "
            "or give its path in EZ_RKNN_RUNTIME"
        )
    for d in closed:
        if d["exists"]:
            found.append(
                f"{d['path']} may not be opened by this user: join its group (sudo usermod -aG {d['group']} $USER, then log in again)"
            )
        elif hardware["container"]:
            found.append(
                f"{d['path']} is not in this container: run it with --privileged, or with --device {d['path']}"
            )
    if hardware["container"] and not hardware["devices"] and is_rockchip(hardware["chip"]):
        found.append("this container sees no NPU: run it with --privileged, or with --device /dev/dri (or /dev/rknpu)")
    elif is_rockchip(hardware["chip"]) and not hardware["present"]:
        found.append(
            "the chip has an NPU that the kernel does not offer: librknnrt needs the vendor's rknpu driver"
            + (
                ", and this kernel has the open driver rocket instead"
                if hardware["open_driver"]
                else " (dmesg | grep -i rknpu)"
            )
        )
    if "error" in model:
        found += model_advice(model, runtime)
    elif model.get("weights_removed"):
        found.append("the file has no weights: it can only be loaded with use_weight_from")
    return found


def is_rockchip(name: str | None) -> bool:
    return name is not None and re.match(r"r[kv]\d", name) is not None


def model_advice(model: dict[str, Any], runtime: dict[str, Any]) -> list[str]:
    code = model["code"]
    if "compiler_version" not in model:
        return ["the file cannot be read as a .rknn model: copy or compile it again"]
    number = re.match(r"\d+(\.\d+)*", model["compiler_version"])
    version = number[0] if number else "of an unknown version"
    if code == INVALID_MODEL and not runtime["software"]:
        return [
            f"the runtime does not accept the model ('invalid model version' in its log): it was compiled by rknn-toolkit2 {version}, "
            f"format version {model['format_version']}. Update librknnrt.so to {version} or newer, or compile with the toolkit of "
            "the runtime's version"
        ]
    if code == WRONG_CHIP:
        return [f"the model is compiled for {model['target']}: compile it for this chip"]
    if code == NO_DEVICE:
        return ["the runtime found no NPU: is the device node there, may it be opened, is another process holding it?"]
    if code == NO_MEMORY:
        return ["the NPU's memory did not suffice: close other sessions, or use a smaller model"]
    return []
