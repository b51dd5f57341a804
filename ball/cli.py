"""The command line: `python -m ball COMMAND`. Each command is a module of `ball.commands`.

Exit status: 0 all read; 1 some inputs could not be decoded; 2 wrong usage, an unknown class folder, or no image at
all; 130 interrupted. Progress and errors go to standard error.
"""

from __future__ import annotations

import argparse
import io
import os
import sys
from collections.abc import Sequence

from ball import __version__
from ball.commands import audit, calibrate, data, evaluate, models, read, segment, train, tune
from ball.commands._output import UsageError, printable


def parser() -> argparse.ArgumentParser:
    """The parser of all commands; importing nothing heavy, so that --help is quick."""
    top = argparse.ArgumentParser(
        prog="python -m ball",
        description="A second reader for B-ALL blood smears. For research use only: the software suggests, the reader decides.",
        epilog="Weights are taken from $BALL_WEIGHTS, else from the folder weights beside the package.",
    )
    top.add_argument("--version", action="version", version=__version__)
    commands = top.add_subparsers(metavar="COMMAND", required=True)
    for command in (read, segment, evaluate, data, train, tune, audit, calibrate, models):
        command.add(commands)
    return top


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status.

    Raises:
        SystemExit: from the parser, 2 on wrong usage and 0 after --help.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    args = parser().parse_args(argv)
    try:
        status: int = args.run(args)
        sys.stdout.flush()
    except UsageError as error:
        print(f"python -m ball: {printable(str(error))}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        return 130
    except BrokenPipeError:
        # Whoever read standard output has gone (`| head`): nothing is left to say, and nothing must be flushed to it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    return status
