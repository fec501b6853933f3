"""The invoices of a demonstration, each calculated again from its bundle, as whoever doubts all of them would."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from coop.billing.v1 import billing_service_pb2 as billing

from services.chassis.profile import load_profile
from services.local.demo.logins import STAFF_PASSWORD
from services.staff.invoice_bundle import bundle_in, facts_of
from services.staff.verify.check import verify
from tests.support.office import Office, staff_office
from tests.support.stack import Stack
from tests.system.chain import all_supplies

PROFILES = Path(__file__).resolve().parents[2] / "profiles"
MANY = 100


@dataclass(frozen=True)
class Proofs:
    invoices: int
    months: int
    #: Number -> in what its second calculation differs.
    differing: dict[str, tuple[str, ...]]


def prove(stack: Stack, profile: str, every: int = 1) -> Proofs:
    """Verifies every n-th invoice of a loaded demonstration, over all its supplies and months."""
    office = Office(stack, load_profile(PROFILES / profile).email, STAFF_PASSWORD)
    clerk = staff_office(office)
    try:
        found = [
            invoice
            for supply in all_supplies(office)
            for invoice in office.billing.ListInvoices(
                billing.ListInvoicesRequest(supply_id=supply.id, page_size=MANY)
            ).invoices
        ]
        looked_at = found[::every]
        verdicts = [verify(bundle_in(clerk, facts_of(clerk, invoice.number))) for invoice in looked_at]
    finally:
        clerk.close()
    differing = {verdict.number: verdict.differences for verdict in verdicts if not verdict.holds}
    return Proofs(len(verdicts), len({invoice.period.start for invoice in looked_at}), differing)
