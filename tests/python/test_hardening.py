"""The installed libraries as docs/security.md says they are built, read from their ELF headers."""

import importlib.util
import pathlib
import platform
import struct

import pytest

import ez_rknn_async as ez

PT_LOAD, PT_DYNAMIC, GNU_STACK, GNU_RELRO = 1, 2, 0x6474E551, 0x6474E552
EXECUTABLE, WRITABLE = 1, 2
DT_STRTAB, DT_SYMTAB, DT_FLAGS, DT_FLAGS_1, DT_TEXTREL, DT_STRSZ = 5, 6, 30, 0x6FFFFFFB, 22, 10
BIND_NOW, NOW, TEXTREL = 8, 1, 4


class Elf:
    """A 64-bit little-endian shared library."""

    def __init__(self, path):
        self.data = pathlib.Path(path).read_bytes()
        assert self.data[:6] == b"\x7fELF\x02\x01"
        at, size, count = struct.unpack_from("<Q", self.data, 32)[0], *struct.unpack_from("<HH", self.data, 54)
        # type, flags, offset, address, physical, bytes in the file, bytes in memory, alignment
        self.segments = [struct.unpack_from("<IIQQQQQQ", self.data, at + size * k) for k in range(count)]
        (dynamic,) = (s for s in self.segments if s[0] == PT_DYNAMIC)
        entries = struct.iter_unpack("<QQ", self.data[dynamic[2] : dynamic[2] + dynamic[5]])
        self.dynamic = dict(entry for entry in entries if entry[0])

    def offset(self, address):
        (segment,) = (s for s in self.segments if s[0] == PT_LOAD and s[3] <= address < s[3] + s[5])
        return address - segment[3] + segment[2]

    def texts(self):
        start = self.offset(self.dynamic[DT_STRTAB])
        return set(self.data[start : start + self.dynamic[DT_STRSZ]].split(b"\0"))


def libraries():
    package = pathlib.Path(importlib.util.find_spec("ez_rknn_async._core").origin)
    return [package, pathlib.Path(importlib.util.find_spec("ez_rknn_async._file").origin), ez.software_runtime_path()]


@pytest.fixture(params=libraries(), ids=lambda path: pathlib.Path(path).name.split(".")[0])
def elf(request):
    return Elf(request.param)


def test_no_segment_is_writable_and_executable(elf):
    loads = [s for s in elf.segments if s[0] == PT_LOAD]
    assert any(flags & EXECUTABLE for _, flags, *_ in loads) and any(flags & WRITABLE for _, flags, *_ in loads)
    for kind, flags, *_ in elf.segments:
        assert kind not in (PT_LOAD, GNU_STACK) or flags & (WRITABLE | EXECUTABLE) != WRITABLE | EXECUTABLE


def test_the_stack_is_not_executable(elf):
    (stack,) = (s for s in elf.segments if s[0] == GNU_STACK)
    assert not stack[1] & EXECUTABLE


def test_relocations_are_done_at_once_and_then_read_only(elf):
    assert any(s[0] == GNU_RELRO for s in elf.segments)
    assert elf.dynamic.get(DT_FLAGS, 0) & BIND_NOW or elf.dynamic.get(DT_FLAGS_1, 0) & NOW
    assert DT_TEXTREL not in elf.dynamic and not elf.dynamic.get(DT_FLAGS, 0) & TEXTREL


def test_stack_protector_and_fortified_calls(elf):
    texts = elf.texts()
    assert b"__stack_chk_fail" in texts
    if platform.libc_ver()[0] == "glibc":
        assert any(text.startswith(b"__") and text.endswith(b"_chk") for text in texts)
