"""Lines of the members file and what they do to the registry."""

from dataclasses import replace
from datetime import date
from itertools import count

import pytest

from services.supplies.domain.jurisdictions import jurisdiction
from services.supplies.domain.members_file import Row, RowRefused, Rules, parse_row
from services.supplies.domain.registry import Effect, Registry

SPAIN = Rules(
    jurisdiction("es", tariff_zone="peninsula", time_zone="Europe/Madrid"), ("es", "en"), "es", date(2026, 10, 31)
)
ARGENTINA = Rules(
    jurisdiction("ar", tariff_zone="lagunita", time_zone="America/Argentina/Buenos_Aires"),
    ("es", "en"),
    "es",
    date(2026, 10, 31),
)
ANA = {
    "member_number": "5555", "name": "Ana Pradoverde", "document_type": "nif", "document": "12345678z",
    "birth_date": "12/03/1984", "email": "ana@example.org", "phone": "600 000 001", "language": "es",
    "account_number": "5555/1", "cups": "ES0575000000000877HA", "street": "Calle Mayor, 1", "postcode": "44999",
    "municipality": "Vallesol", "province": "Teruel", "tariff_zone": "peninsula", "service": "electricity",
    "state": "connected", "connected_on": "2015-05-01", "billing_from": "2015-05-01", "meter_serial": "VLS0210000000",
    "meter_from": "2015-05-01", "contract_number": "E5555-1", "contract_from": "2015-05-01", "product_code": "fija-2026",
    "tariff": "2.0TD", "power_p1_kw": "4,6", "power_p2_kw": "4.6", "meter_rental": "single_phase",
    "tax_condition": "consumer", "use": "dwelling",
}  # fmt: skip


def row(**changes: str) -> Row:
    return parse_row(ANA | changes, SPAIN)


def registry() -> Registry:
    numbers = count(1)
    return Registry(lambda: f"id{next(numbers)}")


def problems(fields: dict[str, str], rules: Rules = SPAIN) -> list[tuple[str, str, str]]:
    with pytest.raises(RowRefused) as refused:
        parse_row(fields, rules)
    return [(problem.field, problem.value, problem.reason) for problem in refused.value.problems]


def refusal(known: Registry, said: Row) -> tuple[str, str]:
    before = (dict(known.members), dict(known.supplies))
    with pytest.raises(RowRefused) as refused:
        known.apply(said)
    assert (known.members, known.supplies) == before
    (problem,) = refused.value.problems
    return problem.field, problem.reason


def test_a_good_line_is_read_into_exact_values() -> None:
    read = row()
    assert read.document.number == "12345678Z"
    assert read.birth_date == date(1984, 3, 12)
    assert read.contract is not None and read.contract.powers == (("P1", 4600), ("P2", 4600))
    assert read.time_zone == "Europe/Madrid"


def test_all_problems_of_a_line_are_told_with_field_value_and_reason() -> None:
    wrong = ANA | {
        "document": "12345678A", "birth_date": "31/02/1980", "cups": "ES057500000000877HA", "email": "ana@", "state": "on",
        "power_p1_kw": "4.65", "service": "gas", "account_number": "5601/1", "colour": "red",
    }  # fmt: skip
    found = problems(wrong)
    assert ("cups", "ES057500000000877HA", "ES057500000000877HA has 19 characters; a CUPS has 20 or 22.") in found
    assert ("birth_date", "31/02/1980", "31/02/1980 does not exist: 1980-02 has 29 days.") in found
    assert ("document", "12345678A", "12345678A ends with A; its digits ask for Z: check the number.") in found
    fields = [field for field, _, _ in found]
    assert sorted(fields) == ["account_number", "birth_date", "colour", "cups", "document", "email", "service", "state"]


@pytest.mark.parametrize(
    ("changes", "field", "reason"),
    [
        ({"birth_date": ""}, "birth_date", "The birth date of 12345678Z is empty: a person has one, only a company has none."),
        ({"power_p1_kw": "15.1"}, "power_p1_kw", "2.0TD allows at most 15 kW in every period; P1 has 15.1 kW."),
        ({"power_p1_kw": "NaN"}, "power_p1_kw", "NaN kW is not a power: it must be above 0 and have at most 3 decimals."),
        ({"power_p1_kw": "-4"}, "power_p1_kw", "-4 kW is not a power: it must be above 0 and have at most 3 decimals."),
        ({"meter_to": "2015-05-01"}, "meter_to", "meter_to 2015-05-01 is not after meter_from 2015-05-01: "
         "the end is the day after the last."),
        ({"meter_serial": "", "meter_from": "2015-05-01"}, "meter_from", "meter_from is given but meter_serial is empty."),
        ({"connected_on": "2015-06-01"}, "billing_from", "Billing from 2015-05-01 is before the connection on 2015-06-01."),
        ({"language": "fr"}, "language", "language 'fr' is unknown: write one of es, en."),
        ({"cups": ""}, "cups", "The CUPS is empty: every electricity supply point has one."),
        ({"tariff_zone": "madeira"}, "tariff_zone", "Zone 'madeira' is unknown: "
         "choose one of peninsula, baleares, ceuta, melilla, canarias."),
        ({"account_number": "5555"}, "account_number", "'5555' is not right: an account number is like 5555/1."),
        ({"street": ""}, "street", "street is empty."),
    ],
)  # fmt: skip
def test_one_problem_gives_one_sentence(changes: dict[str, str], field: str, reason: str) -> None:
    found = problems(ANA | changes)
    assert (found[0][0], found[0][2]) == (field, reason)


