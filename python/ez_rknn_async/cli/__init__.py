"""The command line, `ez-rknn`. One module a command; each has NAME, HELP, add_arguments(parser) and run(args) -> exit code."""

from __future__ import annotations

import argparse
import os
import sys

from . import bench, compare, completion, convert, doctor, dump, env, info, run, serve, terminal, trace

COMMANDS = (info, run, bench, compare, convert, dump, doctor, trace, env, serve, completion)
FAILED, MISUSED, INTERRUPTED = 1, 2, 130
EXIT_CODES = f"""exit codes:
  0    done
  {FAILED}    the model, its inputs or the runtime did not work; the reason is on standard error
  {MISUSED}    the command was not understood
  {INTERRUPTED}  interrupted (Ctrl-C)"""


def build_parser() -> argparse.ArgumentParser:
    from .. import __version__

    parser = argparse.ArgumentParser(
        prog="ez-rknn",
        description="Run and inspect Rockchip .rknn models.",
        epilog=EXIT_CODES,
        formatter_class=lambda prog: argparse.RawDescriptionHelpFormatter(prog, max_help_position=16),
    )
    parser.add_argument("--version", action="version", version=f"ez-rknn {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for command in COMMANDS:
        sub = commands.add_parser(command.NAME, help=command.HELP, description=command.__doc__)
        sub.add_argument("--json", action="store_true", help="print one JSON object instead of text")
        command.add_arguments(sub)
        sub.set_defaults(run=command.run)
    return parser


def main(argv: list[str] | None = None) -> int:
    """What `ez-rknn` does; returns the exit code."""
    args = build_parser().parse_args(argv)
    try:
        code: int = args.run(args)
        sys.stdout.flush()
        return code
    except BrokenPipeError:  # whoever read our output has gone; Python would try to write the rest when it ends
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except KeyboardInterrupt:
        return INTERRUPTED
    except (RuntimeError, ValueError, OSError) as e:
        print(f"{terminal.style('ez-rknn:', 'red', stream=sys.stderr)} {e}", file=sys.stderr)
        return FAILED
