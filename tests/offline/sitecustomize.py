"""Python runs this at its start where the folder is on the path: nothing outside this computer can be reached, and each try is noted.

A try is written to the file named in ``$BALL_TEST_SOCKETS`` and fails, as it does with the network cut off.
"""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Any

_HERE = {"localhost", "127.0.0.1", "::1", "0.0.0.0", "::", ""}
_lookup = socket.getaddrinfo
_methods = {name: getattr(socket.socket, name) for name in ("connect", "connect_ex", "sendto")}


def _refuse(where: object) -> None:
    with Path(os.environ["BALL_TEST_SOCKETS"]).open("a") as file:
        file.write(f"{where}\n")
    raise OSError(101, "Network is unreachable")


def _guarded(name: str) -> Any:
    def method(self: socket.socket, *arguments: Any) -> Any:
        address = arguments[-1]
        if self.family in (socket.AF_INET, socket.AF_INET6) and address[0] not in _HERE:
            _refuse(address)
        return _methods[name](self, *arguments)

    return method


def _getaddrinfo(host: Any, *arguments: Any, **options: Any) -> Any:
    if (host.decode() if isinstance(host, bytes) else host or "") not in _HERE | {socket.gethostname()}:
        _refuse(host)
    return _lookup(host, *arguments, **options)


if os.environ.get("BALL_TEST_SOCKETS"):
    for _name in _methods:
        setattr(socket.socket, _name, _guarded(_name))
    socket.getaddrinfo = _getaddrinfo
