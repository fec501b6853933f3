"""One digit of a bundle changed: found by its checksum wherever it is, and by the calculation alone where it is money or energy."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.billing.application.issuing import invoice_hash
from services.billing.domain.bill import Energy
from services.billing.domain.planning import plan
from services.billing.domain.pricing import price
from services.chassis.bundle_hours import seal
from services.staff.verify.check import verify
from services.staff.verify.numbers import Unverifiable
from tests.unit.billing.examples import BILL_A, BLOCKS, OCTOBER, book, energy
from tests.unit.billing.test_basis import made
from tests.unit.billing.test_second_calculation import COUNTRIES, FIXED, SIX, WATER, bundle_of, six_periods, supply_of
from tests.unit.billing.test_services_argentina import METERED, supply, water_close

Path = tuple[str | int, ...]
#: What is wrong by itself when one digit of it is another, whatever the checksum says.
TELLING = {
    *("amount", "base", "rate", "total", "unit_price", "quantity", "days", "year_days"),
    *("import_wh", "used", "monthly", "fixed_charge"),
}


def spanish() -> dict[str, Any]:
    """Bill A with its 745 hours: each tariff period's energy in one of them, and nothing in the others."""
    home = supply_of("fija")
    segments = plan(home, OCTOBER, book(FIXED, BLOCKS, WATER), COUNTRIES["es"].policy.regulated_energy)
    bill = price(home.id, OCTOBER, segments, [BILL_A], COUNTRIES["es"].policy, date(2026, 11, 2))
    bundle = bundle_of("es", bill, segments, [BILL_A])
    start = datetime(2026, 9, 30, 22, tzinfo=UTC)
    stamps = [(start + timedelta(hours=n)).astimezone(ZoneInfo("Europe/Madrid")) for n in range(745)]
    # Wednesday the 14th at 3, 11 and 16 o'clock: valley, peak and flat.
    taken = {3: 128_000, 11: 62_000, 16: 55_000}
    bundle["segments"][0]["hours"] = [
        [stamp.isoformat(), taken.get(stamp.hour, 0) if stamp.day == 14 else 0, 0, 1] for stamp in stamps
    ]
    return bundle


def argentine() -> dict[str, Any]:
    home = supply()
    segments = plan(home, OCTOBER, book(BLOCKS, METERED))
    measured = [
        Energy(closes=(water_close(18_000),)) if segment.by_register else energy(P1=221_000, hours=744)
        for segment in segments
    ]
    bill = price(home.id, OCTOBER, segments, measured, COUNTRIES["ar"].policy, date(2026, 11, 2))
    return bundle_of("ar", bill, segments, measured)


BUNDLES = {"es": spanish(), "ar": argentine()}


def digits(value: Any, path: Path = ()) -> Iterator[tuple[Path, int]]:
    """Every digit of a document: where its value is, and its place in it."""
    if isinstance(value, dict | list):
        for name, part in value.items() if isinstance(value, dict) else enumerate(value):
            yield from digits(part, (*path, name))
    elif value is not None and not isinstance(value, bool):
        yield from ((path, place) for place, sign in enumerate(str(value)) if sign.isdigit())


def changed(bundle: dict[str, Any], path: Path, place: int, by: int) -> dict[str, Any]:
    altered = json.loads(json.dumps(bundle))
    holder = altered
    for name in path[:-1]:
        holder = holder[name]
    text = str(holder[path[-1]])
    text = text[:place] + str((int(text[place]) + by) % 10) + text[place + 1 :]
    holder[path[-1]] = int(text) if isinstance(holder[path[-1]], int) else text
    return altered


def holds(bundle: dict[str, Any]) -> bool:
    try:
        return verify(bundle).holds
    except Unverifiable:
        return False


