"""Schemas of releases that are not there: a folder of revisions as a service has it, made up or continued from a real one."""

from __future__ import annotations

import shutil
from pathlib import Path
from textwrap import indent

from services.chassis.schema_history import History


def revision(folder: Path, name: str, before: str | None, upgrade: str, **attributes: object) -> None:
    """Writes a revision whose ``upgrade`` has these statements; ``attributes`` such as ``supports``."""
    lines = [
        f'"""Revision {name} of a test."""',
        "import sqlalchemy as sa",
        "from alembic import op",
        "from services.chassis import schema_steps as steps",
        f"revision = {name!r}",
        f"down_revision = {before!r}",
        *(f"{attribute} = {value!r}" for attribute, value in attributes.items()),
        "def upgrade():",
        indent(upgrade.strip(), "    "),
    ]
    versions = folder / "versions"
    versions.mkdir(parents=True, exist_ok=True)
    (versions / f"{name}.py").write_text("\n".join(lines) + "\n")


def next_release(service: str, folder: Path) -> Path:
    """A copy of the service's revisions, to which a test adds what the next release brings."""
    return Path(shutil.copytree(History(service).folder, folder, ignore=shutil.ignore_patterns("__pycache__")))
