"""Results of npu_bench.py as a Markdown table on standard output and a bar chart.

chart.py RESULTS.json CHART.svg [--threads N]
"""

import argparse
import json
import pathlib
from xml.sax.saxutils import escape

from npu_bench import HEADER, line, ratio

PAIRS = (  # ours, theirs, label, colour
    ("ours/i8", "ort/u8s8", "int8 against U8S8", "#1f77b4"),
    ("ours/i8", "ort/fp32", "int8 against fp32", "#9ecae1"),
    ("ours/fp16", "ort/fp32", "fp16 against fp32", "#fdae6b"),
)
BAR, GAP, LEFT, WIDTH, TOP = 11, 9, 210, 620, 56


def svg(results, threads, cpu):
    """Bars of ONNX Runtime's time by ours, one group a network; the line is 1: as fast."""
    rows = [(name, [ratio(r, threads, ours, theirs) for ours, theirs, _, _ in PAIRS]) for name, r in results.items()]
    most = max((r[0] for _, ratios in rows for r in ratios if r), default=1.0)
    scale = WIDTH / max(most * 1.15, 1.2)
    height = TOP + sum(GAP + BAR * sum(r is not None for r in ratios) for _, ratios in rows) + GAP
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{LEFT + WIDTH + 20}" height="{height}" '
        'font-family="sans-serif" font-size="11">',
        '<rect width="100%" height="100%" fill="white"/>',
        f'<text x="10" y="18" font-size="13">Time of ONNX Runtime divided by ours, {threads} '
        f"thread{'s' if threads > 1 else ''}, {escape(cpu)}</text>",
    ]
    for i, (_, _, label, colour) in enumerate(PAIRS):
        x = 10 + 190 * i
        parts.append(f'<rect x="{x}" y="28" width="12" height="12" fill="{colour}"/>')
        parts.append(f'<text x="{x + 18}" y="38">{label}</text>')
    y = TOP
    for name, ratios in rows:
        parts.append(f'<text x="{LEFT - 8}" y="{y + BAR}" text-anchor="end">{escape(name)}</text>')
        for r, (_, _, _, colour) in zip(ratios, PAIRS, strict=True):
            if r is None:
                continue
            middle, low, high = (scale * v for v in r)
            parts.append(f'<rect x="{LEFT}" y="{y}" width="{middle:.1f}" height="{BAR - 2}" fill="{colour}"/>')
            parts.append(
                f'<line x1="{LEFT + low:.1f}" x2="{LEFT + high:.1f}" y1="{y + 4}" y2="{y + 4}" stroke="black"/>'
            )
            parts.append(f'<text x="{LEFT + max(middle, high) + 5:.1f}" y="{y + BAR - 2}">{r[0]:.2f}</text>')
            y += BAR
        y += GAP
    one = LEFT + scale
    parts.append(f'<line x1="{one:.1f}" x2="{one:.1f}" y1="{TOP - 8}" y2="{height - 4}" stroke="#c00"/>')
    return "\n".join([*parts, "</svg>"]) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", type=pathlib.Path)
    parser.add_argument("chart", type=pathlib.Path)
    parser.add_argument("--threads", type=int, default=1, help="of the chart; the table has all")
    args = parser.parse_args()
    results = json.loads(args.results.read_text())
    machine = results.pop("machine", {"cpu": "unknown CPU"})
    args.chart.write_text(svg(results, args.threads, machine["cpu"]))
    print(HEADER)
    for name, result in results.items():
        for threads in sorted(int(key[1:]) for key in result if key.startswith("T")):
            print(line(name, result, threads))


if __name__ == "__main__":
    main()
