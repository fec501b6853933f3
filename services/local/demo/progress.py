"""How far a load has come, in a file, so that one that was interrupted goes on where it stopped."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path


class LoadState:
    """`demo/load.json` in the data folder: the date the demonstration is told from, and the steps that are done."""

    def __init__(self, folder: Path, today: date) -> None:
        self._path = folder / "load.json"
        if self._path.exists():
            kept = json.loads(self._path.read_text(encoding="utf-8"))
            self.today = date.fromisoformat(kept["today"])
            self._done: list[str] = kept["done"]
        else:
            folder.mkdir(parents=True, exist_ok=True)
            self.today = today
            self._done = []
            self._write()

    def is_done(self, step: str) -> bool:
        return step in self._done

    def mark(self, step: str) -> None:
        self._done.append(step)
        self._write()

    def _write(self) -> None:
        # Replaced as a whole: a kill leaves the old file or the new one.
        temporary = self._path.with_suffix(".part")
        temporary.write_text(json.dumps({"today": self.today.isoformat(), "done": self._done}), encoding="utf-8")
        temporary.replace(self._path)
