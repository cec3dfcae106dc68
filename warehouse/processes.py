"""Processes of others and our own: ending with the parent, ending a child."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys

PATIENCE_S = 10.0


def die_with_parent() -> int:
    """Asks Linux for SIGTERM when the parent thread ends; elsewhere whoever watches the parent's id notices."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(1, signal.SIGTERM)
    return os.getppid()


def end(process: subprocess.Popen) -> None:
    """SIGTERM, and SIGKILL when that is not obeyed in time."""
    if process.poll() is not None:
        return
    process.terminate()
    try:
        process.wait(timeout=PATIENCE_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
