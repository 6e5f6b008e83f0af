"""Run a test program on an emulated x86_64 CPU that has AVX-512 VNNI and AMX.

    python tests/emulated/x86.py build/release/tests/unit/unit_npu_kernels [--isa amx] [ARGUMENT...]

qemu stops at AVX2. Bochs 3.0 interprets all of AVX-512 and AMX, at about a hundredth of a real CPU's speed, but only as a whole
machine: so this builds Bochs (Debian's source package, changed in the places listed below), packs the program with the libraries it
needs into an initial ramdisk, boots Debian's kernel with it and passes on what the program prints and its exit status. Needs the
packages of `make dev-tools` and the Debian archive; everything is kept in build/emulated.
"""

import argparse
import hashlib
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
HOME = ROOT / "build" / "emulated"
ARCHIVE = "http://deb.debian.org/debian/pool/main/b/bochs/"
SOURCE = ("bochs_3.0+dfsg.orig.tar.xz", "78f6c73d4a6472d5130a87ab9dc306d02c7c71ed8e25b3a8ef642e2a7acd282b")
BIOS = ("bochsbios_3.0+dfsg-1_all.deb", "13f8f4bdd9bb5c07378b7e39042cb631ebdd41d00b0f1a3091caab17ca946a5b")

# (file, words it has, words to put in their place, once). What Linux wants for AMX and Bochs 3.0 lacks is "extended feature disable": two
# registers and a #NM at a thread's first use of a tile. The Skylake-X model boots Debian's kernel where Sapphire Rapids' does not.
MODEL = "cpu/cpudb/intel/corei7_skylake-x.cc"
CHANGES = [
    (MODEL, "max_std_leaf = 0x16", "max_std_leaf = 0x1E"),
    (
        MODEL,
        "  case 0x00000016:",
        "  case 0x0000001D: return get_std_cpuid_amx_palette_info_leaf(subfunction, leaf);\n"
        "  case 0x0000001E: return get_std_cpuid_amx_tmul_leaf(subfunction, leaf);\n  case 0x00000016:",
    ),
    # Leaf 7: VBMI, VNNI; AMX-BF16, AMX-TILE, AMX-INT8.
    (
        MODEL,
        "ENCHANCED_REP_STRINGS);\n    leaf->ecx = 0;\n    leaf->edx = 0;",
        "ENCHANCED_REP_STRINGS);\n    leaf->ecx = 1u << 1 | 1u << 11;\n    leaf->edx = 1u << 22 | 1u << 24 | 1u << 25;",
    ),
    ("cpu/cpuid.cc", "leaf->eax |= (1<<3);", "leaf->eax |= 1 << 3 | 1 << 4;"),
    (
        "cpu/cpuid.cc",
        "(1 << subfunction)) != 0;",
        "(1 << subfunction)) != 0;\n      if (subfunction == 18) leaf->ecx |= 4;",
    ),
    ("cpu/msr.cc", "#if BX_CPU_LEVEL >= 5", "Bit64u xfd = 0, xfd_error = 0;\n#if BX_CPU_LEVEL >= 5"),
    (
        "cpu/msr.cc",  # 0xe7 and 0xe8 count cycles; the kernel reads them at every tick
        "    if (! msr_desc[index]) return handle_unknown_rdmsr(index, msr);",
        "    if (index == 0x1c4 || index == 0x1c5) return *msr = index == 0x1c4 ? xfd : xfd_error, true;\n"
        "    if (index == 0xe7 || index == 0xe8) return *msr = 0, true;\n"
        "    if (! msr_desc[index]) return handle_unknown_rdmsr(index, msr);",
    ),
    (
        "cpu/msr.cc",
        "    if (! msr_desc[index]) return handle_unknown_wrmsr(index, val_64);",
        "    if (index == 0x1c4) return xfd = val_64, handleAvxModeChange(), true;\n"
        "    if (index == 0x1c5) return xfd_error = val_64, true;\n"
        "    if (! msr_desc[index]) return handle_unknown_wrmsr(index, val_64);",
    ),
    ("cpu/proc_ctrl.cc", "#define LOG_THIS", "extern Bit64u xfd, xfd_error;\n#define LOG_THIS"),
    ("cpu/proc_ctrl.cc", "!= 0)\n    clear_amx_ok();", "!= 0 || (xfd >> 18 & 1))\n    clear_amx_ok();"),
    (
        "cpu/proc_ctrl.cc",
        "XTILEDATA_MASK))\n    exception(BX_UD_EXCEPTION, 0);\n",
        "XTILEDATA_MASK))\n    exception(BX_UD_EXCEPTION, 0);\n"
        "  if (xfd >> 18 & 1) { xfd_error |= 1 << 18; exception(BX_NM_EXCEPTION, 0); }\n",
    ),
    # The product of signed bytes with signed bytes.
    (
        "cpu/avx/amx.cc",
        "Bit32u DPBDSS(Bit32u x, Bit32u y)\n{\n",
        "Bit32u DPBDSS(Bit32u x, Bit32u y)\n{\n  return Bit8s(x) * Bit8s(y) + Bit8s(x >> 8) * Bit8s(y >> 8) +\n"
        "    Bit8s(x >> 16) * Bit8s(y >> 16) + Bit8s(x >> 24) * Bit8s(y >> 24);\n",
    ),
    # A gather whose indices are in one of zmm16 to zmm31 is no illegal instruction.
    (
        "cpu/decoder/fetchdecode32.cc",
        "i->setSibIndex(i->sibIndex() | (vvv & 0x10));",
        "i->setSibIndex(i->sibIndex() | (vvv & 0x10));\n      vvv &= 0xf;",
    ),
]
MACHINE = """\
memory: guest=1024, host=1024
cpu: model=corei7_skylake_x, ips=100000000, add_features="avx512vbmi,avx512vnni,amx,amx_int8,amx_bf16"
romimage: file=bios/usr/share/bochs/BIOS-bochs-latest
vgaromimage: file=bios/usr/share/vgabios/vgabios.bin
ata0: enabled=1, ioaddr1=0x1f0, ioaddr2=0x3f0, irq=14
ata0-master: type=cdrom, path=boot.iso, status=inserted
boot: cdrom
com1: enabled=1, mode=file, dev=serial.txt
log: machine.log
display_library: nogui
info: action=ignore
error: action=ignore
panic: action=fatal
"""
BOOT = """\
DEFAULT linux
LABEL linux
 KERNEL /vmlinuz
 INITRD /initrd.gz
 APPEND console=ttyS0 quiet nokaslr norandmaps mitigations=off panic=-1
"""
INIT = """\
#!/bin/busybox sh
/bin/busybox mount -t proc proc /proc
/bin/busybox mount -t devtmpfs dev /dev
exec > /dev/ttyS0 2>&1
echo BEGIN
{environment} /bin/program {arguments}
echo END $?
/bin/busybox sleep 5
/bin/busybox poweroff -f
"""


