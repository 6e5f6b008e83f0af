"""The page of a measurement: what `measurement.measure` returned, drawn."""

from __future__ import annotations

import os
from typing import Any

from .charts import bars, line
from .page import figures, page, section, table

MOST_BARS = 40


def bench_page(result: dict[str, Any]) -> str:
    latency, machine = result["latency_ms"], result["machine"]
    best = max(result["throughput"], key=lambda row: row["per_second"])
    subtitle = (
        f"compiled for {result['target']}, on {result['provider']} {result['runtime']['version']}; "
        f"{machine['cpu']}, {machine['cpus']} CPUs; {result['inputs']} inputs"
    )
    sections = [
        section(
            "In short",
            figures(
                [
                    ("median latency", f"{latency['p50']:.3f} ms"),
                    ("99th percentile", f"{latency['p99']:.3f} ms"),
                    (f"throughput, {best['cores']} cores", f"{best['per_second']:.1f} /s"),
                    ("load", f"{result['load_ms']:.1f} ms"),
                ]
            ),
        ),
        section(
            "Latency",
            line(
                list(enumerate(result["percentiles_ms"][:100])), "percentile of the runs", "milliseconds", (50, 90, 99)
            ),
            f"{latency['runs']} runs, one after the other: least {latency['min']:.3f}, mean {latency['mean']:.3f}, "
            f"largest {latency['max']:.3f} ms.",
        ),
        section(
            "Throughput over cores",
            bars(
                [
                    (
                        cores_text(row["cores"]),
                        row["per_second"],
                        f"{row['per_second']:.1f} /s  ({row['speed_up']:.2f} x)",
                        "main",
                    )
                    for row in result["throughput"]
                ]
            ),
            "Runs a second with several in flight: "
            + ", ".join(f"{row['in_flight']} with {cores_text(row['cores'])}" for row in result["throughput"])
            + ".",
        ),
    ]
    if result.get("layers"):
        sections += layer_sections(result)
    return page(os.path.basename(result["model"]), subtitle, sections)


def layer_sections(result: dict[str, Any]) -> list[str]:
    layers = result["layers"]
    longest = sorted(layers, key=lambda row: -row["microseconds"])[:MOST_BARS]
    drawn = bars(
        [(row["name"], row["microseconds"], layer_text(row), row["where"].lower()) for row in longest],
        label_width=330,
        height=16,
    )
    peaks = ", ".join(f"{kind} {value:.1f} GMAC/s" for kind, value in result.get("peak_gmacs", {}).items())
    note = "Green runs on the NPU's side, orange on the CPU's."
    if peaks:
        note += f" Peak, a large matrix product by the same runtime: {peaks}."
    rows = [
        (
            str(k + 1),
            row["type"],
            row["where"],
            row["dtype"],
            f"{row['microseconds']:.0f}",
            f"{row['share']:.1%}",
            f"{row['gmacs_per_second']:.2f}" if row["gmacs_per_second"] else "",
            f"{row['of_peak']:.0%}" if "of_peak" in row else "",
            row["name"],
        )
        for k, row in enumerate(layers)
    ]
    heading = "Layers that take longest" if len(layers) > MOST_BARS else "Layers by time"
    columns = ("", "operator", "where", "type", "µs", "share", "GMAC/s", "of peak", "name")
    return [section(heading, drawn, note), section("All layers", table(columns, rows, numbers=(4, 5, 6, 7)))]


def cores_text(count: int) -> str:
    return "1 core" if count == 1 else f"{count} cores"


def layer_text(row: dict[str, Any]) -> str:
    text = f"{row['microseconds']:.0f} µs  {row['share']:.1%}"
    return text + (f"  {row['of_peak']:.0%} of peak" if "of_peak" in row else "")
