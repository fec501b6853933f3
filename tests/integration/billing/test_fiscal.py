"""What the tax offices are told, in the transaction that issues: chained records in Spain, codes in Argentina."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal as D
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from sqlalchemy import insert, select, text, update
from sqlalchemy.exc import DatabaseError

from services.billing import tables
from services.billing.application.bill_runs import BillRuns
from services.billing.application.fiscal_codes import FiscalCodes, PublicServiceCodes
from services.billing.application.fiscal_records import FiscalRecords
from services.billing.application.pricing import MonthPricer
from services.billing.domain.fiscal.cesp import Cesp, CodeRequest
from services.billing.domain.fiscal.sandbox import SandboxProvider
from services.billing.domain.fiscal.verifactu import hash_of
from services.billing.domain.fiscal.verifactu_xml import INFORMATION, SENDING
from services.billing.repository import fiscal
from services.chassis.db import Database
from services.chassis.errors import Invalid, Refused, Unavailable
from services.chassis.periods import DatePeriod
from tests.support.billing import Office, contract_message, in_threads, measured, member_message, supply_message
from tests.support.migrated import as_owner

NAMES = {"sf": INFORMATION, "lr": SENDING}


def records_of(office: Office) -> FiscalRecords:
    return FiscalRecords(office.database, office.rules.profile)


def forge(office: Office, position: int, **values: object) -> None:
    """Change a record behind the guards' back, as somebody with the database could."""
    table = tables.fiscal_record
    with as_owner(office.database) as tx:
        if office.database.is_sqlite:
            tx.execute(text("DROP TRIGGER fiscal_record_no_update"))
        else:
            tx.execute(text("ALTER TABLE fiscal_record DISABLE TRIGGER fiscal_record_written_once"))
        tx.execute(update(table).where(table.c.position == position).values(**values))


def test_every_invoice_has_its_record_in_the_chain(office: Office) -> None:
    office.add_supplies(3)
    office.bill()
    with office.database.read() as connection:
        ((first, second, third),) = fiscal.records_between(
            connection, "F12345674", date(2026, 11, 2), date(2026, 11, 2)
        )
    assert [each.number for each in (first, second, third)] == [f"E-2026-00000{count}" for count in (1, 2, 3)]
    assert (first.previous_hash, second.previous_hash) == ("", first.hash)
    # Bill A: 45.82 € of base, 9.62 € of IVA, 55.44 € in all.
    assert (first.quota, first.total, first.invoice_type) == (D("9.62"), D("55.44"), "F1")
    assert first.content["breakdown"] == [
        {
            "Impuesto": "01",
            "ClaveRegimen": "01",
            "CalificacionOperacion": "S1",
            "TipoImpositivo": "21.00",
            "BaseImponibleOimporteNoSujeto": "45.82",
            "CuotaRepercutida": "9.62",
        }
    ]
    assert first.content["description"] == "Suministro de electricidad del 01-10-2026 al 31-10-2026"
    assert first.content["previous"] is None
    assert second.content["previous"] == {
        "issuer": "F12345674",
        "number": "E-2026-000001",
        "issue_date": "02-11-2026",
    }
    assert first.generated_at.endswith("+01:00")  # winter in the cooperative's zone
    state = records_of(office).check()
    assert (state.records, state.broken, state.without_record) == (3, None, ())


