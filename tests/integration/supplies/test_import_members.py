"""The members file through the real server: what lands, what is refused and why, and what is told to the others."""

import csv
from datetime import date
from pathlib import Path

import grpc
import pytest
from coop.supplies.events.v1 import events_pb2 as events
from coop.supplies.v1 import supplies_pb2
from coop.supplies.v1 import supplies_service_pb2 as pb
from sqlalchemy import func, select
from stdnum.es import cups, dni

from services.chassis.errors import Forbidden, Invalid, NotFound
from services.chassis.profile import load_profile
from services.local.demo.cooperative import cast
from services.local.demo.generate import months_before
from services.local.demo.members_file import write_members
from services.supplies.tables import meter, supply
from tests.integration.supplies.conftest import Start
from tests.integration.supplies.office import ANA, ANA_SECOND, LUCAS, LUCAS_WATER, LUIS, import_rows
from tests.support.service_under_test import ROOT, ServiceUnderTest, refusal


def counts(answer: pb.ImportMembersResponse) -> tuple[int, int, int, int, int, int]:
    return (
        answer.members_created,
        answer.members_updated,
        answer.supplies_created,
        answer.supplies_updated,
        answer.rows_unchanged,
        len(answer.refused),
    )


def test_rows_land_and_are_told_whole(spain: ServiceUnderTest) -> None:
    assert counts(import_rows(spain, ANA, ANA_SECOND, LUIS)) == (2, 0, 3, 0, 0, 0)
    (_, ana), (_, luis) = spain.events(events.MemberChanged)
    assert (ana.member_number, ana.document_type, ana.document, ana.version) == ("5555", "nif", "12345678Z", 1)
    assert luis.postal_address.postcode == "44999"
    told = [event for _, event in spain.events(events.SupplyChanged)]
    assert [event.supply.account_number for event in told] == ["5555/1", "5555/2", "5601/1"]
    first = told[0].supply
    assert (first.cups, first.holder_name, first.holder_document) == ("ES0575000000000877HA", ana.name, "12345678Z")
    assert (first.tariff_zone, first.time_zone, told[0].version) == ("peninsula", "Europe/Madrid", 1)
    (service,) = first.services
    assert (service.kind, service.state) == (
        supplies_pb2.SERVICE_KIND_ELECTRICITY,
        supplies_pb2.SERVICE_STATE_CONNECTED,
    )
    assert [(m.serial, getattr(m, "from"), m.to) for m in service.meters] == [("VLS0210000000", "2015-05-01", "")]
    (contract,) = service.contracts
    assert [(power.period, power.watts) for power in contract.powers] == [("P1", 4600), ("P2", 4600)]
    assert (contract.tariff, getattr(contract, "from"), contract.to) == ("2.0TD", "2015-05-01", "")


def test_facts_of_a_contract_that_bills_ask_for_are_kept_and_told(spain: ServiceUnderTest) -> None:
    facts = {"power_control": "maximeter", "electricity_tax": "irrigation", "vulnerable": "yes"}
    facts["promotion_code"] = "BIENVENIDA26"
    facts["access_contract"] = "ATR-0575-877"
    import_rows(spain, ANA | facts)
    assert counts(import_rows(spain, ANA | facts)) == (0, 0, 0, 0, 1, 0)
    assert counts(import_rows(spain, ANA | facts | {"electricity_tax": ""})) == (0, 0, 0, 1, 0, 0)
    told = [event.supply.services[0].contracts[0] for _, event in spain.events(events.SupplyChanged)]
    assert [(one.power_control, one.electricity_tax, one.vulnerable, one.promotion_code) for one in told] == [
        ("maximeter", "irrigation", True, "BIENVENIDA26"),
        ("maximeter", "", True, "BIENVENIDA26"),
    ]
    assert {one.access_contract for one in told} == {"ATR-0575-877"}


def test_the_same_file_twice_changes_nothing_and_says_so(spain: ServiceUnderTest) -> None:
    import_rows(spain, ANA, ANA_SECOND, LUIS)
    before = spain.events()
    assert counts(import_rows(spain, ANA, ANA_SECOND, LUIS)) == (0, 0, 0, 0, 3, 0)
    assert spain.events() == before


