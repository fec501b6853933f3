"""What members are owed by invitation codes: given once, whatever repeats, races, dies or is rectified."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from decimal import Decimal as D
from pathlib import Path

import pytest
from coop.supplies.events.v1.events_pb2 import InvitationRedeemed
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from services.billing import tables
from services.billing.application.pricing import Priced
from services.billing.application.regularising import RectifyOrder
from services.billing.documents import render_invoice
from services.billing.domain.bill import BillLine
from services.billing.repository.invoices import details
from services.chassis.db import Database
from services.chassis.ids import new_id
from services.staff.verify.check import verify
from tests.support.billing import STAFF, Office, in_threads, measured, member_message, supply_message

PROGRAM = Path(__file__).with_name("bill_program.py")
ROOT = Path(__file__).resolve().parents[3]


def redeemed(office: Office, inviter: str, invited: str, wh: int = 100_000, redemption: str = "") -> None:
    office.tell(
        InvitationRedeemed(
            redemption_id=redemption or new_id(),
            inviter_member_id=f"{inviter}-member",
            invited_member_id=f"{invited}-member",
            supply_id=invited,
            wh=wh,
        )
    )


def given(office: Office, supply: str) -> list[tuple[str, BillLine]]:
    """(month, line) of each invoice of a supply that gave something."""
    with office.database.read() as connection:
        rows = connection.execute(
            select(tables.invoice).where(tables.invoice.c.supply_id == supply).order_by(tables.invoice.c.issued_at)
        ).all()
        found = [(row, line) for row in rows for line in details(connection, row.id).lines]
    return [(f"{row.period_start:%Y-%m}", line) for row, line in found if line.concept == "invitation"]


def amounts(office: Office, supply: str) -> list[tuple[str, D, D]]:
    return [(month, line.quantity, line.amount) for month, line in given(office, supply)]


def left(office: Office) -> dict[str, int]:
    """Wh that members are still owed; and the rows of what was given agree with it."""
    with office.database.read() as connection:
        rewards = connection.execute(select(tables.reward)).all()
        uses = connection.execute(select(tables.reward_use)).all()
    total: dict[str, int] = {}
    for reward in rewards:
        used = sum(use.wh for use in uses if use.reward_id == reward.id)
        assert reward.left_wh == reward.wh - used
        name = reward.member_id.removesuffix("-member")
        total[name] = total.get(name, 0) + reward.left_wh
    return total


def test_both_get_the_energy_at_the_mean_price_of_their_next_bill_and_once(office: Office) -> None:
    """The worked bill: 245 kWh for 30.97 €, so 100 kWh at 0.126408 are 12.64 €."""
    office.add_supplies(3)
    redeemed(office, "s00000", "s00001", redemption="r")
    redeemed(office, "s00000", "s00001", redemption="r")
    assert left(office) == {"s00000": 100_000, "s00001": 100_000}
    office.bill("2026-09", "2026-10-02")
    office.bill()
    for supply in ("s00000", "s00001"):
        ((month, line),) = given(office, supply)
        assert (month, line.quantity, line.unit_price, line.amount) == ("2026-09", D(100), D("-0.126408"), D("-12.64"))
        assert set(line.taxed_by) == {"iee", "iva"}
        (_, first) = office.invoices.list(STAFF, supply, before=None, limit=10)
        _, bundle = office.invoices.bundle(STAFF, first.invoice.id)
        # The second calculation agrees from what the invoice carries.
        assert verify(json.loads(json.dumps(bundle))).differences == ()
    assert given(office, "s00002") == []
    assert left(office) == {"s00000": 0, "s00001": 0}


def test_the_paper_says_what_it_is_and_how_it_was_calculated(office: Office, tmp_path: Path) -> None:
    office.add_supplies(2)
    office.tell(member_message("s00000", 2, invitation_code="7K3M-9QXF"))
    redeemed(office, "s00000", "s00001")
    office.bill()
    (found,) = office.invoices.list(STAFF, "s00000", before=None, limit=10)
    office.tell(member_message("s00000", 3))
    stored = office.documents.render_invoice(found.invoice.id, render_invoice)
    assert stored is not None
    (file,) = [each for each in (tmp_path / "documents").rglob("*") if each.is_file()]
    said = subprocess.run(["pdftotext", "-layout", file, "-"], capture_output=True, text=True, check=True).stdout
    (line,) = [" ".join(line.split()) for line in said.splitlines() if "Invitación" in line]
    assert "Código de invitación: 7K3M-9QXF." in " ".join(said.split())
    assert line == "Invitación, al precio medio de la energía 100 kWh × −0,126408 €/kWh −12,64"


def test_what_a_bill_cannot_give_the_next_one_gives(office: Office) -> None:
    office.add_supplies(2)
    redeemed(office, "s00000", "s00001", wh=100_000)
    office.energy.usual = measured(P1=10_000, P2=12_500, P3=40_001)
    office.bill("2026-09", "2026-10-02")
    assert left(office)["s00000"] == 100_000 - 62_501
    office.energy.usual = measured()
    office.bill()
    (first, used, _), (second, rest, amount) = amounts(office, "s00000")
    assert (first, used, second, rest) == ("2026-09", D("62.501"), "2026-10", D("37.499"))
    # Exactly what the mean price makes of it.
    assert amount == -D("4.74")
    assert left(office)["s00000"] == 0


def test_who_is_owed_for_two_friends_gets_both_and_two_supplies_share(office: Office) -> None:
    office.tell(member_message("ana"), supply_message("ana"))
    other = supply_message("second", account="5555/2", cups="ES0575000000000001AR")
    other.supply.member_id = "ana-member"
    office.tell(other, member_message("luis"), supply_message("luis", account="5601/1", cups="ES0575000000000002AW"))
    for redemption in ("one", "two", "three"):
        redeemed(office, "ana", "luis", redemption=redemption)
    office.bill()
    # 300 kWh are owed to each; a bill has 245.
    assert sum(line.quantity for supply in ("ana", "second") for _, line in given(office, supply)) == 300
    assert [line.quantity for _, line in given(office, "luis")] == [D(245)]
    assert left(office) == {"ana": 0, "luis": 55_000}


def test_months_that_race_give_it_once(office: Office) -> None:
    """Both are priced while everything is owed; the second to be issued is priced again."""
    office.add_supplies(2)
    redeemed(office, "s00000", "s00001")
    chunks = [office.start("2026-09", "2026-11-02"), office.start("2026-10", "2026-11-02")]
    assert len(chunks) == 2
    work = office.waiting_chunks()
    priced: list[Priced] = [found for chunk in work if (found := office.runs.price_chunk(chunk)) is not None]
    assert [len(each.drafts[0].terms.discounts) for each in priced] == [1, 1]

    def issue(number: int) -> None:
        with office.database.write() as tx:
            office.runs.issue_chunk(tx, work[number], priced[number])

    in_threads(2, issue)
    assert sum(line.quantity for _, line in given(office, "s00000")) == 100
    assert len(given(office, "s00000")) == len(given(office, "s00001")) == 1
    assert left(office) == {"s00000": 0, "s00001": 0}
    for supply in ("s00000", "s00001"):
        for row in office.invoices.list(STAFF, supply, before=None, limit=10):
            _, bundle = office.invoices.bundle(STAFF, row.invoice.id)
            terms = bundle["invoice"]["terms"]["discounts"]
            printed = [line for line in bundle["invoice"]["lines"] if line["concept"] == "invitation"]
            assert [each["wh"] for each in terms] == [100_000] * len(printed)


def test_it_comes_while_a_chunk_waits_to_be_issued(office: Office) -> None:
    office.add_supplies(2)
    office.start()
    (chunk,) = office.waiting_chunks()
    priced = office.runs.price_chunk(chunk)
    redeemed(office, "s00000", "s00001")
    with office.database.write() as tx:
        office.runs.issue_chunk(tx, chunk, priced)
    assert amounts(office, "s00001") == [("2026-10", D(100), D("-12.64"))]


def test_a_run_that_dies_gives_it_once(database_url: str, database: Database, tmp_path: Path) -> None:
    """SIGKILL inside the transaction that had issued the invoice."""
    office = Office(database, tmp_path, chunk_supplies=5)
    office.add_supplies(10)
    redeemed(office, "s00000", "s00007")
    office.start()
    command = [sys.executable, PROGRAM, database_url, str(tmp_path), "2", "issued"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    died = subprocess.run(command, cwd=ROOT, env=environment, check=False, timeout=300)
    assert died.returncode == -signal.SIGKILL
    for chunk in office.waiting_chunks():
        office.work(chunk)
    assert [len(given(office, f"s{number:05d}")) for number in range(10)] == [1, 0, 0, 0, 0, 0, 0, 1, 0, 0]
    assert left(office) == {"s00000": 0, "s00007": 0}


def test_a_rectifying_invoice_gives_again_what_the_invoice_gave(office: Office) -> None:
    office.add_supplies(2)
    redeemed(office, "s00000", "s00001")
    office.bill()
    (found,) = office.invoices.list(STAFF, "s00000", before=None, limit=10)
    office.energy.usual = measured(P1=42_000, P2=55_000, P3=128_000)
    # What is owed by now is no part of a bill of before.
    redeemed(office, "s00000", "s00001")
    rectifying, _ = office.corrections.rectify(
        office.key(), "staff:office", RectifyOrder(found.invoice.number, "wrong reading", "S")
    )
    with office.database.read() as connection:
        (line,) = [each for each in details(connection, rectifying.id).lines if each.concept == "invitation"]
    assert line.quantity == 100
    # 225 kWh for 27.05 € instead of 245 for 30.97: the mean price of the corrected energy.
    assert (line.unit_price, line.amount) == (D("-0.120222"), D("-12.02"))
    assert left(office)["s00000"] == 100_000


def test_what_less_energy_cannot_give_is_owed_again(office: Office) -> None:
    office.add_supplies(2)
    redeemed(office, "s00000", "s00001")
    office.bill("2026-09", "2026-10-02")
    (found,) = office.invoices.list(STAFF, "s00000", before=None, limit=10)
    office.energy.usual = measured(P1=30_000, P2=20_000, P3=10_000)
    order = RectifyOrder(found.invoice.number, "wrong reading", "S")
    office.corrections.rectify(office.key(), "staff:office", order)
    assert left(office) == {"s00000": 40_000, "s00001": 0}
    # Rectified once more, with all its energy: only what it still has is given again, and the rest by the next bill.
    office.energy.usual = measured()
    again, _ = office.corrections.rectify(office.key(), "staff:office", order)
    with office.database.read() as connection:
        (line,) = [each for each in details(connection, again.id).lines if each.concept == "invitation"]
    assert line.quantity == 60
    office.bill()
    assert amounts(office, "s00000")[-1][:2] == ("2026-10", D(40))
    assert left(office) == {"s00000": 0, "s00001": 0}


def test_the_database_owes_nobody_less_than_nothing(office: Office) -> None:
    redeemed(office, "s00000", "s00001")
    with pytest.raises(DBAPIError), office.database.write() as tx:
        tx.execute(text("UPDATE reward SET left_wh = -1"))
