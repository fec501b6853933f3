"""Real metering and billing in this process: their databases, one event log between them, and gRPC; nothing is stood in for."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from coop.billing.v1 import billing_service_pb2 as pb
from coop.billing.v1 import rectifying_service_pb2 as rectifying
from coop.billing.v1.billing_service_pb2_grpc import BillingServiceStub
from coop.billing.v1.rectifying_service_pb2_grpc import RectifyingServiceStub
from coop.common.v1.operations_service_pb2 import GetLagRequest
from coop.common.v1.operations_service_pb2_grpc import OperationsServiceStub
from coop.metering.v1 import metering_service_pb2 as metering_pb
from coop.metering.v1.metering_service_pb2_grpc import MeteringServiceStub
from coop.supplies.events.v1.events_pb2 import SupplyChanged

from services.billing import app as billing_app
from services.billing.settings import Settings as BillingSettings
from services.chassis.clock import FixedClock
from services.chassis.ids import new_id
from services.metering import app as metering_app
from services.metering.settings import Settings as MeteringSettings
from services.staff.invoice_bundle import bundle_in
from tests.support.billing import NOW, ROOT, access, member_message
from tests.support.service_under_test import ServiceUnderTest, eventually, service_under_test


@dataclass
class Cooperative:
    metering: ServiceUnderTest
    billing: ServiceUnderTest

    @property
    def office(self) -> Any:
        return replace(self.billing, stub_type=RectifyingServiceStub).as_staff("billing")

    def load(self, name: str, data: bytes) -> None:
        """A file of readings, an hour after the one before."""
        self.metering.clock.advance(timedelta(hours=1))
        request = metering_pb.ImportReadingsRequest
        parts = [request(file_name=name), request(chunk=data), request(complete=True)]
        *_, last = self.metering.as_staff("metering").ImportReadings(iter(parts), timeout=60)
        said = last.summary
        # Quarters of an hour that change within an hour that stays count as duplicates.
        assert said.refused == 0 and said.accepted + said.register_readings + said.duplicates > 0

    def hear_supply(self, message: SupplyChanged) -> None:
        """Both services learn of Ana's supply; metering before readings of its meters come."""
        self.billing.hear("coop.supplies.member.v1", "ana", member_message("ana"), "supplies")
        self.billing.hear("coop.supplies.supply.v1", "ana", message, "supplies")
        self.billing.hear("coop.supplies.access.v1", "ana", access("account-ana", "ana"), "supplies")
        metering = replace(self.metering, stub_type=OperationsServiceStub).as_staff("metering")
        eventually(lambda: metering.GetLag(GetLagRequest()).records_behind == 0)

    def preview(self) -> Any:
        """October priced without writing anything: the stream's messages."""
        order = pb.PreviewBillRunRequest(period="2026-10", issue_date="2026-11-02")
        return list(self.billing.as_staff("billing").PreviewBillRun(order))

    def bill(self) -> None:
        def known() -> bool:
            run = self.preview()[-1].run
            return (run.contracts, run.held) == (1, 0)

        # Both services know the supply, and metering has given it what waited for its meters.
        eventually(known)
        staff = self.billing.as_staff("billing")
        order = pb.StartBillRunRequest(period="2026-10", issue_date="2026-11-02", request_id=new_id())
        run = staff.StartBillRun(order).run
        *_, last = staff.WatchBillRun(pb.WatchBillRunRequest(bill_run_id=run.id), timeout=60)
        assert (last.run.invoiced, last.run.held) == (1, 0)

    def proposal(self, holds: Callable[[Any], bool]) -> Any:
        """The one that waits for the office, once metering's word has come to what is expected."""

        def waiting() -> list[Any]:
            found = self.office.ListCorrections(rectifying.ListCorrectionsRequest(state="proposed")).corrections
            return [each for each in found if holds(each)]

        eventually(lambda: bool(waiting()))
        return waiting()[0]

    def approve(self, correction: Any) -> Any:
        """The rectifying invoice as its member reads it."""
        order = rectifying.ApproveCorrectionRequest(correction_id=correction.id, request_id=new_id())
        made = self.office.ApproveCorrection(order).correction
        member = self.billing.as_member("account-ana")
        return member.GetInvoice(pb.GetInvoiceRequest(invoice_id=made.rectifying_number)).invoice

    def facts(self, number: str) -> Any:
        return self.billing.as_staff("billing").GetInvoiceFacts(pb.GetInvoiceFactsRequest(invoice_id=number))

    def bundle(self, number: str) -> dict[str, Any]:
        """With the hours that metering knew when it was issued, as the office writes it."""
        facts = self.facts(number)
        office: Any = Desk(self.metering.as_staff("metering"))
        return bundle_in(office, facts)


@dataclass
class Desk:
    """What the office's commands need of a signed-in session."""

    metering: Any

    def calling(self, service: str) -> Any:
        return nullcontext()


@contextmanager
def measured_and_billed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, products: str) -> Iterator[Cooperative]:
    """The cooperative of the demonstration with more products."""
    profile = tmp_path / "profile"
    shutil.copytree(ROOT / "profiles" / "demo-es", profile)
    with (profile / "products.toml").open("a", encoding="utf-8") as book:
        book.write(products)
    common: dict[str, Any] = {"folder": tmp_path, "profile_dir": profile, "clock": FixedClock(NOW)}

    def database(name: str) -> str:
        return f"sqlite:///{tmp_path / name}.db"

    measuring = service_under_test(
        "metering",
        MeteringSettings,
        metering_app.build,
        MeteringServiceStub,
        database_url=database("metering"),
        **common,
    )
    with measuring as metering:
        address = f"127.0.0.1:{metering.process.port}"
        monkeypatch.setattr(BillingSettings, "addresses", property(lambda _: {"metering": address}))
        billing = service_under_test(
            "billing",
            BillingSettings,
            billing_app.build,
            BillingServiceStub,
            database_url=database("billing"),
            **common,
        )
        with billing as running:
            yield Cooperative(metering, running)
