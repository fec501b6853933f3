"""Days of a bill's period on which a connected service has no contract: what is used on them would be paid by nobody."""

from __future__ import annotations

from collections.abc import Iterator

from services.billing.domain.planning import HeldBill
from services.billing.domain.supplies import Service, Supply
from services.chassis.periods import DatePeriod

DAYS_WITHOUT_CONTRACT = "DAYS_WITHOUT_CONTRACT"
CONNECTED = "connected"


def check_contracts(supply: Supply, period: DatePeriod) -> None:
    """Raises HeldBill when a service that is billed in the period has days of it without a contract.

    Not for a service that is disconnected or has ended, nor before the day on which its billing begins.
    """
    for service in supply.services:
        for days in _days_without(service, period):
            contract, _ = next(service.contracts_in(period))
            raise HeldBill(
                DAYS_WITHOUT_CONTRACT,
                f"The {service.kind} of account {supply.account_number} has no contract from {days.start} to {days.end} "
                "(excluded), and it is connected: enter the contract of those days, or the day on which the service ended or "
                "its billing begins, or release the bill without them.",
                contract.id,
            )


def _days_without(service: Service, period: DatePeriod) -> Iterator[DatePeriod]:
    billed = [days for _, days in service.contracts_in(period)]
    if not billed or service.state != CONNECTED:
        return
    begins = min(contract.start for contract in service.contracts)
    after = max(period.start, service.billing_from or begins)
    for days in billed:
        if after < days.start:
            yield DatePeriod(after, days.start)
        after = max(after, days.end)
    if after < period.end:
        yield DatePeriod(after, period.end)