@pytest.mark.parametrize("country", BUNDLES)
def test_unchanged_they_hold_with_and_without_a_checksum(country: str) -> None:
    sealed = json.loads(json.dumps(BUNDLES[country]))
    assert verify(sealed).differences == ()
    seal(sealed)
    assert len(sealed["sha256"]) == 64
    assert verify(sealed).differences == ()


@given(st.sampled_from(sorted(BUNDLES)), st.data(), st.integers(1, 9))
def test_no_digit_of_a_bundle_can_be_changed_unseen(country: str, data: st.DataObject, by: int) -> None:
    sealed = json.loads(json.dumps(BUNDLES[country]))
    seal(sealed)
    path, place = data.draw(st.sampled_from(list(digits(sealed))))
    assert not holds(changed(sealed, path, place, by))


def telling(bundle: dict[str, Any]) -> list[tuple[Path, int]]:
    """Digits of printed money and its factors, of energy billed, and of the hours' energy; not of prices before the bill's."""
    return [
        (path, place)
        for path, place in digits(bundle)
        if path[0] in ("invoice", "segments")
        and "prices" not in path
        and (path[-1] in TELLING or ("hours" in path and path[-1] == 1))
    ]


@given(st.sampled_from(sorted(BUNDLES)), st.data(), st.integers(1, 9))
def test_money_and_energy_are_found_wrong_without_any_checksum(country: str, data: st.DataObject, by: int) -> None:
    path, place = data.draw(st.sampled_from(telling(BUNDLES[country])))
    assert not holds(changed(BUNDLES[country], path, place, by))


