"""What is invoiced besides supplying: its concepts, its amount, who pays it and how it is taxed."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal as D
from pathlib import Path

import pytest

from services.billing.domain.charging import (
    Charge,
    ChargeNumbering,
    charge_amount,
    charge_bill,
    charge_text,
    concept_on,
    contract_for,
)
from services.billing.domain.supplies import Contract, Service, Supply
from services.billing.rules import rules_of
from services.chassis.environment import SettingsError
from services.chassis.errors import Invalid, Refused
from services.chassis.profile import Profile, load_profile

PROFILES = Path(__file__).resolve().parents[3] / "profiles"
DAY = date(2026, 11, 20)
CONTRACT = Contract("c", "C-1", date(2020, 1, 1), None, "fija-2026", "2.0TD")
SUPPLY = Supply(
    "s", "5555/1", "m", tariff_zone="peninsula", services=(Service("l", "electricity", contracts=(CONTRACT,)),)
)
RULES = {name: rules_of(load_profile(PROFILES / name)) for name in ("demo-es", "demo-ar")}


def bill_of(profile: str, code: str, net: str, supply: Supply = SUPPLY, **contract: str):
    rules = RULES[profile]
    concept = concept_on(rules.charges, code, DAY)
    return charge_bill(
        supply, Charge(code, D(net), "for this", DAY), concept, replace(CONTRACT, **contract), rules.country.charging
    )


@pytest.mark.parametrize(
    ("profile", "concept", "condition", "net", "total", "rates"),
    [
        # RD 88/2026: reconnection 18.09 € are 21.89 € with IVA.
        ("demo-es", "reconnection", "consumer", "18.09", "21.89", ["0.21"]),
        ("demo-es", "certificate_copy", "consumer", "3.00", "3.63", ["0.21"]),
        ("demo-es", "returned_debit_fee", "consumer", "3.00", "3.00", []),  # a compensation
        ("demo-ar", "reconnection", "consumer", "5000.00", "6050.00", ["0.21"]),
        # Not the 27 % of metered supplies outside dwellings: it is none.
        ("demo-ar", "reconnection", "registered", "5000.00", "6050.00", ["0.21"]),
        ("demo-ar", "reconnection", "exempt", "5000.00", "5000.00", ["0"]),
    ],
)
def test_a_charge_is_taxed_by_its_concept_and_its_holder(
    profile: str, concept: str, condition: str, net: str, total: str, rates: list[str]
) -> None:
    bill = bill_of(profile, concept, net, tax_condition=condition, use="other")
    assert (bill.net, bill.total) == (D(net), D(total))
    assert [tax.rate for tax in bill.taxes] == [D(rate) for rate in rates]
    assert (bill.accrual_date, bill.period.start, bill.period.days) == (DAY, DAY, 1)


def test_where_no_table_says_the_tax_nothing_is_charged() -> None:
    with pytest.raises(Refused, match="In canarias the tax is IGIC, and there is no table"):
        bill_of("demo-es", "reconnection", "18.09", replace(SUPPLY, tariff_zone="canarias"))
    assert bill_of("demo-es", "returned_debit_fee", "3", replace(SUPPLY, tariff_zone="canarias")).taxes == ()
    with pytest.raises(Refused, match="says nothing for 2012-08-31"):
        RULES["demo-es"].country.charging.rate(
            concept_on(RULES["demo-es"].charges, "reconnection", DAY), CONTRACT, "peninsula", date(2012, 8, 31)
        )
    with pytest.raises(Refused, match="'charge reconnection' says nothing for 2023-12-31"):
        concept_on(RULES["demo-es"].charges, "reconnection", date(2023, 12, 31))


def test_a_concept_that_is_none_names_those_there_are() -> None:
    with pytest.raises(
        Invalid, match="'fine' is not known; use one of returned_debit_fee, reconnection, certificate_copy"
    ):
        concept_on(RULES["demo-es"].charges, "fine", DAY)
    with pytest.raises(Refused, match="has no charges: add them"):
        concept_on({}, "fine", DAY)


@pytest.mark.parametrize(
    ("written", "sentence"),
    [
        ("0", "is not above zero"),
        ("-3.00", "is not above zero"),
        ("3.005", "has more than two decimals"),
        ("three", "is not a number; write it as 18.09"),
        ("NaN", "is not a number"),
        ("1e9", "the largest that is charged"),
    ],
)
def test_an_amount_that_cannot_be_is_refused_with_a_sentence(written: str, sentence: str) -> None:
    with pytest.raises(Invalid, match=sentence):
        charge_amount(written)


def test_an_amount_has_its_cents_and_a_text_one_line() -> None:
    assert str(charge_amount(" 3 ")) == "3.00"
    assert charge_text("  Copy\n of a certificate ") == "Copy of a certificate"
    for text in (" ", "x" * 201):
        with pytest.raises(Invalid, match="Say in up to 200 characters"):
            charge_text(text)


def test_who_pays_is_the_contract_of_the_day_or_the_last_one() -> None:
    first = replace(CONTRACT, id="a", end=date(2026, 6, 1))
    second = replace(CONTRACT, id="b", start=date(2026, 6, 1), end=date(2026, 9, 1))
    water = Service("w", "water", contracts=(replace(CONTRACT, id="w", end=date(2026, 10, 1)),))
    supply = replace(SUPPLY, services=(water, Service("l", "electricity", contracts=(first, second))))
    assert contract_for(supply, date(2026, 5, 31)).id == "a"
    assert contract_for(supply, date(2026, 6, 1)).id == "b"
    assert contract_for(supply, date(2026, 9, 15)).id == "w"
    assert contract_for(supply, DAY).id == "b"  # all have ended: the one that began last
    with pytest.raises(Refused, match="5555/1 had no contract yet on 2019-12-31"):
        contract_for(supply, date(2019, 12, 31))


def test_numbers_of_charges_are_a_series_of_their_own() -> None:
    for profile, condition, series in (
        ("demo-es", "consumer", "V-2026"), ("demo-ar", "consumer", "B-FC-00003"), ("demo-ar", "registered", "A-FC-00003"),
    ):  # fmt: skip
        rules, contract = RULES[profile], replace(CONTRACT, tax_condition=condition)
        wanted = ChargeNumbering(rules.charge_series, DAY, contract, rules.fiscal.point_of_sale)
        assert rules.country.charging.series(wanted) == series


def changed(profile: str, folder: Path, coop: tuple[str, str], concepts: tuple[str, str]) -> Profile:
    for source in (PROFILES / profile).glob("*.toml"):
        text = source.read_text(encoding="utf-8")
        for name, (old, new) in (("coop.toml", coop), ("concepts.toml", concepts)):
            assert source.name != name or old in text
            text = text.replace(old, new, 1) if source.name == name else text
        (folder / source.name).write_text(text, encoding="utf-8")
    return load_profile(folder)


SAME = ("name", "name")
FEE = ("notice_days = 14\n", 'notice_days = 14\nreturn_fee = "3.00"\n')


def test_a_profile_that_could_not_charge_is_refused_at_start(tmp_path: Path) -> None:
    assert rules_of(changed("demo-es", tmp_path, FEE, SAME)).return_fee == D("3.00")
    for coop, concepts, sentence in (
        (
            SAME,
            ('iva = "general"', 'iva = "half"'),
            "'reconnection' names the tax 'half'; use one of 'general', 'outside'",
        ),
        (FEE, ('"returned_debit_fee"', '"fee"'), "needs the charge 'returned_debit_fee' in concepts.toml"),
        ((FEE[0], FEE[0] + 'return_fee = "0"\n'), SAME, "return_fee: The amount 0 is not above zero"),
        (('charge = "V"', 'charge = "R"'), SAME, "charge = 'R' numbers other documents already"),
    ):
        with pytest.raises(SettingsError, match=sentence):
            rules_of(changed("demo-es", tmp_path, coop, concepts))
