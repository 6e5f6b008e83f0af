#!/usr/bin/env python3
"""Writes the seed corpora of the small fuzz targets, fuzz/corpus/TARGET. Those of the big ones are the models of the repository.

usage: seeds.py        from an environment with the package, for the register commands of models/fixtures
"""

import pathlib
import re
import struct
import sys

from ez_rknn_async import _file

FUZZ = pathlib.Path(__file__).resolve().parent
FIXTURES = FUZZ.parent / "models" / "fixtures"
CHIPS = ["rk3588", "rk3566", "rk3562", "rk3576", "rv1106", "rv1103b", "rv1126b"]  # as registers_fuzz.cpp counts them


def document(elements: list[tuple[int, str, bytes]]) -> bytes:
    body = b"".join(bytes([kind]) + name.encode() + b"\0" + value for kind, name, value in elements) + b"\0"
    return struct.pack("<i", len(body) + 4) + body


def string(text: str) -> bytes:
    return struct.pack("<i", len(text) + 1) + text.encode() + b"\0"


def array(values: list[tuple[int, bytes]]) -> bytes:
    return document([(kind, str(k), value) for k, (kind, value) in enumerate(values)])


def attributes() -> dict[str, bytes]:
    def attribute(name: str, dtype: str, kind: int, value: bytes) -> tuple[int, str, bytes]:
        return 3, name, document([(2, "dtype", string(dtype)), (kind, "value", value)])

    numbers = [(16, struct.pack("<i", n)) for n in (3, 3, -1)]
    reals = [(1, struct.pack("<d", x)) for x in (0.5, 1e300)]
    texts = [(2, string("SAME_UPPER")), (2, string(""))]
    return {
        "scalars": document(
            [
                attribute("group", "int", 16, struct.pack("<i", 4)),
                attribute("axis", "int64", 18, struct.pack("<q", -(2**40))),
                attribute("alpha", "float", 1, struct.pack("<d", 0.01)),
                attribute("mode", "string", 2, string("nearest")),
                attribute("keep", "bool", 8, b"\1"),
            ]
        ),
        "lists": document(
            [
                attribute("kernel_shape", "ints", 4, array(numbers)),
                attribute("scales", "floats", 4, array(reals)),
                attribute("auto_pad", "strings", 4, array(texts)),
                attribute("none", "ints", 4, array([])),
            ]
        ),
    }


def registers() -> dict[str, bytes]:
    """The first tasks of a model with few commands, as registers_fuzz.cpp reads them."""
    seeds = {}
    for path in sorted(FIXTURES.glob("*_i8*.rknn")):
        chip = next((c for c in CHIPS[1:] if c in path.name), CHIPS[0])
        tasks = _file.dump(str(path))[0]["tasks"][:3]
        words, heads = [], []
        for task in tasks:
            first = len(words)
            for line in task.get("registers", []):
                text = line if isinstance(line, str) else " ".join(map(str, line))
                if match := re.match(r"\s*([0-9a-f]{4}) .* = ([0-9a-f]{8})", text):
                    words.append(int(match[2], 16) << 16 | int(match[1], 16))
            heads.append(struct.pack("<IIHHHH", task["enable"], first + 5, 0, 0, first, len(words) - first))
        if words and len(words) < 400:
            code = b"".join(struct.pack("<Q", w) for w in words)
            seeds[path.stem] = bytes([CHIPS.index(chip), 0]) + b"".join(heads) + bytes(16) + code
    return dict(list(seeds.items())[:8])


def weights() -> bytes:
    lanes = b"".join(struct.pack("<HH", 24 * k, 8) for k in range(16))
    return b"\2\1" + lanes + b"".join(bytes([0] * 16 + [0x55] * 8) for _ in range(16))


def corpora() -> dict[str, dict[str, bytes]]:
    json = b'{"input": {"dtype": "int8", "layout": "NHWC"}, "\\u00e9\\ud83d\\ude00\\n": {"dtype": "float16"}, "x": {}}'
    documents = attributes()
    return {
        "pieces_fuzz": {"json": b"\0" + json, "weights": weights()}
        | {name: b"\1" + content for name, content in documents.items()},
        "attributes_fuzz": documents,
        "registers_fuzz": registers(),
        "options_fuzz": {
            "all": b"layout=nhwc\nschedule=0, 1,2\nmax_queue_size=#4\nenable_pacing=True\ncustom_op_paths=(a;b;c\n"
            b"worker_cpus=[0]\nnpu_priority=High\noutput_dtype=native\nsubmit_timeout_ms= 100 ",
            "cores": b"tp_mode=0,1,2\nthreads_per_core=64\ndisable_dup_context=off\nruntime=auto\nschedule=balanced",
            "other": b"2.3.2 (abc)\nrun_core_mask=all\npriority=#-1\ndevice_id=?None\nschedule=(#0;#2;1",
        },
        "cgroup_fuzz": {
            "v2": b"0::/a\n\x00max 100000\n\x00150000 100000\n",
            "v1": b"4:cpu,cpuacct:/a\n2:memory:/a\n\x00\x00\x0050000\n\x00100000\n",
        },
    }


def main() -> int:
    for target, seeds in corpora().items():
        folder = FUZZ / "corpus" / target
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in seeds.items():
            (folder / name).write_bytes(content)
        print(f"{target}: {len(seeds)} seeds, {sum(map(len, seeds.values()))} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