@pytest.mark.parametrize(
    ("path", "place", "said"),
    [
        (("invoice", "lines", 0, "unit_price"), 0, "electricity power P1: 4.6 x 31 x 37.704413 / 365 is 14.73"),
        (("invoice", "lines", 0, "year_days"), 0, "printed is 10.82"),
        (("invoice", "lines", 6, "days"), 0, "electricity meter_rental: 41 x 0.81 x 12 / 365 is 1.09, printed is 0.83"),
        (("invoice", "taxes", 1, "rate"), 2, "iva: 45.82 x 0.31 is 14.20, printed is 9.62"),
        (("segments", 0, "hours", 0, 0), 3, "is not of 2026-10-01 to 2026-11-01"),
        (
            ("segments", 0, "hours", 9, 0),
            12,
            "00:00:00+02:00 of electricity stands after 2026-10-01T08:00:00+02:00, which is later",
        ),
        (
            ("segments", 0, "hours", 9, 0),
            14,
            "T09:10:00+02:00 of electricity is no full hour as Europe/Madrid tells it",
        ),
        (
            ("segments", 0, "hours", 8, 0),
            21,
            "An hour of electricity is in the bundle twice: 2026-10-01T08:00:00+03:00",
        ),
        (("invoice", "taxes", 0, "quantity_mwh"), 2, "iee: the energy is 0.245 MWh, and the invoice says 0.345"),
    ],
)
def test_what_is_printed_multiplies_to_what_is_printed(path: Path, place: int, said: str) -> None:
    altered = changed(BUNDLES["es"], path, place, 1)
    try:
        assert any(said in difference for difference in verify(altered).differences), verify(altered).differences
    except Unverifiable as wrong:
        assert said in str(wrong)


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        (
            ("invoice", "issue_date"),
            "2026-21-02",
            "invoice.issue_date says '2026-21-02', which is no day of the calendar",
        ),
        (("invoice", "accrual_date"), "2026-02-30", "invoice.accrual_date says '2026-02-30'"),
        (("segments", 0, "from"), "2026-13-01", "segments[0].from says '2026-13-01'"),
        (("segments", 0, "contract", "start"), "20120101", "segments[0].contract.start says '20120101'"),
        (("segments", 0, "hours", 3, 0), "2026-10-32T02:00:00+02:00", "segments[0].hours[3][0] says '2026-10-32T02"),
        (("tables", "toll", 0, "to"), "2027-00-01", "tables.toll[0].to says '2027-00-01'"),
        (
            ("invoice", "from"),
            "2026-09-01",
            "bills 2026-09-01 to 2026-11-01 (excluded), and what it bills is of 2026-10-01",
        ),
        (("invoice", "to"), "2026-11-02", "bills 2026-10-01 to 2026-11-02 (excluded)"),
        (
            ("invoice", "lines", 5, "unit_price"),
            "9.021295",
            "is 9.011295 when calculated again, and 9.021295 on the inv",
        ),
        (
            ("invoice", "lines", 2, "quantity"),
            "62.001",
            "energy P1: the quantity is 62 when calculated again, and 62.001",
        ),
        (
            ("invoice", "lines", 1, "year_days"),
            366,
            "power P2: the length of the year is 365 when calculated again, and 366",
        ),
        (
            ("invoice", "taxes", 1, "rate"),
            "0.2100001",
            "iva 9.62 on 45.82 at 21 %, on the invoice iee 2.15 on 42.07 at 5.11269632 %, iva 9.62 on 45.82 at 21.00001 %",
        ),
    ],
)
def test_what_is_wrong_though_every_amount_is_right_is_named(path: Path, value: Any, said: str) -> None:
    altered = json.loads(json.dumps(BUNDLES["es"]))
    holder = altered
    for name in path[:-1]:
        holder = holder[name]
    holder[path[-1]] = value
    seal(altered)  # as whoever altered it would
    try:
        differences = verify(altered).differences
    except Unverifiable as wrong:
        differences = (str(wrong),)
    assert any(said in difference for difference in differences), differences


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        (("lines", 5, "taxed_by"), ["iee", "iva"], "iee: what it taxes adds up to 42.84, and its base is 42.07"),
        (("lines", 6, "taxed_by"), [], "iva: what it taxes adds up to 44.99, and its base is 45.82"),
        (("lines", 0, "taxed_by"), ["igic"], "electricity power P1 is taxed by igic, and the invoice has no such tax"),
        (("taxes", 0, "minimum_applied"), True, "2.15 are charged; the invoice says that it is raised to the minimum"),
        (
            ("lines", 2, "quantity"),
            None,
            "energy P1: the quantity is 62 when calculated again, and none on the invoice",
        ),
        (("lines", 2, "days"), 31, "the number of days is none when calculated again, and 31 on the invoice"),
        (("lines", 0, "price_unit"), "kw_week", "electricity power: a price per 'kw_week' is not known"),
    ],
)
def test_what_a_line_says_besides_its_amount_is_looked_at(path: Path, value: Any, said: str) -> None:
    altered = json.loads(json.dumps(BUNDLES["es"]))
    holder = altered["invoice"]
    for name in path[:-1]:
        holder = holder[name]
    holder[path[-1]] = value
    assert any(said in difference for difference in verify(altered).differences), verify(altered).differences


def test_readings_that_do_not_give_what_was_used_are_told() -> None:
    altered = json.loads(json.dumps(BUNDLES["ar"]))
    (close,) = [close for segment in altered["segments"] for close in segment["closes"]]
    close["initial"] += 1
    assert any("are not 18000 litre." in said for said in verify(altered).differences), verify(altered).differences
    close |= {"initial": 99_990_000, "final": 8_000}  # a register of five digits of m³ that passed zero
    assert verify(altered).differences == ()


def test_two_rows_of_one_day_are_told_and_not_chosen_from() -> None:
    altered = json.loads(json.dumps(BUNDLES["es"]))
    altered["tables"]["toll"] += altered["tables"]["toll"]
    with pytest.raises(Unverifiable, match=r"has 2 rows of tolls of 2\.0TD for 2026-10-01"):
        verify(altered)


