"""Where a run of the software NPU would spend its cycles on a CPU that is not at hand, by LLVM's model of it.

    python benchmarks/emulated/cycles.py LIBRARY MODEL INPUT.bin... [--isa amx] [--cpu icelake-server] [--blocks N]

An emulated machine with AVX-512 and AMX (tests/emulated/x86.py) counts how often each instruction of one run is executed, one thread
at work; `llvm-mca` says what a basic block takes, a loop with its dependences, anything else by the units it occupies. Tile
instructions, which no model has, count 16 cycles a product or store and 8 a load. All loads are taken to hit L1, so memory's share is
missing: this finds hot spots and compares builds, it measures nothing. Needs `make dev-tools` and `abi_timer` beside the library's build.
"""

import argparse
import collections
import dataclasses
import itertools
import json
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "emulated"))
import x86  # noqa: E402

COUNTS = pathlib.Path(__file__).resolve().parent / "counts"
TILES = {"tdp": 16, "tilestore": 16, "tileload": 8}
UNKNOWN = ("tile", "tdp", "ldtile", "sttile", "call", "ret", "syscall", "lock", "rep", "xgetbv", "cpuid", "leave")
LEAST = 2e-5  # of all instructions: blocks below are counted at three instructions a cycle


@dataclasses.dataclass
class Block:
    """Instructions that were executed equally often, one after the other."""

    function: str
    begin: int
    count: int
    code: list[str] = dataclasses.field(default_factory=list)
    loop: bool = False
    cycles: float = 0

    @property
    def instructions(self) -> int:
        return self.count * len(self.code)

    @property
    def all_cycles(self) -> float:
        return self.count * self.cycles


def count(library: pathlib.Path, model: pathlib.Path, inputs: list[pathlib.Path], isa: str, limit: float):
    """Counts by address in the file, and the lines of /proc/self/maps."""
    x86.HOME.mkdir(parents=True, exist_ok=True)
    machine = x86.emulator(COUNTS)
    x86.bios()
    timer = next(p for p in library.resolve().parents if (p / "benchmarks").is_dir()) / "benchmarks" / "abi_timer"
    arguments = [str(library.resolve()), str(model.resolve()), "0", "--mark", *(str(i.resolve()) for i in inputs)]
    environment = {"EZ_RKNN_NPU_THREADS": "1", "EZ_RKNN_ISA": isa}
    x86.pack(timer, environment, arguments, [library, model, *inputs])
    (x86.HOME / "counts.txt").unlink(missing_ok=True)
    status, text = x86.boot(limit, machine, echo=False)
    if status:
        raise SystemExit(text[-1000:])
    for line in text.splitlines():
        if found := re.match(rf"(\w+)-(\w+) r-xp (\w+) .*{re.escape(str(library.resolve()))}$", line):
            low, high, offset = (int(x, 16) for x in found.groups())
            break
    else:
        raise SystemExit("the library is not in the program's maps:\n" + text)
    counts, others = {}, 0
    for line in (x86.HOME / "counts.txt").read_text().splitlines():
        address, n = int(line.split()[0], 16), int(line.split()[1])
        if low <= address < high:
            counts[address - low + offset] = n
        else:
            others += n
    return counts, others, text


def segment_shift(library: pathlib.Path, offset: int) -> int:
    """Addresses in the listing less those in the file, of the segment that holds `offset`."""
    for line in x86.run("readelf", "-lW", library).splitlines():
        if found := re.match(r"\s+LOAD\s+0x(\w+) 0x(\w+) 0x\w+ 0x(\w+)", line):
            start, virtual, size = (int(x, 16) for x in found.groups())
            if start <= offset < start + size:
                return virtual - start
    return 0


def disassemble(library: pathlib.Path, addresses: list[int]) -> dict[int, tuple[str, str]]:
    listing = {}
    command = ["llvm-objdump-19", "-d", "--no-show-raw-insn", "--demangle"]
    low, high = min(addresses), max(addresses) + 16
    function = "?"
    for line in x86.run(*command, f"--start-address={low & ~0xFFF}", f"--stop-address={high}", library).splitlines():
        if found := re.match(r"[0-9a-f]+ <(.*)>:$", line):
            function = found[1]
        elif found := re.match(r"\s*([0-9a-f]+):\s+(.*)$", line):
            listing[int(found[1], 16)] = (function, found[2])
    return listing


