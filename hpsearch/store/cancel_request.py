"""A request to stop, left for a live controller that no signal reaches: one on another machine, say."""

from __future__ import annotations

import json
import os
import socket
from dataclasses import asdict
from pathlib import Path

from hpsearch.store.layout import write_whole
from hpsearch.store.lock import Holder


def leave_request(path: Path, holder: Holder) -> None:
    """Ask this holder of the lock to stop; nobody else takes the request.

    Raises StoreError if it cannot be written.
    """
    content = {"to": asdict(holder), "by": f"process {os.getpid()} on {socket.gethostname()}"}
    write_whole(path, json.dumps(content).encode() + b"\n")


def take_request(path: Path, holder: Holder) -> str | None:
    """Take the request away; return who asked, or None if nobody asked this holder. Costs little if there is none."""
    if not path.exists():
        return None
    try:
        content = json.loads(path.read_bytes())
        path.unlink()
    except (OSError, ValueError):
        return None
    return str(content["by"]) if content.get("to") == asdict(holder) else None
