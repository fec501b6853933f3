"""Which Acometida this is: what an image was built from, or that a checkout runs."""

from __future__ import annotations

import json
import platform
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

SOURCE = "source"
"""The commit of what no image was built from."""

FILE = Path(__file__).with_name("build.json")
"""Written when an image is built (deploy/image/Containerfile), absent in a checkout."""


@dataclass(frozen=True)
class Build:
    version: str
    #: Full hash of the commit, with "-modified" when the checkout was not as committed; or "source".
    commit: str
    #: When the commit was made, ISO 8601 in UTC; empty when it is not known.
    time: str
    #: The Python that runs this process.
    python: str

    def document(self) -> dict[str, str]:
        """As `/version` and `coopctl version --json` give it."""
        return {"name": "acometida", **{key: value for key, value in asdict(self).items() if value}}


def build(file: Path = FILE) -> Build:
    """What runs here."""
    if file.is_file():
        told = json.loads(file.read_text())
        return Build(told["version"], told["commit"], told["time"], platform.python_version())
    try:
        installed = version("acometida")
    except PackageNotFoundError:  # run from a checkout that was not installed
        installed = "0+checkout"
    return Build(installed, SOURCE, "", platform.python_version())