def blocks_of(counts: dict[int, int], listing: dict[int, tuple[str, str]]) -> list[Block]:
    """Follows each path from its first address on as long as the count stays the same, across jumps too."""
    order = list(listing)
    following = dict(itertools.pairwise(order))
    left = {a for a in counts if a in listing}
    blocks = []
    for begin in sorted(left):
        if begin not in left:
            continue
        block = Block(listing[begin][0], begin, counts[begin])
        at: int | None = begin
        while at is not None:
            left.discard(at)
            code = listing[at][1]
            block.code.append(re.sub(r"<.*>|#.*", "", code).strip())
            jump = re.match(r"(j\w+)\s+0x([0-9a-f]+)", code)
            if jump and int(jump[2], 16) == begin:
                block.loop = True
                break
            next_ones = [] if code.startswith(("ret", "jmp", "call")) else [following.get(at)]
            if jump:
                next_ones.append(int(jump[2], 16))
            alike = [a for a in next_ones if a in left and abs(counts[a] - block.count) <= max(3, block.count * 0.002)]
            at = alike[0] if alike else None
        blocks.append(block)
    return blocks


def estimate(blocks: list[Block], cpu: str) -> None:
    lines = [".Lx:"]
    for i, block in enumerate(blocks):
        known = ["jne .Lx" if c.startswith("j") else "nop" if c.startswith(UNKNOWN) else c for c in block.code]
        lines += [f"# LLVM-MCA-BEGIN {i}", *known, "# LLVM-MCA-END"]
    command = ["llvm-mca-19", f"-mcpu={cpu}", "-iterations=60", "-json", "-skip-unsupported-instructions=parse-failure"]
    done = subprocess.run(command, input="\n".join(lines) + "\n", capture_output=True, text=True, check=True)
    for region in json.loads(done.stdout)["CodeRegions"]:
        block, summary = blocks[int(region["Name"])], region["SummaryView"]
        by_units, by_time = summary["BlockRThroughput"], summary["TotalCycles"] / summary["Iterations"]
        tiles = collections.Counter(t for c in block.code for t in TILES if c.startswith(t))
        products = tiles["tdp"] * TILES["tdp"]
        moves = sum(TILES[t] * n for t, n in tiles.items() if t != "tdp")
        block.cycles = max(by_time if block.loop else by_units, products, moves)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("library", type=pathlib.Path)
    parser.add_argument("model", type=pathlib.Path)
    parser.add_argument("inputs", type=pathlib.Path, nargs="*", help="float32")
    parser.add_argument("--isa", default="amx", help="value of EZ_RKNN_ISA")
    parser.add_argument("--cpu", default="icelake-server", help="of llvm-mca")
    parser.add_argument("--blocks", type=int, default=0, help="show the code of so many blocks")
    parser.add_argument("--limit", type=float, default=1800, help="seconds")
    a = parser.parse_args()
    by_offset, others, text = count(a.library, a.model, a.inputs, a.isa, a.limit)
    shift = segment_shift(a.library, min(by_offset))
    counts = {address + shift: n for address, n in by_offset.items()}
    blocks = blocks_of(counts, disassemble(a.library, list(counts)))
    every = sum(counts.values()) + others
    hot = [b for b in blocks if b.instructions > LEAST * every]
    estimate(hot, a.cpu)
    rest = (every - sum(b.instructions for b in hot)) / 3
    cycles = sum(b.all_cycles for b in hot) + rest
    peak = re.search(r'"peak_kib": (\d+)', text)
    print(
        f"{every / 1e6:.1f} M instructions, {cycles / 1e6:.2f} M cycles ({cycles / 3.4e6:.2f} ms at 3.4 GHz)"
        + (f", peak memory {int(peak[1]) / 1024:.0f} MB" if peak else "")
    )
    functions: dict[str, float] = collections.defaultdict(float)
    for b in hot:
        functions[b.function] += b.all_cycles
    for name, n in sorted(functions.items(), key=lambda f: -f[1])[:25]:
        print(f"{n / cycles:6.1%} {n / 1e6:8.2f} M  {name[:150]}")
    for b in sorted(hot, key=lambda b: -b.all_cycles)[: a.blocks]:
        print(
            f"\n{b.all_cycles / cycles:.1%}, {b.count} times {b.cycles:.1f} cycles at {b.begin:x} of {b.function[:120]}"
        )
        print("\n".join("    " + c for c in b.code))


if __name__ == "__main__":
    main()
