"""What the tests measured, for whoever reads the run: one line each, in a file and at the end of the output."""

from __future__ import annotations

import json

from tests.support.stack import ROOT

FILE = ROOT / "var" / "k8s-report.json"


def note(what: str, said: str) -> None:
    """Keeps a sentence under a name; the newest of a name counts."""
    kept = json.loads(FILE.read_text()) if FILE.exists() else {}
    kept[what] = said
    FILE.parent.mkdir(parents=True, exist_ok=True)
    draft = FILE.with_name(f".{FILE.name}")
    draft.write_text(json.dumps(kept, indent=1, ensure_ascii=False) + "\n")
    draft.replace(FILE)
    print(f"{what}: {said}")
