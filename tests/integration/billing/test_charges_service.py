"""A charge over gRPC: who may issue one, and what the member then reads and downloads."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from coop.billing.v1 import billing_service_pb2 as billing
from coop.billing.v1 import charges_service_pb2 as pb
from coop.billing.v1.charges_service_pb2_grpc import ChargesServiceStub

from services.chassis.errors import Forbidden, Invalid
from tests.integration.billing.test_billing_service import Running, fetched, running
from tests.support.billing import access, member_message, supply_message
from tests.support.service_under_test import refusal

__all__ = ["running"]
ORDER = {"supply_id": "ana", "concept": "reconnection", "amount": "18.09", "text": "Reconexión", "request_id": "once"}


def charging(running: Running, *roles: str) -> Any:
    return replace(running.service, stub_type=ChargesServiceStub).as_staff(*roles)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_the_office_charges_and_the_member_reads_it(running: Running) -> None:
    running.tell(member_message("ana"), supply_message("ana"), access("account-ana", "ana"))
    running.settle(1)
    office = charging(running, "billing")
    assert {each.code for each in office.GetChargeConcepts(pb.GetChargeConceptsRequest()).concepts} >= {"reconnection"}
    made = office.IssueCharge(pb.IssueChargeRequest(**ORDER))
    assert (made.number, made.net.amount, made.total.amount, made.holder) == (
        "V-2026-000001", "18.09", "21.89", "Ana Pérez",
    )  # fmt: skip
    assert office.IssueCharge(pb.IssueChargeRequest(**ORDER)).number == made.number
    for changes, kind in (({"amount": "0", "request_id": "b"}, Invalid), ({"request_id": ""}, Invalid)):
        assert isinstance(refusal(lambda c=changes: office.IssueCharge(pb.IssueChargeRequest(**{**ORDER, **c}))), kind)
    auditor = charging(running, "auditor")
    assert isinstance(refusal(lambda: auditor.IssueCharge(pb.IssueChargeRequest(**ORDER))), Forbidden)
    member = running.service.as_member("account-ana")
    (listed,) = member.ListInvoices(billing.ListInvoicesRequest(supply_id="ana")).invoices
    assert (listed.number, listed.kind, listed.charged_for) == (made.number, "charge", "Reconexión")
    assert list(member.ListInvoices(billing.ListInvoicesRequest(supply_id="ana", kind="service")).invoices) == []
    asked = billing.GetInvoiceDocumentRequest(invoice_id=made.invoice_id)
    name, content = fetched(member.GetInvoiceDocument(asked))
    assert (name, content[:5]) == ("V-2026-000001.pdf", b"%PDF-")
