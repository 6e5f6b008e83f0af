"""Judge a folder that build.py filled: every build, run by the software NPU, against the simulator's outputs and the RK3588 build's.

    python check.py OUT [--only REGEX] [--json FILE]   one line a build that is not ok, with the distance to both; exit 1 when
                                                       any is wrong that known.json does not explain. FILE gets a row a build,
                                                       for tools/fidelity.py --chips

Needs the package installed. int8: within a step in 99.5 % of the elements, none beyond three; deep networks, floats and 16-bit
types: see BOUNDS, as a share of the output's range."""

import argparse
import collections
import json
import pathlib
import re
import sys

import numpy as np

import ez_rknn_async as ez

BOUNDS = {"i8": 2e-2, "bf16": 2e-2}  # of the range; i8: only where the output has no steps of its own, or is deep
DEFAULT_BOUND = 4e-3
KNOWN = json.loads((pathlib.Path(__file__).parent / "known.json").read_text())


def run(path, names, arrays, s):
    session = ez.InferenceSession(path, provider_options={"runtime": "software"})
    return session.run(None, {n: arrays[f"in_{s}_{i}"] for i, n in enumerate(names)})


def step_of(values):
    """The distance of neighbouring values where there are at most 256 of them, as an int8 output has; else 0."""
    levels = np.unique(values.astype(np.float64))
    return float(np.diff(levels).min()) if 1 < levels.size <= 256 else 0.0


def verdict(entry, got, simulated, original):
    if got.shape != simulated.shape or not np.isfinite(got).all():
        return f"shape {got.shape}, expected {simulated.shape}, or not finite"
    error, span = np.abs(got.astype(float) - simulated), float(np.ptp(simulated))
    step = step_of(simulated) if entry["kind"] == "i8" and not entry["deep"] else 0.0
    if step:
        near, most = float((error <= 1.05 * step).mean()), float(error.max() / step)
        return f"{100 * near:.2f} % within a step, largest {most:.1f}" if near < 0.995 or most > 3.05 else None
    rms, noise = (float(np.sqrt(np.square(d).mean())) for d in (error, simulated.astype(float) - original))
    bound = BOUNDS.get(entry["kind"], DEFAULT_BOUND)
    if error.max() <= bound * span + 1e-6 or (entry["deep"] and entry["kind"] == "i8" and rms <= 1.1 * noise):
        return None
    return f"error {error.max():.3g} of {span:.3g}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--only", default="")
    parser.add_argument("--json", type=pathlib.Path)
    args = parser.parse_args()
    entries = [e for e in json.loads((args.out / "index.json").read_text()) if "refused" not in e]
    entries = [e for e in entries if re.search(args.only, f"{e['network']}/{e['build']}")]
    rows, control = [], {}
    for e in sorted(entries, key=lambda e: (e["network"], e["kind"], e["chip"] != "rk3588")):
        folder, why, verdict_name = args.out / e["network"], None, "ok"
        with np.load(folder / "case.npz") as case, np.load(folder / f"{e['build']}.npz") as simulated:
            try:
                outputs = run(folder / f"{e['build']}.rknn", e["inputs"], case, 0)
                found = [verdict(e, y, simulated[f"0_{o}"], case[f"ort_0_{o}"]) for o, y in enumerate(outputs)]
                why = next((f"output {o}: {w}" for o, w in enumerate(found) if w), None)
                verdict_name = "wrong" if why else "ok"
            except ez.Error as error:
                outputs, why, verdict_name = [], f"{type(error).__name__}: {error}", "refused"
        known = KNOWN.get(f"{e['network']}/{e['build']}")
        if why and known:
            why = f"{why}: {known}"
        elif known:
            print(f"{e['network']}/{e['build']} is ok, and known.json says why it is not")
        if e["chip"] == "rk3588":
            control[e["network"], e["kind"]] = outputs
        other = control.get((e["network"], e["kind"]), [])
        far = [float(np.abs(a.astype(float) - b).max()) for a, b in zip(outputs, other) if a.shape == b.shape]
        rows.append(
            {k: e[k] for k in ("network", "build", "chip", "kind")} | dict(verdict=verdict_name, why=why, known=known)
        )
        if why:
            print(f"{e['network']}/{e['build']}: {why}; from RK3588's {max(far, default=float('nan')):.3g}", flush=True)
    if args.json:
        args.json.write_text(json.dumps(rows, indent=0))
    found = collections.Counter(r["verdict"] for r in rows)
    print(", ".join(f"{n} {v}" for v, n in found.most_common()))
    return int(any(r["verdict"] == "wrong" and not r["known"] for r in rows))


if __name__ == "__main__":
    sys.exit(main())
