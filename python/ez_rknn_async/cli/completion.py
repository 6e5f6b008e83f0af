"""Print a completion script for a shell. bash: ez-rknn completion bash > ~/.local/share/bash-completion/completions/ez-rknn"""

from __future__ import annotations

import argparse
import json

NAME = "completion"
HELP = "print a completion script for a shell"
SHELLS = ("bash", "zsh", "fish", "tcsh")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("shell", choices=SHELLS, help="the shell the script is for")


def run(args: argparse.Namespace) -> int:
    try:
        import shtab
    except ImportError:
        raise RuntimeError("completion scripts are made by shtab: pip install 'ez-rknn-async[cli]'") from None

    from . import build_parser

    script = shtab.complete(build_parser(), shell=args.shell)
    print(json.dumps({"shell": args.shell, "script": script}, indent=1) if args.json else script)
    return 0
