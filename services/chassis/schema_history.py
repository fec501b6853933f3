"""The revisions of a service's schema in their order, and the oldest code that each of them leaves working.

A revision is a module of ``services/<service>/migrations/versions``. Beside Alembic's names it may have

* ``supports = "0017"``: the oldest code (named by the head that it knows) that runs with the schema from here on. Left out,
  whatever ran with the revision before still runs: that is what an addition means;
* ``dangerous = "why"``: the reason for something that ``migration_lint`` refuses. Such a revision without ``supports``
  leaves no older code working;
* ``transactional = False``: it works in transactions of its own (``schema_steps``), so that it locks nothing for long. It
  is run again from its beginning when it was interrupted.
"""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from types import ModuleType

from alembic.config import Config
from alembic.script import Script, ScriptDirectory

from services.chassis.schema_landed import LANDED


def config_of(folder: Path) -> Config:
    """Alembic's configuration for a folder with ``env.py`` and ``versions/``."""
    config = Config()
    config.set_main_option("script_location", str(folder))
    config.set_main_option("path_separator", "os")
    return config


class History:
    """What the code at hand knows of a service's schema: a line of revisions without branches."""

    def __init__(self, service: str, folder: Path | None = None) -> None:
        self.service = service
        self.folder = folder or Path(__file__).parents[1] / service / "migrations"
        self.script = ScriptDirectory.from_config(config_of(self.folder))

    @cached_property
    def revisions(self) -> list[Script]:
        """Oldest first. Alembic raises its own error when the line branches."""
        return list(reversed(list(self.script.walk_revisions("base", "heads"))))

    @property
    def head(self) -> str:
        return self.revisions[-1].revision

    @cached_property
    def positions(self) -> dict[str, int]:
        """Place of each revision in the line, from 1."""
        return {revision.revision: place for place, revision in enumerate(self.revisions, start=1)}

    @cached_property
    def oldest(self) -> dict[str, str]:
        """For each revision the oldest code that runs with the schema at it. Raises ValueError for a wrong ``supports``."""
        found: dict[str, str] = {}
        before = ""
        for revision in self.revisions:
            name = revision.revision
            own = self.supports(revision) or (name if self.reason(revision) or not before else found[before])
            if own not in self.positions or self.positions[own] > self.positions[name]:
                raise ValueError(
                    f"Revision {name} of {self.service} says supports = {own!r}: name a revision up to {name} itself."
                )
            found[name] = max(own, found.get(before, own), key=self.positions.__getitem__)
            before = name
        return found

    @staticmethod
    def supports(revision: Script) -> str:
        """What the revision says itself; empty when it says nothing."""
        return str(getattr(revision.module, "supports", ""))

    def reason(self, revision: Script) -> str:
        """Why the revision may do what the linter refuses; empty when it does not ask."""
        landed = LANDED.get(self.service, {}).get(revision.revision, "")
        return str(getattr(revision.module, "dangerous", landed))

    def after(self, found: str | None) -> list[Script]:
        """The revisions that a database at ``found`` does not have yet; all of them for a new one."""
        return self.revisions[self.positions[found] if found else 0 :]


def is_transactional(module: ModuleType) -> bool:
    """Whether the revision runs in one transaction."""
    return bool(getattr(module, "transactional", True))
