"""`python -m ball models`: the five networks, their files and whether they load."""

from __future__ import annotations

import argparse
from typing import Any

from ball.commands._output import require_writable, table, write
from ball.export import json_text


def add(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "models", help="list the five networks, their files, SHA-256 and whether they load",
        description="List the five networks, their files, SHA-256 and whether they load. Exit status 1 if one does not.",
    )
    parser.add_argument("--json", metavar="FILE", help="write JSON to FILE, - for standard output")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Try each network; 0 if all load, else 1."""
    require_writable(args.json)
    from ball.networks import NETWORKS

    entries = [_entry(name) for name in NETWORKS]
    if args.json:
        write(args.json, json_text(entries))
    else:
        header = ("network", "file", "MB", "sha256", "loads")
        print(table(header, [
            (entry["title"], entry["file"], _megabytes(entry["bytes"]), (entry["sha256"] or "-")[:12], entry["reason"] or "yes")
            for entry in entries
        ]))
    return 0 if all(entry["loads"] for entry in entries) else 1


def _entry(name: str) -> dict[str, Any]:
    """What is known of one network; ``sha256`` is that of the file as it lies there."""
    import hashlib

    from ball.networks import NETWORKS
    from ball.weights import Store, WeightError

    store, network = Store(), NETWORKS[name]
    reason = None
    try:
        store.load(name)
    except WeightError as error:
        reason = str(error)
    try:
        data = (store.folder / network.file).read_bytes()
    except OSError:
        data = b""
    return {
        "network": name,
        "title": network.title,
        "file": network.file,
        "bytes": len(data) if data else None,
        "sha256": hashlib.sha256(data).hexdigest() if data else None,
        "loads": reason is None,
        "reason": reason,
    }


def _megabytes(size: int | None) -> str:
    return "-" if size is None else f"{size / 1e6:.1f}"
