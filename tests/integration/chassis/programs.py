"""Processes that these tests kill: `python -m tests.integration.chassis.programs relay|consume DATABASE_URL LOG_URL`."""

import sys
import threading

from services.chassis.db import Database
from services.chassis.eventlog import open_event_log
from services.chassis.outbox import OutboxRelay
from tests.integration.chassis import ledger

if __name__ == "__main__":
    role, database_url, event_log_url = sys.argv[1:]
    database = Database(database_url, service="ledger")
    with open_event_log(event_log_url, lease_s=0.8) as event_log:
        if role == "relay":
            OutboxRelay(database, event_log, look_every_s=0.01).run(threading.Event())
        else:
            ledger.consumer(database, event_log, ledger.subscription())(threading.Event())
