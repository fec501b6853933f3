"""A process that imports one file in small batches, to be killed: import_program.py DATABASE_URL FOLDER FILE."""

from __future__ import annotations

import sys
from pathlib import Path

from services.chassis.clock import FixedClock
from services.chassis.db import Database
from services.metering.application.import_readings import ReadingsImporter
from tests.support.metering import MADRID, NOW


def main(url: str, folder: str, file: str) -> None:
    clock = FixedClock(NOW)
    database = Database(url, service="metering", clock=clock)
    importer = ReadingsImporter(database, clock, MADRID, Path(folder), 1 << 30, batch_rows=2_000)
    for step in importer.run(Path(file).name, [Path(file).read_bytes()], "staff:1"):
        print(step, flush=True)


main(*sys.argv[1:])
