"""Every invoice of both demonstrations, fourteen months each, calculated again by the second implementation.

``python -m tests.bench.proofs`` does this alone.
"""

import json
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.bench.metering import at_most
from tests.support.proofs import prove
from tests.support.stack import running_stack


def measure(folder: Path) -> dict[str, Any]:
    folder.mkdir(exist_ok=True)
    return {profile: _of(folder / profile, profile) for profile in ("demo-es", "demo-ar")}


def _of(folder: Path, profile: str) -> dict[str, Any]:
    began = time.perf_counter()
    with running_stack(folder, profile=profile) as stack:
        loaded = time.perf_counter()
        proofs = prove(stack, profile)
        proved = time.perf_counter()
    return {
        "months": proofs.months,
        "invoices": proofs.invoices,
        "differing": at_most(len(proofs.differing), 0),
        "first_differing": dict(list(proofs.differing.items())[:3]),
        "loading_s": round(loaded - began, 1),
        "invoices_proved_per_s": round(proofs.invoices / (proved - loaded), 1),
    }


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="acometida-bench-") as name:
        print(json.dumps(measure(Path(name)), indent=2))
