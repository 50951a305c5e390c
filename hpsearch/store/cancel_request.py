"""A request to stop, left for a live controller that no signal reaches: one on another machine, say."""

from __future__ import annotations

import contextlib
import json
import os
import socket
from dataclasses import asdict
from pathlib import Path

from hpsearch.store.checked import read_small
from hpsearch.store.holder import Holder, holder_from
from hpsearch.store.layout import write_whole


def leave_request(path: Path, holder: Holder) -> None:
    """Ask this holder of the lock to stop; nobody else takes the request.

    Raises StoreError if it cannot be written.
    """
    content = {"to": asdict(holder), "by": f"process {os.getpid()} on {socket.gethostname()}"}
    write_whole(path, json.dumps(content).encode() + b"\n")


def take_request(path: Path, holder: Holder) -> str | None:
    """Take the request away; return who asked, or None if nobody asked this holder. Costs little if there is none.

    What is no request is taken away, too.
    """
    if not path.exists():
        return None
    try:
        content = json.loads(read_small(path))
        path.unlink()
        return str(content["by"]) if holder_from(content["to"]) == holder else None
    except (ValueError, TypeError, KeyError, RecursionError):
        with contextlib.suppress(OSError):
            path.unlink()
        return None
    except OSError:
        return None
