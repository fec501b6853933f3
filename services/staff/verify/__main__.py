"""``python -m services.staff.verify BUNDLE.json``: 0 when the invoice holds, 1 when it does not or cannot be read."""

from __future__ import annotations

import sys
from pathlib import Path

from services.staff.verify.check import verify
from services.staff.verify.document import read
from services.staff.verify.numbers import Unverifiable


def main(path: str) -> int:
    try:
        verdict = verify(read(Path(path).read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, Unverifiable) as problem:
        print(f"{path}: {problem}", file=sys.stderr)
        return 1
    for difference in verdict.differences:
        print(difference)
    state = "holds" if verdict.holds else "does not hold"
    print(f"{verdict.number} {state}: {verdict.printed_total} printed, {verdict.calculated_total} calculated again.")
    return 0 if verdict.holds else 1


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("Say which bundle: python -m services.staff.verify BUNDLE.json")
    sys.exit(main(sys.argv[1]))
