"""The command line, `ez-rknn`. One module a command; each has NAME, HELP, add_arguments(parser) and run(args) -> exit code.

Exit codes: 0 done; 1 the model, its inputs or the runtime did not work (the reason is on standard error); 2 the command was not understood.
"""

from __future__ import annotations

import argparse
import sys

from . import bench, compare, convert, doctor, dump, env, info, run

COMMANDS = (info, run, compare, bench, dump, convert, doctor, env)


def build_parser() -> argparse.ArgumentParser:
    from .. import __version__

    parser = argparse.ArgumentParser(prog="ez-rknn", description="Run and inspect Rockchip .rknn models.")
    parser.add_argument("--version", action="version", version=f"ez-rknn {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for command in COMMANDS:
        sub = commands.add_parser(command.NAME, help=command.HELP, description=command.__doc__)
        sub.add_argument("--json", action="store_true", help="print one JSON object instead of text")
        command.add_arguments(sub)
        sub.set_defaults(run=command.run)
    return parser


def main(argv: list[str] | None = None) -> int:
    args = build_parser().parse_args(argv)
    try:
        code: int = args.run(args)
        return code
    except (RuntimeError, ValueError, OSError) as e:
        print(f"ez-rknn: {e}", file=sys.stderr)
        return 1
    except BrokenPipeError:
        return 1
