"""Works through the chunks of a bill run and dies by SIGKILL in one of them: URL FOLDER CHUNK priced|issued|committed."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from services.chassis.clock import FixedClock
from services.chassis.db import Database
from tests.support.billing import NOW, Office


def main() -> None:
    url, folder, dies_in, moment = sys.argv[1:]
    office = Office(Database(url, service="billing", clock=FixedClock(NOW)), Path(folder))

    def reached(number: int, here: str) -> None:
        if (number, here) == (int(dies_in), moment):
            os.kill(os.getpid(), signal.SIGKILL)

    for number, chunk_id in enumerate(office.waiting_chunks(), start=1):
        priced = office.runs.price_chunk(chunk_id)
        reached(number, "priced")
        with office.database.write() as tx:
            office.runs.issue_chunk(tx, chunk_id, priced)
            reached(number, "issued")
        reached(number, "committed")


main()