def test_a_company_needs_no_birth_date_and_argentina_has_no_cups() -> None:
    company = parse_row(ANA | {"document_type": "cif", "document": "B58378431", "birth_date": ""}, SPAIN)
    assert company.birth_date is None
    local = ANA | {
        "document_type": "dni", "document": "20.123.456", "cups": "", "postcode": "S2999", "tariff": "T1R", "power_p2_kw": "",
        "meter_rental": "", "tariff_zone": "",
    }  # fmt: skip
    read = parse_row(local, ARGENTINA)
    assert (read.tariff_zone, read.time_zone) == ("lagunita", "America/Argentina/Buenos_Aires")
    assert (
        problems(local | {"cups": "ES0575000000000877HA"}, ARGENTINA)[0][2]
        == "Argentina has no CUPS: leave the column empty."
    )


def test_the_same_line_twice_changes_nothing() -> None:
    known = registry()
    assert known.apply(row()) == Effect("created", "created")
    before = known.supplies["5555/1"]
    assert known.apply(row()) == Effect()
    assert known.supplies["5555/1"] is before
    assert known.apply(row(cups="ES0575000000000877HA0F")) == Effect("", "updated")
    assert known.apply(row()) == Effect()  # the longer form of the CUPS stays
    assert known.supplies["5555/1"].cups == "ES0575000000000877HA0F"


def test_a_change_of_the_member_alone_raises_only_its_version() -> None:
    known = registry()
    known.apply(row())
    assert known.apply(row(phone="600 000 002")) == Effect("updated", "")
    assert (known.members["5555"].version, known.supplies["5555/1"].version) == (2, 1)


def test_a_replaced_meter_ends_the_one_before_and_the_file_can_come_again() -> None:
    known = registry()
    new = row(meter_serial="VLS0210000900", meter_from="2026-03-14")
    known.apply(row())
    assert known.apply(new) == Effect("", "updated")
    meters = known.supplies["5555/1"].services[0].meters
    assert [(meter.serial, meter.start, meter.end) for meter in meters] == [
        ("VLS0210000000", date(2015, 5, 1), date(2026, 3, 14)),
        ("VLS0210000900", date(2026, 3, 14), None),
    ]
    assert known.apply(row()) == Effect()
    assert known.apply(new) == Effect()


def test_a_meter_hangs_in_one_place_at_a_time() -> None:
    known = registry()
    known.apply(row(meter_to="2026-01-01"))
    other = {"member_number": "5601", "account_number": "5601/1", "document": "00000000T", "cups": "ES0575000000000001AR",
             "contract_number": "E5601-1"}  # fmt: skip
    assert refusal(known, row(**other, meter_from="2025-12-31")) == (
        "meter_serial",
        "Meter VLS0210000000 hangs at account 5555/1 from 2015-05-01 to 2026-01-01: end it there first.",
    )
    assert known.apply(row(**other, meter_from="2026-01-01")) == Effect("created", "created")


def test_two_meters_of_a_service_never_share_a_day() -> None:
    known = registry()
    known.apply(row(meter_from="2020-01-01"))
    field, reason = refusal(known, row(meter_serial="OLD1", meter_from="2015-05-01"))
    assert field == "meter_from"
    assert reason == "Meter OLD1 cannot hang here since 2015-05-01: meter VLS0210000000 hangs here since 2020-01-01."
    assert known.apply(row(meter_serial="OLD1", meter_from="2015-05-01", meter_to="2020-01-01")) == Effect(
        "", "updated"
    )


def test_what_is_unique_stays_unique() -> None:
    known = registry()
    known.apply(row())
    assert refusal(known, row(member_number="5601", account_number="5601/1")) == (
        "document",
        "Document 12345678Z belongs to member 5555: use that number.",
    )
    second = {
        "member_number": "5601",
        "account_number": "5601/1",
        "document": "00000000T",
        "meter_serial": "",
        "meter_from": "",
    }
    assert refusal(known, row(**second, cups="ES0575000000000877HA1P", contract_number="E2")) == (
        "cups",
        "CUPS ES0575000000000877HA1P belongs to account 5555/1: a supply point has one account.",
    )
    assert refusal(known, row(**second, cups="ES0575000000000001AR")) == (
        "contract_number",
        "Contract E5555-1 belongs to account 5555/1, service electricity.",
    )
    assert refusal(known, row(cups="ES0575000000000001AR"))[0] == "cups"
    assert refusal(known, row(document="00000000T"))[0] == "document"