def run(*command, **more) -> str:
    return subprocess.run([str(c) for c in command], check=True, text=True, stdout=subprocess.PIPE, **more).stdout


def fetch(name: str, digest: str) -> pathlib.Path:
    file = HOME / name
    if not file.exists():
        with urllib.request.urlopen(ARCHIVE + name, timeout=120) as answer:
            file.write_bytes(answer.read())
    if hashlib.sha256(file.read_bytes()).hexdigest() != digest:
        raise SystemExit(f"{file} is not the file that is expected; delete it to have it fetched again")
    return file


def debian(package: str, to: pathlib.Path) -> None:
    run("apt-get", "-o", "APT::Sandbox::User=root", "download", package, cwd=HOME, stderr=subprocess.DEVNULL)
    run("dpkg-deb", "-x", max(HOME.glob(f"{package}_*.deb"), key=os.path.getmtime), to)


def emulator(instrumentation: pathlib.Path | None = None) -> pathlib.Path:
    """Bochs, with the hooks of a folder of `instrument.h` and `instrument.cc` where one is given."""
    home = HOME / instrumentation.name if instrumentation else HOME
    folder = home / "bochs-3.0"
    program = folder / "bochs"
    if program.exists():
        return program
    shutil.rmtree(folder, ignore_errors=True)
    home.mkdir(exist_ok=True)
    run("tar", "xf", fetch(*SOURCE), cwd=home)
    for name, old, new in CHANGES:
        text = (folder / name).read_text()
        if old not in text:
            raise SystemExit(f"{name}: {old!r} is not there")
        (folder / name).write_text(text.replace(old, new, 1))
    with (home / "build.log").open("w") as log:
        options = ["x86-64", "avx", "evex", "amx", "pci", "all-optimizations", "cdrom"]
        if instrumentation:
            hooks = folder / "instrument" / instrumentation.name
            shutil.copytree(instrumentation, hooks)
            shutil.copy(folder / "instrument" / "stubs" / "Makefile.in", hooks)
            options.append(f"instrumentation=instrument/{hooks.name}")
        command = ["./configure", *(f"--enable-{o}" for o in options), "--with-nogui", "CXXFLAGS=-O3 -march=native"]
        for step in command, ["make", f"-j{os.cpu_count()}"]:
            subprocess.run(step, cwd=folder, stdout=log, stderr=log, check=True)
    return program


