"""Charts as SVG text: bars and a line. Colours are those of the page's style sheet."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

WIDTH = 1000


def bars(rows: Sequence[tuple[str, float, str, str]], label_width: int = 120, height: int = 20) -> str:
    """Horizontal bars from 0: (label, value, text beside the bar, colour variable such as "main")."""
    most = max((value for _, value, _, _ in rows), default=0) or 1
    room = WIDTH - label_width - 230
    letters = max(label_width // 7, 4)
    parts = []
    for k, (label, value, text, colour) in enumerate(rows):
        y = k * (height + 6)
        shown = label if len(label) <= letters else "…" + label[1 - letters :]
        width = max(room * value / most, 1)
        parts.append(
            f'<g><title>{escape(label)}</title><text x="{label_width - 8}" y="{y + height * 0.7:.0f}" text-anchor="end">{escape(shown)}</text>'
            f'<rect x="{label_width}" y="{y}" width="{width:.1f}" height="{height}" rx="2" fill="var(--{colour})"/>'
            f'<text class="soft" x="{label_width + width + 8:.1f}" y="{y + height * 0.7:.0f}">{escape(text)}</text></g>'
        )
    return svg(WIDTH, len(rows) * (height + 6), parts)


def line(points: Sequence[tuple[float, float]], x_label: str, y_label: str, marks: Sequence[float] = ()) -> str:
    """A line through the points; both axes from 0. `marks`: places on the x axis that get a dot and their value."""
    height, left, bottom, top, right = 260, 60, 40, 24, 60
    x_most = max(x for x, _ in points) or 1
    ticks = nice_ticks(max(y for _, y in points))
    y_most = ticks[-1]

    def place(x: float, y: float) -> tuple[float, float]:
        return left + (WIDTH - left - right) * x / x_most, height - bottom - (height - bottom - top) * y / y_most

    parts = []
    for tick in ticks:
        _, y = place(0, tick)
        parts.append(f'<path d="M{left} {y:.1f}H{WIDTH - right}" stroke="var(--line)"/>')
        parts.append(f'<text class="soft" x="{left - 8}" y="{y + 4:.1f}" text-anchor="end">{tick:g}</text>')
    path = "L".join(f"{x:.1f} {y:.1f}" for x, y in (place(*p) for p in points))
    parts.append(f'<path d="M{path}" fill="none" stroke="var(--main)" stroke-width="2"/>')
    for mark in marks:
        value = min(points, key=lambda p: abs(p[0] - mark))[1]
        x, y = place(mark, value)
        parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="var(--main)"/>')
        parts.append(f'<text x="{x - 6:.1f}" y="{y - 8:.1f}" text-anchor="end">p{mark:g} {value:.3g}</text>')
    parts.append(f'<text class="soft" x="{WIDTH - right}" y="{height - 8}" text-anchor="end">{escape(x_label)}</text>')
    parts.append(f'<text class="soft" x="{left}" y="14">{escape(y_label)}</text>')
    return svg(WIDTH, height, parts)


def nice_ticks(most: float) -> list[float]:
    """From 0 to at least `most`, about five, on round numbers."""
    if most <= 0:
        return [0.0, 1.0]
    raw = most / 4
    unit = 10.0 ** math.floor(math.log10(raw))
    step = next(unit * m for m in (1, 2, 2.5, 5, 10) if unit * m >= raw)
    return [step * k for k in range(math.ceil(most / step - 1e-9) + 1)]


def svg(width: float, height: float, parts: Sequence[str]) -> str:
    inner = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}" '
        f'height="{height:.0f}" role="img">\n{inner}\n</svg>'
    )