def test_a_new_contract_ends_the_one_before() -> None:
    known = registry()
    known.apply(row())
    known.apply(row(contract_number="E5555-1b", contract_from="2026-06-01", power_p1_kw="5.5"))
    contracts = known.supplies["5555/1"].services[0].contracts
    assert [(c.number, c.start, c.end) for c in contracts] == [
        ("E5555-1", date(2015, 5, 1), date(2026, 6, 1)),
        ("E5555-1b", date(2026, 6, 1), None),
    ]
    assert known.apply(row()) == Effect()
    field, reason = refusal(known, row(contract_number="E5555-0", contract_from="2014-01-01"))
    assert field == "contract_from"
    assert (
        reason
        == "Contract E5555-0 cannot be in force since 2014-01-01: contract E5555-1 is from 2015-05-01 to 2026-06-01."
    )


def test_electricity_and_water_hang_on_one_supply() -> None:
    known = registry()
    local = ANA | {"document_type": "dni", "document": "20123456", "cups": "", "postcode": "S2999", "tariff": "T1R",
                   "power_p2_kw": "", "meter_rental": "", "tariff_zone": ""}  # fmt: skip
    water = local | {"service": "water", "meter_serial": "", "meter_from": "", "contract_number": "A5555-1",
                     "product_code": "agua-no-medida", "tariff": "agua", "power_p1_kw": ""}  # fmt: skip
    known.apply(parse_row(local, ARGENTINA))
    assert known.apply(parse_row(water, ARGENTINA)) == Effect("", "updated")
    assert [service.kind for service in known.supplies["5555/1"].services] == ["electricity", "water"]
    assert known.apply(parse_row(local, ARGENTINA)) == Effect()


def test_a_refused_line_leaves_the_member_of_the_same_line_alone() -> None:
    known = registry()
    known.apply(row())
    said = replace(row(name="Ana María Pradoverde"), cups="ES0575000000000001AR")
    refusal(known, said)
    assert known.members["5555"].name == "Ana Pradoverde"


def test_facts_that_bills_ask_for() -> None:
    plain = row().contract
    assert plain is not None and (plain.power_control, plain.electricity_tax, plain.vulnerable) == ("", "", False)
    told = row(power_control="Maximeter", electricity_tax="irrigation", vulnerable="yes").contract
    assert told is not None and (told.power_control, told.electricity_tax, told.vulnerable) == (
        "maximeter",
        "irrigation",
        True,
    )
    known = registry()
    known.apply(row())
    assert known.apply(row(vulnerable="yes")) == Effect(supply="updated")
    (service,) = known.supplies["5555/1"].services
    assert service.contracts[0].vulnerable
    assert known.apply(row(vulnerable="no", use="other")) == Effect(supply="updated")


def test_the_distributors_contract_is_kept_and_stays_when_a_line_says_nothing_of_it() -> None:
    known = registry()
    known.apply(row())
    assert known.apply(row(access_contract="ATR-0575/877")) == Effect(supply="updated")
    known.apply(row())
    (service,) = known.supplies["5555/1"].services
    assert service.contracts[0].access_contract == "ATR-0575/877"
    assert [field for field, _, _ in problems(ANA | {"access_contract": "diez %!"})] == ["access_contract"]


def test_a_promotional_code_is_kept_as_the_price_book_writes_it() -> None:
    told = row(promotion_code="BIENVENIDA26").contract
    assert told is not None and told.promotion_code == "BIENVENIDA26"
    known = registry()
    known.apply(row())
    assert known.apply(row(promotion_code="BIENVENIDA26")) == Effect(supply="updated")
    (service,) = known.supplies["5555/1"].services
    assert service.contracts[0].promotion_code == "BIENVENIDA26"
    assert [field for field, _, _ in problems(ANA | {"promotion_code": "diez %!"})] == ["promotion_code"]


def test_facts_that_cannot_be() -> None:
    found = problems(ANA | {"power_control": "fuse", "electricity_tax": "bakery", "vulnerable": "perhaps"})
    assert [field for field, _, _ in found] == ["power_control", "electricity_tax", "vulnerable"]
    assert "write one of listed_use, industrial_plant" in found[1][2]
    (field, _, reason) = problems(ANA | {"vulnerable": "yes", "use": "other"})[0]
    assert field == "vulnerable" and "household" in reason
    lucas = ANA | {"document_type": "dni", "document": "20.123.456", "cups": "", "postcode": "S2999", "tariff": "T1R",
                   "power_p2_kw": "", "meter_rental": "", "tariff_zone": ""}  # fmt: skip
    for column, value in (("vulnerable", "yes"), ("power_control", "maximeter"), ("electricity_tax", "railway")):
        assert [problem[0] for problem in problems(lucas | {column: value}, ARGENTINA)] == [column]