def test_records_are_exported_in_files_of_the_chains_order(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    office.add_supplies(3)
    office.bill()
    monkeypatch.setattr(fiscal, "BATCH", 2)
    files = list(records_of(office).sendings(date(2026, 11, 1), date(2026, 11, 30)))
    assert [file.name for file in files] == ["verifactu-00000001-00000002.xml", "verifactu-00000003-00000003.xml"]
    second = ET.fromstring(files[0].content).findall("lr:RegistroFactura/sf:RegistroAlta", NAMES)[1]
    assert second.findtext("sf:IDFactura/sf:NumSerieFactura", namespaces=NAMES) == "E-2026-000002"
    software = second.find("sf:SistemaInformatico", NAMES)
    assert software is not None
    assert [child.tag.partition("}")[2] for child in software] == [
        "NombreRazon",
        "NIF",
        "NombreSistemaInformatico",
        "IdSistemaInformatico",
        "Version",
        "NumeroInstalacion",
        "TipoUsoPosibleSoloVerifactu",
        "TipoUsoPosibleMultiOT",
        "IndicadorMultiplesOT",
    ]
    with pytest.raises(Refused, match="No invoice issued from 2026-01-01 to 2026-01-31 has a record"):
        list(records_of(office).sendings(date(2026, 1, 1), date(2026, 1, 31)))
    with pytest.raises(Invalid, match="before the first"):
        list(records_of(office).sendings(date(2026, 2, 1), date(2026, 1, 31)))


def test_records_are_written_once(office: Office) -> None:
    office.add_supplies(1)
    office.bill()
    with pytest.raises(DatabaseError, match="written once"), office.database.write() as tx:
        tx.execute(update(tables.fiscal_record).values(total=D("1.00")))


def test_a_changed_record_is_named(office: Office) -> None:
    office.add_supplies(4)
    office.bill()
    forge(office, 3, total=D("55.45"))
    broken = records_of(office).check().broken
    assert broken is not None
    assert (broken.position, broken.number) == (3, "E-2026-000003")
    assert "changed after it was made" in broken.why


def test_a_record_that_lies_about_its_invoice_is_named(office: Office) -> None:
    """Whoever recomputes the hash too is betrayed by the invoice (or by the record that follows)."""
    office.add_supplies(2)
    office.bill()
    with office.database.read() as connection:
        ((_, last),) = fiscal.records_between(connection, "F12345674", date(2026, 11, 2), date(2026, 11, 2))
    forged = hash_of(replace(last, total=D("50.00")))
    forge(office, 2, total=D("50.00"), hash=forged)
    broken = records_of(office).check().broken
    assert broken is not None and "does not say what its invoice says" in broken.why


def test_records_that_are_gone_are_missed(office: Office) -> None:
    office.add_supplies(2)
    office.bill()
    with as_owner(office.database) as tx:
        if office.database.is_sqlite:
            tx.execute(text("DROP TRIGGER fiscal_record_no_delete"))
        else:
            tx.execute(text("ALTER TABLE fiscal_record DISABLE TRIGGER fiscal_record_written_once"))
        tx.execute(tables.fiscal_record.delete().where(tables.fiscal_record.c.position == 2))
    broken = records_of(office).check().broken
    assert broken is not None and broken.why == "the chain ends at record 1 and should reach 2"


def test_invoices_of_several_months_at_once_are_one_chain(database: Database, tmp_path: Path) -> None:
    office = Office(database, tmp_path, chunk_supplies=3)
    office.add_supplies(6)
    office.start("2026-09", "2026-11-02")
    office.start("2026-10", "2026-11-02")
    chunks = office.waiting_chunks()
    in_threads(len(chunks), lambda number: office.work(chunks[number]))
    state = records_of(office).check()
    assert (state.records, state.broken, state.without_record) == (12, None, ())


def test_an_invoice_slipped_in_without_a_record_is_named(office: Office) -> None:
    office.add_supplies(1)
    office.bill()
    with office.database.write() as tx:
        row = tx.execute(select(tables.invoice)).mappings().one()
        changed = {"id": "other", "number": "E-2026-000009", "sequence": 9, "supply_id": "elsewhere"}
        tx.execute(insert(tables.invoice).values({**row, **changed}))
    assert records_of(office).check().without_record == ("E-2026-000009",)


# ------------------------------------------------------------------------------------------------------------- Argentina
def shop_and_house(office: Office) -> None:
    for name, account, condition in (("casa", "6/1", "consumer"), ("tienda", "7/1", "registered")):
        contract = contract_message(
            name, product_code="residencial", tariff="T1R", powers=[], meter_rental="", tax_condition=condition
        )
        office.tell(member_message(name), supply_message(name, contract, cups="", account=account))
    office.energy.usual = measured(expected=744, P1=221_000)


def test_bills_are_issued_under_the_code_of_their_class(office_ar: Office) -> None:
    shop_and_house(office_ar)
    office_ar.bill()
    codes = {each.voucher: each for each in FiscalCodes(office_ar.database).list(before="", limit=10)}
    assert {voucher: each.used for voucher, each in codes.items()} == {"017": 1, "018": 1}
    assert {each.provider for each in codes.values()} == {"sandbox"}
    with office_ar.database.read() as connection:
        for row in connection.execute(select(tables.invoice)):
            found = fiscal.code_of(connection, row.id)
            if row.kind == "foreign":
                assert found is None, "what is no sale of the service needs no code"
                continue
            assert found is not None
            assert found.code == codes["017" if row.series == "A-LSP" else "018"].code
            assert (found.point_of_sale, found.valid_until) == (3, date(2026, 11, 30))


class Counting(SandboxProvider):
    """A provider that counts what it was asked, and may be down."""

    def __init__(self) -> None:
        self.batches: list[list[CodeRequest]] = []
        self.down = False

    def authorize(self, batch: Sequence[CodeRequest]) -> list[Cesp]:
        if self.down:
            raise Unavailable("The tax office does not answer.")
        self.batches.append(list(batch))
        return super().authorize(batch)


def test_codes_are_requested_once_and_unused_ones_stay(office_ar: Office) -> None:
    provider = Counting()
    rules = office_ar.rules
    pricer = MonthPricer(office_ar.database, rules, office_ar.energy)
    codes = PublicServiceCodes(rules.profile, rules.fiscal, provider)
    office_ar.runs = BillRuns(office_ar.database, rules, pricer, 1, codes)
    name = "casa"
    contract = contract_message(name, product_code="residencial", tariff="T1R", powers=[], meter_rental="")
    office_ar.tell(member_message(name), supply_message(name, contract, cups="", account="6/1"))
    office_ar.energy.usual = measured(expected=744, P1=221_000)

    provider.down = True
    with pytest.raises(Unavailable):
        office_ar.bill()
    provider.down = False
    for chunk_id in office_ar.waiting_chunks():
        office_ar.work(chunk_id)
    office_ar.bill("2026-09")
    assert [[request.voucher for request in batch] for batch in provider.batches] == [["017", "018"]]
    first, second = FiscalCodes(office_ar.database).list(before="", limit=10)
    assert {first.voucher: first.used, second.voucher: second.used} == {"017": 0, "018": 2}
    assert [each.code for each in FiscalCodes(office_ar.database).list(before=first.code, limit=10)] == [second.code]


class Generous(SandboxProvider):
    """A provider that gives other codes each time, while others write to the database."""

    def __init__(self, office: Office) -> None:
        self.asked = 0
        self._office = office

    def authorize(self, batch: Sequence[CodeRequest]) -> list[Cesp]:
        self.asked += 1
        with self._office.database.write() as tx:
            tx.execute(select(tables.cesp_code))
        return [replace(each, code=f"{self.asked:02d}{each.code[2:]}") for each in super().authorize(batch)]


def test_a_provider_that_answers_twice_leaves_one_code_in_use_and_asking_holds_nothing(office_ar: Office) -> None:
    """Two workers ask at once: both answers are kept, bills are issued under the first, the other is reported unused."""
    shop_and_house(office_ar)
    provider = Generous(office_ar)
    rules = office_ar.rules
    codes = PublicServiceCodes(rules.profile, rules.fiscal, provider)
    pricer = MonthPricer(office_ar.database, rules, office_ar.energy)
    office_ar.runs = BillRuns(office_ar.database, rules, pricer, 1, codes)
    month = DatePeriod.month("2026-11")
    requests = [CodeRequest("30123456781", 3, voucher, month) for voucher in ("017", "018")]
    for _ in range(2):
        granted = provider.authorize(requests)
        with office_ar.database.write() as tx:
            fiscal.keep_codes(tx.connection, granted, tx.clock.now())
        office_ar.clock.advance(timedelta(seconds=1))
    office_ar.bill()
    assert provider.asked == 2, "what is had is not asked for"
    used = {each.code[:2]: each.used for each in FiscalCodes(office_ar.database).list(before="", limit=10)}
    assert used == {"01": 1, "02": 0}


def test_an_answer_that_is_no_code_issues_nothing(office_ar: Office) -> None:
    class Confused(SandboxProvider):
        def authorize(self, batch: Sequence[CodeRequest]) -> list[Cesp]:
            return super().authorize(batch)[::-1]

    shop_and_house(office_ar)
    rules = office_ar.rules
    codes = PublicServiceCodes(rules.profile, rules.fiscal, Confused())
    pricer = MonthPricer(office_ar.database, rules, office_ar.energy)
    office_ar.runs = BillRuns(office_ar.database, rules, pricer, 1, codes)
    with pytest.raises(Refused, match="for class 018 and not for 017"):
        office_ar.bill()
    assert FiscalCodes(office_ar.database).list(before="", limit=10) == []
    with office_ar.database.read() as connection:
        assert connection.execute(select(tables.invoice)).first() is None
