"""The frame of every page: a head with the style sheet, light or dark as the reader's system is, and tables."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

STYLE = """
:root { color-scheme: light dark; --ink: #1c2430; --soft: #5d6878; --line: #d8dee7; --card: #ffffff; --back: #f4f6f9;
        --npu: #1f7a5c; --cpu: #b2661a; --main: #2f6fb7; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6eaf0; --soft: #98a4b5; --line: #38424f; --card: #1d232c; --back: #14181e;
          --npu: #4cc39a; --cpu: #e0a15a; --main: #6ba7e8; } }
body { margin: 0 auto; max-width: 1080px; padding: 24px; background: var(--back); color: var(--ink);
       font: 15px/1.5 system-ui, sans-serif; }
h1 { font-size: 22px; margin: 0 0 4px; overflow-wrap: anywhere; } h2 { font-size: 16px; margin: 0 0 12px; }
.soft { color: var(--soft); } section { background: var(--card); border: 1px solid var(--line); border-radius: 8px;
  padding: 16px 20px; margin: 16px 0; overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th { text-align: left; color: var(--soft); font-weight: 500; } th, td { padding: 3px 12px 3px 0; border-bottom: 1px solid var(--line); }
td.number, th.number { text-align: right; } .figures { display: flex; flex-wrap: wrap; gap: 12px 40px; }
.figures b { display: block; font-size: 22px; font-weight: 600; } .npu { color: var(--npu); } .cpu { color: var(--cpu); }
svg { display: block; max-width: 100%; } svg text { fill: var(--ink); font: 12px system-ui, sans-serif; } svg .soft { fill: var(--soft); }
"""


def page(title: str, subtitle: str, sections: Iterable[str]) -> str:
    body = "\n".join(sections)
    return (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>{escape(title)}</title>\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n<style>{STYLE}</style>\n</head>\n<body>\n'
        f'<h1>{escape(title)}</h1>\n<div class="soft">{escape(subtitle)}</div>\n{body}\n</body>\n</html>\n'
    )


def section(heading: str, content: str, note: str = "") -> str:
    below = f'\n<p class="soft">{escape(note)}</p>' if note else ""
    return f"<section>\n<h2>{escape(heading)}</h2>\n{content}{below}\n</section>"


def figures(pairs: Sequence[tuple[str, str]]) -> str:
    """Large numbers beside each other: (what, value)."""
    items = "".join(
        f'<div><span class="soft">{escape(what)}</span><b>{escape(value)}</b></div>' for what, value in pairs
    )
    return f'<div class="figures">{items}</div>'


def table(columns: Sequence[str], rows: Iterable[Sequence[str]], numbers: Sequence[int] = ()) -> str:
    """`numbers` are the columns that are aligned to the right. Cells are text."""

    def row(cells: Sequence[str], tag: str) -> str:
        aligned = [' class="number"' if k in numbers else "" for k in range(len(cells))]
        return "".join(f"<{tag}{a}>{escape(cell)}</{tag}>" for a, cell in zip(aligned, cells, strict=True))

    body = "\n".join(f"<tr>{row(cells, 'td')}</tr>" for cells in rows)
    return f"<table>\n<tr>{row(columns, 'th')}</tr>\n{body}\n</table>"
