"""Starting a bill run and waiting for its end; a billing service that is restarted meanwhile is waited for."""

from __future__ import annotations

from collections.abc import Callable

from coop.billing.v1 import billing_pb2
from coop.billing.v1 import billing_service_pb2 as pb

from services.chassis.errors import Unavailable
from services.staff.office import Office

WATCH_S = 3600.0
PATIENCE_S = 60.0
"""How long a billing service that went away in the middle of a run is waited for."""

Watcher = Callable[[billing_pb2.BillRun], None]


def start(office: Office, period: str, issue_date: str, request_id: str) -> billing_pb2.BillRun:
    """Starts the run of a month, or takes it up again."""
    with office.calling("billing"):
        request = pb.StartBillRunRequest(period=period, issue_date=issue_date, request_id=request_id)
        return office.billing.StartBillRun(request, timeout=60).run


def wait(office: Office, run_id: str, watcher: Watcher = lambda _run: None) -> pb.GetBillRunResponse:
    """Returns the run with its held contracts once it has completed; `watcher` hears each change on the way."""
    while True:
        try:
            with office.calling("billing"):
                for answer in office.billing.WatchBillRun(pb.WatchBillRunRequest(bill_run_id=run_id), timeout=WATCH_S):
                    watcher(answer.run)
            with office.calling("billing"):
                state = office.billing.GetBillRun(pb.GetBillRunRequest(bill_run_id=run_id))
        except Unavailable:
            for service in ("identity", "billing"):
                office.wait_until_reachable(service, PATIENCE_S)
            continue
        if state.run.state == billing_pb2.BILL_RUN_STATE_COMPLETED:
            return state


def preview(
    office: Office, period: str, issue_date: str, watcher: Watcher = lambda _run: None
) -> pb.PreviewBillRunResponse:
    """Prices a month without writing anything."""
    latest = pb.PreviewBillRunResponse()
    with office.calling("billing"):
        request = pb.PreviewBillRunRequest(period=period, issue_date=issue_date)
        for answer in office.billing.PreviewBillRun(request, timeout=WATCH_S):
            latest = answer
            watcher(answer.run)
    return latest