@given(st.data(), st.integers(1, 9))
def test_no_digit_of_the_paper_can_be_changed_while_its_hash_stands(data: st.DataObject, by: int) -> None:
    """Number, parties and dates decide no amount: the hash that the books keep has them."""
    bundle = json.loads(json.dumps(BUNDLES["ar"]))
    invoice = bundle["invoice"]
    invoice |= {"supply_id": "s-1", "member_id": "m-1", "due_date": "2026-11-23", "previous_hash": "ab12"}
    invoice["hash"] = hash_of(invoice)
    assert verify(bundle).differences == ()
    names = (
        "number",
        "supply_id",
        "member_id",
        "from",
        "to",
        "issue_date",
        "due_date",
        "previous_hash",
        "hash",
        "total",
    )
    places = [(path, place) for path, place in digits(bundle) if path[0] == "invoice" and path[-1] in names]
    path, place = data.draw(st.sampled_from(places))
    assert not holds(changed(bundle, path, place, by))


def hash_of(invoice: dict[str, Any]) -> str:
    """As the books make it."""
    names = (
        "number",
        "supply_id",
        "member_id",
        "period_start",
        "period_end",
        "issue_date",
        "due_date",
        "previous_hash",
    )
    values = {**invoice, "period_start": invoice["from"], "period_end": invoice["to"]}
    dates = {name: date.fromisoformat(values[name]) for name in names if name.startswith("period") or "date" in name}
    row: Any = SimpleNamespace(**{**values, **dates, "currency": "EUR"})
    lines = [SimpleNamespace(**line) for line in invoice["lines"]]
    details: Any = SimpleNamespace(lines=lines, taxes=[SimpleNamespace(**tax) for tax in invoice["taxes"]])
    return invoice_hash(row, details)


def test_a_month_in_which_the_contract_began_is_the_invoices_month() -> None:
    home = supply_of("fija", start=date(2026, 10, 12))
    segments = plan(home, OCTOBER, book(FIXED), COUNTRIES["es"].policy.regulated_energy)
    bill = price(home.id, OCTOBER, segments, [BILL_A], COUNTRIES["es"].policy, date(2026, 11, 2))
    bundle = bundle_of("es", bill, segments, [BILL_A])
    assert verify(bundle).differences == ()
    bundle["invoice"]["from"] = "2026-10-02"
    assert "what it bills is of 2026-10-12 to 2026-11-01" in verify(bundle).differences[0]


def test_the_last_decimal_of_a_price_that_the_books_keep_is_seen() -> None:
    bundle = json.loads(json.dumps(BUNDLES["es"]))
    bundle["invoice"]["lines"][0]["unit_price"] = "27.7044130000"
    assert verify(bundle).differences == ()
    bundle["invoice"]["lines"][0]["unit_price"] = "27.7044130001"
    (said,) = verify(bundle).differences
    assert "electricity power P1: the unit price is 27.704413 when calculated again, and 27.7044130001" in said


def test_a_band_of_reactive_energy_that_is_moved_is_told_in_a_sentence() -> None:
    measured = six_periods(max_demand_w={"P4": 26_400}, reactive_varh={"P4": 700_000})
    bundle = made("es", supply_of("seis", "3.0TD", rental=""), measured, rows=(SIX,))
    assert verify(bundle).differences == ()
    for row in bundle["tables"]["reactive"]:
        row["bands"] = [{**band, "cos_phi_from": "0.99"} for band in row["bands"]]
    with pytest.raises(Unverifiable, match=r"no price for a cos φ of 0\.\d\d"):
        verify(bundle)


def test_blocks_that_end_too_soon_are_told_in_a_sentence() -> None:
    bundle = json.loads(json.dumps(BUNDLES["ar"]))
    segment = next(each for each in bundle["segments"] if each["service"] == "electricity")
    for version in [segment, *segment["prices"]]:
        version["product"]["algorithm"] = "category"
        version["product"]["blocks"] = [{**version["product"]["blocks"][0], "up_to": 1_000}]
    with pytest.raises(Unverifiable, match="blocks of electricity have no price for 221"):
        verify(bundle)
