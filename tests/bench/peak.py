"""``python -m tests.bench.peak REPORT SUPPLIES``: imports one report in a fresh process and tells its peak memory as JSON."""

import json
import resource
import sys
import tempfile
from pathlib import Path

from tests.bench.readings import MeteringAlone


def main() -> None:
    report, supplies = Path(sys.argv[1]), int(sys.argv[2])
    with tempfile.TemporaryDirectory(prefix="acometida-bench-") as name:
        metering = MeteringAlone(f"sqlite:///{name}/metering.db", Path(name))
        metering.connect(supplies)
        with metering.relay():
            summary = metering.load(report)
        metering.close()
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"peak_mb": peak_mb, "readings": summary.record.accepted}))


if __name__ == "__main__":
    main()
