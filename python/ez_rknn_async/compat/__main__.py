"""python -m ez_rknn_async.compat SCRIPT ARGUMENTS...

Runs a Python script in which `rknnlite.api`, `rknn.api` and `rknn_toolkit_lite2` are this package's.
"""

from __future__ import annotations

import os
import sys
import types

MODULES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "modules")


def main() -> None:
    if len(sys.argv) < 2 or sys.argv[1] in ("-h", "--help"):
        print(__doc__.strip(), file=sys.stdout if len(sys.argv) > 1 else sys.stderr)
        sys.exit(0 if len(sys.argv) > 1 else 2)
    path = sys.argv[1]
    try:
        with open(path, "rb") as file:
            source = file.read()
    except OSError as e:
        sys.exit(f"ez_rknn_async.compat: cannot read the script {path}: {e.strerror}")
    # As `python SCRIPT` does; then the stand-ins, before an installed package of the same name. Processes that the
    # script starts with multiprocessing receive this list, and so the stand-ins.
    sys.path[0] = os.path.dirname(os.path.realpath(path))
    sys.path.insert(1, MODULES)
    del sys.argv[0]
    # A module of its own: the script's __main__ holds nothing of this one, and pickle finds the script's classes.
    script = types.ModuleType("__main__")
    script.__dict__.update(__file__=path, __builtins__=__builtins__)
    sys.modules["__main__"] = script
    try:
        exec(compile(source, path, "exec"), script.__dict__)
    except SystemExit:
        raise
    except BaseException as e:
        if e.__traceback__:
            e.__traceback__ = e.__traceback__.tb_next  # begins in the script, as it does without this launcher
        sys.excepthook(type(e), e, e.__traceback__)
        sys.exit(130 if isinstance(e, KeyboardInterrupt) else 1)


if __name__ == "__main__":
    main()