def test_bad_rows_are_refused_with_field_value_and_reason_and_stop_nothing(spain: ServiceUnderTest) -> None:
    bad = LUIS | {"cups": "ES057500000000877HA", "birth_date": "31/02/1980", "document": "12345678A"}
    collision = ANA | {"member_number": "5601", "account_number": "5601/1", "document": "00000000T"}
    answer = import_rows(spain, ANA, bad, collision, ANA_SECOND)
    assert counts(answer) == (1, 0, 2, 0, 0, 4)
    assert [(row.line, row.field, row.value, row.reason) for row in answer.refused] == [
        (3, "document", "12345678A", "12345678A ends with A; its digits ask for Z: check the number."),
        (3, "birth_date", "31/02/1980", "31/02/1980 does not exist: 1980-02 has 29 days."),
        (3, "cups", "ES057500000000877HA", "ES057500000000877HA has 19 characters; a CUPS has 20 or 22."),
        (4, "cups", "ES0575000000000877HA", "CUPS ES0575000000000877HA belongs to account 5555/1: a supply point has one account."),
    ]  # fmt: skip
    assert [event.member_number for _, event in spain.events(events.MemberChanged)] == ["5555"]


def test_a_replaced_meter_and_a_rename_are_told_with_a_higher_version(spain: ServiceUnderTest) -> None:
    import_rows(spain, ANA, ANA_SECOND)
    new_meter = ANA | {"meter_serial": "VLS0210000900", "meter_from": "2026-03-14"}
    assert counts(import_rows(spain, ANA, new_meter, ANA_SECOND)) == (0, 0, 0, 1, 2, 0)
    _, changed = spain.events(events.SupplyChanged)[-1]
    assert [(m.serial, m.to) for m in changed.supply.services[0].meters] == [
        ("VLS0210000000", "2026-03-14"),
        ("VLS0210000900", ""),
    ]
    assert changed.version == 2
    assert counts(import_rows(spain, ANA, new_meter, ANA_SECOND)) == (0, 0, 0, 0, 3, 0)

    renamed = {"name": "Ana P. Sotoluna"}
    # The second supply is not in this file, and its holder's name is news of it as well.
    assert counts(import_rows(spain, new_meter | renamed)) == (0, 1, 0, 0, 0, 0)
    told = {event.supply.account_number: event for _, event in spain.events(events.SupplyChanged)[-2:]}
    assert {number: (event.supply.holder_name, event.version) for number, event in told.items()} == {
        "5555/1": ("Ana P. Sotoluna", 3),
        "5555/2": ("Ana P. Sotoluna", 2),
    }


def test_a_meter_moves_to_another_supply_once_it_is_ended_there(spain: ServiceUnderTest) -> None:
    import_rows(spain, ANA)
    moved = LUIS | {"meter_serial": "VLS0210000000", "meter_from": "2026-01-01"}
    answer = import_rows(spain, moved)
    assert (
        answer.refused[0].reason == "Meter VLS0210000000 hangs at account 5555/1 since 2015-05-01: end it there first."
    )
    assert counts(import_rows(spain, ANA | {"meter_to": "2026-01-01"}, moved)) == (1, 0, 1, 1, 0, 0)
    with spain.process.kit.database.read() as connection:
        hung = connection.execute(select(meter.c.start_on, meter.c.end_on).order_by(meter.c.start_on)).all()
    assert [tuple(row) for row in hung] == [(date(2015, 5, 1), date(2026, 1, 1)), (date(2026, 1, 1), None)]


def test_electricity_and_water_of_an_argentine_account(argentina: ServiceUnderTest) -> None:
    assert counts(import_rows(argentina, LUCAS, LUCAS_WATER)) == (1, 0, 1, 0, 0, 0)
    _, told = argentina.events(events.SupplyChanged)[-1]
    kinds = [service.kind for service in told.supply.services]
    assert kinds == [supplies_pb2.SERVICE_KIND_ELECTRICITY, supplies_pb2.SERVICE_KIND_WATER]
    assert (told.supply.cups, told.supply.time_zone) == ("", "America/Argentina/Buenos_Aires")
    assert counts(import_rows(argentina, LUCAS, LUCAS_WATER)) == (0, 0, 0, 0, 2, 0)


