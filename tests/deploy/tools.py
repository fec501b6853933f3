"""The programs that check `deploy/` without a cluster: kustomize and the compose specification's own reader.

Both are built once from `deploy/tools/go.mod` into `var/cache/tools`, under a name of their exact versions. For kustomize the
machine's own `kubectl` does as well, and saves the build.
"""

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from tests.support.needs import missing

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
_MODULE = DEPLOY / "tools"
_SETTING = re.compile(r'setting\(\s*"([A-Z_]+)"')
_PACKAGES = {
    "kustomize": "sigs.k8s.io/kustomize/kustomize/v5",
    "compose-spec": "github.com/compose-spec/compose-go/v2/cmd",
}


def _built(name: str) -> str:
    """The path of a program, compiled when it is not there yet. Without Go: a named skip, or a failure under CI."""
    pinned = b"".join((_MODULE / file).read_bytes() for file in ("go.mod", "go.sum"))
    program = ROOT / "var" / "cache" / "tools" / hashlib.sha256(pinned).hexdigest()[:12] / name
    if program.exists():
        return str(program)
    go = shutil.which("go") or shutil.which("/usr/local/go/bin/go")
    if go is None:
        return missing(f"{name} is not on this machine and cannot be built: install Go 1.24 or newer.")
    program.parent.mkdir(parents=True, exist_ok=True)
    with (program.parent / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if program.exists():
            return str(program)
        draft = program.with_name(f"{name}.new")
        environment = {**os.environ, "CGO_ENABLED": "0", "GOWORK": "off", "GOFLAGS": "-mod=readonly -buildvcs=false"}
        command = [go, "build", "-trimpath", "-o", str(draft), _PACKAGES[name]]
        done = subprocess.run(command, cwd=_MODULE, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            return missing(f"{name} could not be built from {_MODULE}:\n{done.stderr[-2000:]}")
        draft.rename(program)
    return str(program)


@cache
def known_settings() -> frozenset[str]:
    """The variables that the code reads, each also with _FILE behind its name."""
    files = (ROOT / "services").rglob("*.py")
    return frozenset(name for file in files for name in _SETTING.findall(file.read_text()))


@cache
def _kustomize() -> tuple[str, ...]:
    own = shutil.which("kubectl")
    return (own, "kustomize") if own else (_built("kustomize"), "build")


def kustomize(folder: Path) -> list[dict[str, Any]]:
    """The objects that a folder builds."""
    done = subprocess.run([*_kustomize(), str(folder)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{folder} does not build:\n{done.stderr}"
    return [found for found in yaml.load_all(done.stdout, Loader=yaml.CSafeLoader) if found]


def compose(file: Path, **environment: str) -> dict[str, Any]:
    """A compose file as the specification's reader understands it: checked against its schema and for consistency."""
    done = subprocess.run(
        [_built("compose-spec"), "--format", "json", str(file)],
        env={**os.environ, **environment},
        cwd=file.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{file} is not valid:\n{done.stderr}"
    read: dict[str, Any] = yaml.load(done.stdout, Loader=yaml.CSafeLoader)
    return read
