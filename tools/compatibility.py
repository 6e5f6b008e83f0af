#!/usr/bin/env python3
"""Writes docs/compatibility.md: what of the reference package's and of ONNX Runtime's interface holds, and which test shows it.

usage: compatibility.py [--check]      --check: write nothing; exit 1 when a row is wrong or the committed page is not current
"""

import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "contract"))
import contract_rows  # noqa: E402

PAGE = ROOT / "docs" / "compatibility.md"
SECTIONS = {
    "1.1": "Module",
    "1.2": "InferenceSession",
    "1.3": "Provider options",
    "1.4": "run",
    "1.5": "run_async",
    "1.6": "run_pipeline",
    "1.7": "Introspection",
    "1.8": "OrtValue and IO binding",
    "1.9": "Environment variables",
    "1.10": "C++ interface",
    "1.11": "RKNPU3",
    "1.12": "Files, tools, packages",
    "2": "What ONNX Runtime users expect",
    "3": "Weaknesses of the reference, absent here",
}
INTRODUCTION = """# Compatibility

Made by `tools/compatibility.py` from `tests/contract/rows.toml` and the tests' markers; not edited by hand.

Sections 1.x: what can be observed of the Python package `ztu_somemodelruntime_ez_rknn_async`. Section 2: what ONNX Runtime has beyond
that. Section 3: weaknesses of that package. *yes* holds as described and names the tests that show it; *differs* is on purpose.
"""


def cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def page(rows, shown) -> str:
    verdicts = [row.verdict for row in rows.values()]
    lines = [INTRODUCTION, "| Verdict | Rows |", "|---|---|"]
    lines += [f"| {v} | {verdicts.count(v)} |" for v in contract_rows.VERDICTS if v in verdicts]
    for section, title in SECTIONS.items():
        lines += ["", f"## {section} {title}", "", "| Row | What | Holds | Shown by, or why not |", "|---|---|---|---|"]
        for row in rows.values():
            if row.section != section:
                continue
            tests = [f"`{t}`" for t in [*shown.get(row.id, []), *row.shown_by]]
            last = "; ".join(filter(None, [row.reason, ", ".join(tests)]))
            lines.append(f"| {row.id.partition('/')[2]} | {cell(row.item)} | {row.verdict} | {cell(last)} |")
    return "\n".join(lines) + "\n"


def main() -> int:
    rows, shown = contract_rows.load(), contract_rows.tests_by_row()
    wrong = list(contract_rows.mistakes(rows, shown))
    wrong += [
        f"{r.id}: no section {r.section} in tools/compatibility.py" for r in rows.values() if r.section not in SECTIONS
    ]
    text = page(rows, shown)
    if "--check" not in sys.argv[1:]:
        PAGE.write_text(text)
    elif not PAGE.exists() or PAGE.read_text() != text:
        wrong.append(f"{PAGE.relative_to(ROOT)} is not current: run tools/compatibility.py")
    for line in wrong:
        print(line)
    print(f"compatibility: {len(rows)} rows, {len(wrong)} mistakes")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