@pytest.mark.parametrize("profile", ["demo-es", "demo-ar"])
def test_the_demonstration_file_lands_without_a_refusal(profile: str, start: Start, tmp_path: Path) -> None:
    supplies = start(profile)
    known = load_profile(ROOT / "profiles" / profile)
    months = [month.start for month in months_before(date(2026, 11, 21), 14)]
    path = tmp_path / "members.csv"
    write_members(path, cast(profile, known.jurisdiction, months), known.tariff_zone)
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter=";"))
    answer = import_rows(supplies, *rows)
    assert [(row.line, row.field, row.reason) for row in answer.refused] == []
    assert answer.supplies_created == len({row["account_number"] for row in rows}) >= 50
    assert counts(import_rows(supplies, *rows)) == (0, 0, 0, 0, len(rows), 0)


def test_a_stream_that_breaks_off_is_sent_again_without_harm(spain: ServiceUnderTest) -> None:
    rows = [unique_row(number) for number in range(450)]

    class Cut(Exception):
        """The sender dies half-way."""

    def messages():  # type: ignore[no-untyped-def]
        for number, row in enumerate(rows[:300]):
            yield pb.ImportMembersRequest(request_id="once", rows=[pb.MemberRow(line=number, fields=row)])
        raise Cut

    with pytest.raises(grpc.RpcError):
        spain.as_staff("support").ImportMembers(messages(), timeout=60)
    answer = import_rows(spain, *rows)
    assert answer.supplies_created + answer.rows_unchanged == 450
    assert answer.rows_unchanged % 200 == 0  # whole batches landed, or nothing
    with spain.process.kit.database.read() as connection:
        assert connection.execute(select(func.count()).select_from(supply)).scalar_one() == 450
    assert len(spain.events(events.SupplyChanged)) == 450


def unique_row(number: int) -> dict[str, str]:
    """A row of a member, supply, meter and contract of its own."""
    block = f"0575{number + 5000:012d}"
    digits = f"{number + 40_000_000:08d}"
    return LUIS | {
        "member_number": str(7000 + number),
        "account_number": f"{7000 + number}/1",
        "document": digits + dni.calc_check_digit(digits),
        "cups": f"ES{block}{cups.calc_check_digits('ES' + block)}",
        "meter_serial": f"VLS{number:010d}",
        "contract_number": f"E{7000 + number}-1",
    }


def test_the_office_finds_supplies(spain: ServiceUnderTest) -> None:
    import_rows(spain, ANA, ANA_SECOND, LUIS)
    office = spain.as_staff("reader")

    def numbers(query: str) -> list[str]:
        return [each.account_number for each in office.ListSupplies(pb.ListSuppliesRequest(query=query)).supplies]

    assert numbers("") == ["5555/1", "5555/2", "5601/1"]
    assert numbers("5555/2") == ["5555/2"]
    assert numbers("5601") == numbers("00.000.000-t") == numbers("PENAclara") == ["5601/1"]
    assert numbers("es0575 0000 0000 0001 ar 1P") == ["5555/2"]
    assert numbers("nobody") == numbers("%") == []
    page = office.ListSupplies(pb.ListSuppliesRequest(page_size=2))
    rest = office.ListSupplies(pb.ListSuppliesRequest(page_size=2, page_token=page.next_page_token))
    assert ([each.account_number for each in rest.supplies], rest.next_page_token) == (["5601/1"], "")

    for reference in ("5555/1", "ES0575000000000877HA", "es0575000000000877ha0f", page.supplies[0].id):
        found = office.GetSupply(pb.GetSupplyRequest(supply_id=reference)).supply
        assert (found.account_number, found.holder_document, found.relation) == ("5555/1", "***4567**", "")
    assert isinstance(refusal(lambda: office.GetSupply(pb.GetSupplyRequest(supply_id="9999/1"))), NotFound)
    assert isinstance(refusal(lambda: office.GetSupply(pb.GetSupplyRequest())), NotFound)
    assert isinstance(refusal(lambda: office.ListSupplies(pb.ListSuppliesRequest(page_size=-1))), Invalid)


def test_who_may_import(spain: ServiceUnderTest) -> None:
    for caller in (spain.as_staff("reader"), spain.as_member("somebody"), spain.as_service("gateway")):
        assert isinstance(refusal(lambda who=caller: who.ImportMembers(iter([pb.ImportMembersRequest()]))), Forbidden)
