"""Takes a notification and dies by SIGKILL between the booking of its payment and the commit: URL NOTIFICATION."""

from __future__ import annotations

import json
import os
import signal
import sys
from typing import Any

from services.billing.application.cards import CardPayments
from services.billing.application.receiving import Receiving
from services.billing.rules import rules_of
from services.chassis.db import Database
from services.chassis.profile import load_profile
from tests.support.cards import TERMINAL
from tests.support.stack import ROOT


def main() -> None:
    url, sent = sys.argv[1:]
    receive = Receiving.receive

    def booked_and_gone(*arguments: Any) -> None:
        receive(*arguments)
        os.kill(os.getpid(), signal.SIGKILL)

    Receiving.receive = booked_and_gone  # type: ignore[assignment, method-assign]
    rules = rules_of(load_profile(ROOT / "profiles" / "demo-es"))
    CardPayments(Database(url, service="billing"), rules, TERMINAL, "https://coop.example").notify(json.loads(sent), "")


main()
