"""promtool, Prometheus' own checker of rules: the machine's, or unpacked from Debian's package into var/cache.

Installing the package would start a server; unpacking it does not, and needs no root.
"""

import fcntl
import os
import shutil
import subprocess
from functools import cache
from pathlib import Path

from tests.support.needs import missing

ROOT = Path(__file__).resolve().parents[2]
_CACHE = ROOT / "var" / "cache" / "prometheus"


@cache
def promtool() -> str:
    """Its path. Where it cannot be had: a named skip, or a failure under CI."""
    own = shutil.which("promtool")
    unpacked = _CACHE / "usr" / "bin" / "promtool"
    if own or unpacked.exists():
        return own or str(unpacked)
    if not (shutil.which("apt-get") and shutil.which("dpkg")):
        return missing("promtool is not on this machine: install Prometheus.")
    _CACHE.mkdir(parents=True, exist_ok=True)
    with (_CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        problem = "" if unpacked.exists() else _unpack()
    return str(unpacked) if unpacked.exists() else missing(f"promtool could not be brought by apt-get: {problem}")


def _unpack() -> str:
    """What went wrong, empty when nothing did."""
    done = _run("apt-get", "--quiet", "download", "prometheus")
    if done.returncode and os.geteuid() == 0:
        _run("apt-get", "--quiet", "update")
        done = _run("apt-get", "--quiet", "download", "prometheus")
    if done.returncode:
        return done.stderr[-500:]
    package = next(_CACHE.glob("prometheus_*.deb"))
    done = _run("dpkg", "-x", str(package), str(_CACHE))
    package.unlink()
    return done.stderr[-500:] if done.returncode else ""


def _run(*command: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(command, cwd=_CACHE, capture_output=True, text=True, check=False)