def kernel() -> pathlib.Path:
    folder = HOME / "kernel"
    if not folder.exists():
        depends = run("apt-cache", "depends", "linux-image-cloud-amd64")
        debian(re.search(r"Depends: (linux-image-\S+)", depends)[1], folder)
    return next((folder / "boot").glob("vmlinuz-*"))


def bios() -> None:
    folder = HOME / "bios"
    if not folder.exists():
        run("dpkg-deb", "-x", fetch(*BIOS), folder)
        debian("vgabios", folder)


def pack(program: pathlib.Path, environment: dict[str, str], arguments: list[str], files: list[pathlib.Path]) -> None:
    root, disk = HOME / "root", HOME / "disk"
    for folder in root, disk:
        shutil.rmtree(folder, ignore_errors=True)
    for name in "bin", "proc", "dev", "tmp":
        (root / name).mkdir(parents=True)
    (disk / "isolinux").mkdir(parents=True)
    shutil.copy("/bin/busybox", root / "bin")
    run("strip", "-o", root / "bin" / "program", program)
    needed = {str(f.resolve()) for f in files}
    for binary in program, *(f for f in files if f.suffix == ".so"):
        needed |= set(re.findall(r"/\S+\.so\S*", run("ldd", binary)))
    for library in needed:
        (root / library[1:]).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(library, root / library[1:])
    quoted = " ".join("'" + a.replace("'", r"'\''") + "'" for a in arguments)
    assigned = " ".join(f"{k}={v}" for k, v in environment.items())
    (root / "init").write_text(INIT.format(environment=assigned, arguments=quoted))
    (root / "init").chmod(0o755)
    names = run("find", ".", cwd=root)
    archive = subprocess.run(
        ["busybox", "cpio", "-o", "-H", "newc"], cwd=root, input=names.encode(), capture_output=True
    )
    compressed = subprocess.run(["gzip", "-1"], input=archive.stdout, capture_output=True, check=True).stdout
    (disk / "initrd.gz").write_bytes(compressed)
    shutil.copy(kernel(), disk / "vmlinuz")
    for file in "/usr/lib/ISOLINUX/isolinux.bin", "/usr/lib/syslinux/modules/bios/ldlinux.c32":
        shutil.copy(file, disk / "isolinux")
    (disk / "isolinux" / "isolinux.cfg").write_text(BOOT)
    boot = [
        "-b",
        "isolinux/isolinux.bin",
        "-c",
        "isolinux/boot.cat",
        "-no-emul-boot",
        "-boot-load-size",
        "4",
        "-boot-info-table",
    ]
    run("xorriso", "-as", "mkisofs", "-quiet", "-o", HOME / "boot.iso", *boot, disk, stderr=subprocess.DEVNULL)


def boot(limit: float, program: pathlib.Path, echo: bool = True) -> tuple[int, str]:
    """The program's exit status and what it printed."""
    serial = HOME / "serial.txt"
    serial.unlink(missing_ok=True)
    (HOME / "machine").write_text(MACHINE)
    machine = subprocess.Popen(
        [program, "-q", "-f", "machine"], cwd=HOME, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    shown, end, text = 0, time.monotonic() + limit, ""
    try:
        while time.monotonic() < end:
            alive = machine.poll() is None
            text = serial.read_text(errors="replace").replace("\r", "") if serial.exists() else ""
            begin, over = text.find("BEGIN\n"), re.search(r"^END (\d+)$", text, re.MULTILINE)
            if begin >= 0:
                stop = over.start() if over else len(text)
                if echo:
                    print(text[max(shown, begin + 6) : stop], end="", flush=True)
                shown = stop
            if over:
                return int(over[1]), text[begin + 6 : over.start()]
            if not alive:
                break
            time.sleep(1)
    finally:
        machine.kill()
        machine.wait()
    print(f"{text[-1000:]}\nno end of the program after {limit:.0f} s, or the machine stopped: {HOME / 'machine.log'}")
    return 1, text


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", type=pathlib.Path)
    parser.add_argument("--isa", default="", help="value of EZ_RKNN_ISA")
    parser.add_argument("--limit", type=float, default=3 * 3600, help="seconds")
    known, arguments = parser.parse_known_args()
    HOME.mkdir(parents=True, exist_ok=True)
    machine = emulator()
    bios()
    pack(known.program, {"EZ_RKNN_ISA": known.isa} if known.isa else {}, arguments, [])
    return boot(known.limit, machine)[0]


if __name__ == "__main__":
    sys.exit(main())
