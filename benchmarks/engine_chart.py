"""Results of engine_bench.py as a bar chart: how many times as fast as the reference.

engine_chart.py RESULTS.json CHART.svg
"""

import json
import math
import pathlib
import sys
from xml.sax.saxutils import escape

from engine_bench import ratio

BAR, LEFT, WIDTH, TOP = 18, 270, 520, 46


def speed(result: dict) -> tuple[float, float, float]:
    """Median, least and most; above 1: ours is faster."""
    if result["figure"].endswith("_us"):
        return ratio(result, "reference", "ours")
    return ratio(result, "ours", "reference")


def svg(results: dict) -> str:
    rows = {name: speed(result) for name, result in results.items()}
    least, most = min(r[1] for r in rows.values()), max(r[2] for r in rows.values())
    low, high = math.floor(math.log10(least)), math.ceil(math.log10(most))

    def x(value: float) -> float:
        return LEFT + WIDTH * (math.log10(value) - low) / (high - low)

    height = TOP + BAR * len(rows) + 12
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{LEFT + WIDTH + 60}" height="{height}" '
        'font-family="sans-serif" font-size="11">',
        '<rect width="100%" height="100%" fill="white"/>',
        '<text x="10" y="18" font-size="13">How many times as fast as the reference package (median; line: least and most '
        "of a round; logarithmic)</text>",
    ]
    for power in range(low, high + 1):
        at = x(10**power)
        parts.append(f'<line x1="{at:.1f}" x2="{at:.1f}" y1="{TOP - 6}" y2="{height - 6}" stroke="#ddd"/>')
        parts.append(f'<text x="{at:.1f}" y="{TOP - 9}" text-anchor="middle">{10**power:g}</text>')
    for k, (name, (middle, worst, best)) in enumerate(rows.items()):
        y = TOP + BAR * k
        begin, end = sorted((x(1), x(middle)))
        parts.append(f'<text x="{LEFT - 8}" y="{y + 11}" text-anchor="end">{escape(name)}</text>')
        parts.append(f'<rect x="{begin:.1f}" y="{y + 2}" width="{end - begin:.1f}" height="{BAR - 7}" fill="#1f77b4"/>')
        parts.append(f'<line x1="{x(worst):.1f}" x2="{x(best):.1f}" y1="{y + 7}" y2="{y + 7}" stroke="black"/>')
        parts.append(f'<text x="{max(end, x(best)) + 5:.1f}" y="{y + 11}">{middle:.2g}</text>')
    parts.append(f'<line x1="{x(1):.1f}" x2="{x(1):.1f}" y1="{TOP - 6}" y2="{height - 6}" stroke="#c00"/>')
    return "\n".join([*parts, "</svg>"]) + "\n"


if __name__ == "__main__":
    pathlib.Path(sys.argv[2]).write_text(svg(json.loads(pathlib.Path(sys.argv[1]).read_text())))
