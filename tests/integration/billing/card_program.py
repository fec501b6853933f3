"""Takes a notification and dies by SIGKILL between the booking of its payment and the commit: URL FOLDER NOTIFICATION."""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

from services.billing.application.receiving import Receiving
from services.chassis.clock import FixedClock
from services.chassis.db import Database
from tests.integration.billing.test_cards import Shopfront
from tests.support.billing import NOW, Office


def main() -> None:
    url, folder, sent = sys.argv[1:]
    receive = Receiving.receive

    def booked_and_gone(*arguments: Any) -> None:
        receive(*arguments)
        os.kill(os.getpid(), signal.SIGKILL)

    Receiving.receive = booked_and_gone  # type: ignore[assignment, method-assign]
    office = Office(Database(url, service="billing", clock=FixedClock(NOW)), Path(folder))
    Shopfront(office).notify(json.loads(sent))


main()
