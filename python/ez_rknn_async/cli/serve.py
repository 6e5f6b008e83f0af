"""Serve models by the Open Inference Protocol (v2) over HTTP and gRPC, with metrics for Prometheus at /metrics; on loopback unless told otherwise."""

from __future__ import annotations

import argparse
import asyncio
import json
import pathlib
from typing import Any

from .arguments import add_runtime, complete, positive
from .terminal import style

NAME = "serve"
HELP = "serve models over HTTP and gRPC"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    models = parser.add_argument(
        "models", nargs="+", metavar="[NAME=]MODEL", help="a .rknn file; its name is the file's unless given"
    )
    complete(models, "file")
    add_runtime(parser)
    parser.add_argument("--host", default="127.0.0.1", help="the address to listen on (127.0.0.1: this machine only)")
    parser.add_argument("--http-port", type=port, default=8080, metavar="PORT", help="for HTTP (8080)")
    parser.add_argument("--grpc-port", type=port, default=8081, metavar="PORT", help="for gRPC (8081)")
    parser.add_argument("--no-grpc", action="store_true", help="HTTP only")
    parser.add_argument("--schedule", default="balanced", help='cores, as the provider option: "0,1,2" (balanced)')
    parser.add_argument("--queue", type=positive(int), default=16, metavar="N", help="max_queue_size of a model (16)")
    parser.add_argument(
        "--timeout", type=positive(float), default=10.0, metavar="SECONDS", help="for one request; 503 then (10)"
    )


def port(text: str) -> int:
    number = int(text)
    if not 0 < number < 1 << 16:
        raise ValueError
    return number


def run(args: argparse.Namespace) -> int:
    paths = named(args.models)
    try:
        from ..serving import load_models, serve
    except ImportError as e:
        raise RuntimeError(f"serving needs KServe's server: pip install 'ez-rknn-async[serve]' ({e})") from None

    options: dict[str, Any] = {"schedule": args.schedule, "max_queue_size": args.queue}
    options |= {"runtime": args.runtime} if args.runtime else {}
    models = load_models(paths, options, args.timeout)
    host = f"[{args.host}]" if ":" in args.host else args.host  # as addresses are written
    facts = {
        "models": {
            model.name: {"model": paths[model.name], "on": model.session.get_providers()[0]} for model in models
        },
        "http": f"http://{host}:{args.http_port}",
        "grpc": None if args.no_grpc else f"{host}:{args.grpc_port}",
        "metrics": f"http://{host}:{args.http_port}/metrics",
    }
    asyncio.run(
        serve(
            models,
            host=args.host,
            http_port=args.http_port,
            grpc_port=None if args.no_grpc else args.grpc_port,
            started=lambda: print(json.dumps(facts) if args.json else as_text(facts), flush=True),
        )
    )
    return 0


def named(arguments: list[str]) -> dict[str, str]:
    """Paths by name."""
    paths: dict[str, str] = {}
    for argument in arguments:
        name, separator, path = argument.partition("=")
        if not separator:
            name, path = pathlib.Path(argument).stem, argument
        if name in paths:
            raise ValueError(f"{argument}: there is a model {name!r} already; write NAME={path} with another name")
        paths[name] = path
    return paths


def as_text(facts: dict[str, Any]) -> str:
    lines = [f"{style(name, 'bold')}  {model['model']} on {model['on']}" for name, model in facts["models"].items()]
    lines.append(f"  HTTP     {facts['http']}/v2/models/{next(iter(facts['models']))}/infer")
    if facts["grpc"]:
        lines.append(f"  gRPC     {facts['grpc']}")
    lines.append(f"  metrics  {facts['metrics']}")
    return "\n".join(lines)
