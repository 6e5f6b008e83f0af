#!/usr/bin/env python3
"""Holds the verdicts of measure.py or check_corpus.py (their --json file) against the list of models known not to be ok, both ways: a new failure and an
unexpected success are both an error, so the list stays true.

usage: judge.py VERDICTS.json [KNOWN.json]       prints 'N passed, N failed' (agreeing, disagreeing); exit 1 when any disagrees

KNOWN.json: {"case/build": {"verdict": "wrong" | "refused", "why": "the cause, as shown in the file itself"}}
"""

import json
import pathlib
import sys


def main() -> int:
    rows = json.loads(pathlib.Path(sys.argv[1]).read_text())
    known_path = sys.argv[2] if len(sys.argv) > 2 else pathlib.Path(__file__).with_name("known.json")
    known = json.loads(pathlib.Path(known_path).read_text())
    agree = disagree = 0
    for row in rows:
        if row["verdict"] == "skipped":
            continue
        name = row.get("name") or f"{row['case']}/{row['build']}"
        expected = known.get(name, {"verdict": "ok"})["verdict"]
        if row["verdict"] == expected:
            agree += 1
            continue
        disagree += 1
        print(
            f"{name} [{row.get('target', 'rk3588')}]: {row['verdict']}, expected {expected}: {row.get('why') or 'no reason given'}"
        )
    print(f"{agree} passed, {disagree} failed")
    return int(disagree > 0)


if __name__ == "__main__":
    sys.exit(main())
