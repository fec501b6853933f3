"""Corrections over the event log and gRPC: what metering announces, the office decides and the member then reads."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from coop.billing.v1 import billing_service_pb2 as billing
from coop.billing.v1 import rectifying_service_pb2 as pb
from coop.billing.v1.rectifying_service_pb2_grpc import RectifyingServiceStub
from coop.common.v1.types_pb2 import DatePeriod
from coop.metering.events.v1.events_pb2 import ReadingCorrected

from services.chassis.errors import Forbidden, Invalid, Refused
from services.chassis.eventlog import Record
from services.chassis.ids import new_id
from tests.integration.billing.test_billing_service import FakeMetering, Running, fetched, running
from tests.support.billing import access, member_message, supply_message
from tests.support.service_under_test import eventually, refusal

__all__ = ["running"]
CURVE = "coop.metering.curve.v1"
NUMBER = "E-2026-000001"


@pytest.fixture
def known(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """What metering knows of P1 in Wh; the test may know better later."""
    wh = {"P1": 62_000}
    before = FakeMetering.StreamBillableEnergy

    def answer(self: FakeMetering, request: Any, context: Any) -> Iterator[Any]:
        for each in before(self, request, context):
            each.energy[0].import_wh = wh["P1"]
            yield each

    monkeypatch.setattr(FakeMetering, "StreamBillableEnergy", answer)
    return wh


def rectifying(running: Running, *roles: str) -> Any:
    return replace(running.service, stub_type=RectifyingServiceStub).as_staff(*roles)


def announce(running: Running, invoice_id: str, known_wh: int) -> None:
    """Twice, as the event log may."""
    event = ReadingCorrected(
        supply_id="ana",
        service_id="ana-light",
        invoice_id=invoice_id,
        period=DatePeriod(start="2026-10-01", end="2026-11-01"),
        billed_wh=245_000,
        known_wh=known_wh,
        curve_version=4,
    )
    headers = {"ce_id": new_id(), "ce_type": event.DESCRIPTOR.full_name, "ce_source": "metering"}
    running.log.ensure_topics([CURVE])
    running.log.append([Record(CURVE, "ana", event.SerializeToString(), headers)] * 2)


def test_a_correction_from_the_announcement_to_the_members_invoice(known: dict[str, int], running: Running) -> None:
    running.tell(member_message("ana"), supply_message("ana"), access("account-ana", "ana"))
    running.settle(1)
    running.bill()
    member = running.service.as_member("account-ana")
    invoice = member.GetInvoice(billing.GetInvoiceRequest(invoice_id=NUMBER)).invoice
    office, auditor = rectifying(running, "billing"), rectifying(running, "auditor")
    known["P1"] = 82_000
    announce(running, invoice.id, 265_000)
    asked = pb.ListCorrectionsRequest(state="proposed")
    eventually(lambda: len(auditor.ListCorrections(asked).corrections) == 1)
    (found,) = auditor.ListCorrections(asked).corrections
    assert (found.invoice_number, found.billed_wh, found.known_wh, found.billed.amount) == (
        NUMBER,
        245_000,
        265_000,
        "55.44",
    )
    shown = auditor.GetCorrection(pb.GetCorrectionRequest(correction_id=found.id))
    assert [(line.description, line.quantity) for line in shown.effect.lines] == [
        ("Energía consumida", "-62"),
        ("Energía consumida", "82"),
    ]
    assert [each.due_date for each in shown.effect.instalments] == ["2026-12-11", "2027-01-11"]

    order = pb.ApproveCorrectionRequest(correction_id=found.id, request_id=new_id())
    assert isinstance(refusal(lambda: auditor.ApproveCorrection(order)), Forbidden)
    made = [office.ApproveCorrection(order).correction for _ in range(2)]
    assert made[0] == made[1]
    assert (made[0].state, made[0].rectifying_number) == ("issued", "R-2026-000001")
    assert "staff-1" in made[0].decided_by
    discard = pb.DiscardCorrectionRequest(correction_id=found.id, why="No", request_id=new_id())
    assert isinstance(refusal(lambda: office.DiscardCorrection(discard)), Refused)

    original, rectified = member.ListInvoices(billing.ListInvoicesRequest(supply_id="ana")).invoices
    assert (original.number, list(original.rectified_by), original.total.amount) == (NUMBER, ["R-2026-000001"], "55.44")
    assert (rectified.kind, rectified.rectifies) == ("rectifying", NUMBER)
    assert rectified.total == shown.effect.difference
    assert list(rectified.instalments) == list(shown.effect.instalments)
    name, pdf = fetched(member.GetInvoiceDocument(billing.GetInvoiceDocumentRequest(invoice_id=rectified.id)))
    assert name == "R-2026-000001.pdf"
    assert pdf.startswith(b"%PDF-")


def test_the_office_rectifies_by_itself(known: dict[str, int], running: Running) -> None:
    running.tell(member_message("ana"), supply_message("ana"), access("account-ana", "ana"))
    running.settle(1)
    running.bill()
    office = rectifying(running, "billing")
    known["P1"] = 42_000
    order = {"invoice": NUMBER, "reason": "The meter was another one", "method": pb.RECTIFICATION_METHOD_SUBSTITUTION}
    effect = office.PreviewRectification(pb.PreviewRectificationRequest(**order)).effect
    assert (effect.billed.amount, effect.blocked, effect.interest.amount) == ("55.44", "", "0.00")
    made = office.RectifyInvoice(pb.RectifyInvoiceRequest(**order, request_id=new_id()))
    assert (made.number, made.rectified_number, made.total) == ("R-2026-000001", NUMBER, effect.corrected)
    debt = running.staff.GetDebtState(billing.GetDebtStateRequest(supply_id="ana")).debt
    assert [(item.invoice_number, item.outstanding) for item in debt.open_items] == [("R-2026-000001", made.total)]
    wrong = pb.RectifyInvoiceRequest(**{**order, "method": 7}, request_id=new_id())
    assert isinstance(refusal(lambda: office.RectifyInvoice(wrong)), Invalid)
    pages = pb.ListCorrectionsRequest(page_size=-1)
    assert isinstance(refusal(lambda: office.ListCorrections(pages)), Invalid)
