"""Codes and chains of the tax offices and the regulator, by their published vectors, byte for byte."""

from __future__ import annotations

import base64
import json
import re
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal as D
from itertools import pairwise
from xml.etree import ElementTree as ET
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.billing.domain.fiscal.afip_qr import Voucher, qr_url
from services.billing.domain.fiscal.cesp import CodeRequest, barcode_digits, digits_of
from services.billing.domain.fiscal.cnmc_qr import contract_type
from services.billing.domain.fiscal.energy_origin import energy_origins, origin_on
from services.billing.domain.fiscal.interleaved import NARROW, WIDE, bars, check_digit
from services.billing.domain.fiscal.sandbox import SandboxProvider
from services.billing.domain.fiscal.terms import fiscal_terms
from services.billing.domain.fiscal.verifactu import (
    ChainCheck,
    Record,
    cancellation_hash,
    hash_of,
    registration_hash,
    stamp,
    validation_url,
)
from services.billing.domain.fiscal.verifactu_xml import INFORMATION, SENDING, sending
from services.chassis.errors import Invalid
from services.chassis.periods import DatePeriod

NEW_YEAR = date(2024, 1, 1)
FIRST = "3C464DAF61ACB827C65FDA19F352A4E3BDC2C640E9E9FC4CC058073F38F12F60"
SECOND = "F7B94CFD8924EDFF273501B01EE5153E4CE8F259766F88CF6ACB8935802A2B97"
THIRD = "177547C0D57AC74748561D054A9CEC14B4C4EA23D1BEFD6F2E69E3A388F90C68"
SOFTWARE = {"NombreRazon": "Casa", "NIF": "B12345674"}


def official_chain() -> list[Record]:
    """The tax office's three examples are one chain: two invoices and the cancellation of the second."""
    content = {
        "issuer_name": "Ejemplo, S. A.",
        "description": "Suministro",
        "recipient": {"name": "Ana & Cía", "nif": "12345678Z"},
        "breakdown": [{"Impuesto": "01", "CuotaRepercutida": "12.35"}],
        "previous": None,
        "software": SOFTWARE,
    }
    amounts = {"invoice_type": "F1", "quota": D("12.35"), "total": D("123.45")}
    one = Record(
        1, "registration", "89890001K", "12345678/G33", NEW_YEAR, "2024-01-01T19:20:30+01:00", "", FIRST, **amounts,
        content=content,
    )  # fmt: skip
    before = {"issuer": "89890001K", "number": "12345678/G33", "issue_date": "01-01-2024"}
    two = replace(
        one, position=2, number="12345679/G34", generated_at="2024-01-01T19:20:35+01:00", previous_hash=FIRST,
        hash=SECOND, content={**content, "previous": before},
    )  # fmt: skip
    before = {**before, "number": "12345679/G34"}
    three = Record(
        3, "cancellation", "89890001K", "12345679/G34", NEW_YEAR, "2024-01-01T19:20:40+01:00", SECOND, THIRD,
        content={"previous": before, "software": SOFTWARE},
    )  # fmt: skip
    return [one, two, three]


def test_hashes_of_the_tax_offices_examples() -> None:
    """Orden HAC/1177/2024; specification of the hash, version 0.1.2, cases 1 to 3."""
    arguments = ("89890001K", "12345678/G33", NEW_YEAR, "F1", D("12.35"), D("123.45"))
    assert registration_hash(*arguments, "", "2024-01-01T19:20:30+01:00") == FIRST
    again = (arguments[0], "12345679/G34", *arguments[2:])
    assert registration_hash(*again, FIRST, "2024-01-01T19:20:35+01:00") == SECOND
    assert cancellation_hash("89890001K", "12345679/G34", NEW_YEAR, SECOND, "2024-01-01T19:20:40+01:00") == THIRD
    assert [hash_of(record) for record in official_chain()] == [FIRST, SECOND, THIRD]


def test_a_sound_chain_is_followed_to_its_end() -> None:
    check = ChainCheck()
    assert [check.follow(record) for record in official_chain()] == [None, None, None]
    assert check.followed == 3


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"total": D("123.46")}, "changed after it was made"),
        ({"number": "12345680/G35"}, "changed after it was made"),
        ({"hash": FIRST}, "changed after it was made"),
        ({"previous_hash": SECOND}, "hash of the record before it"),
        ({"position": 3}, "record 2 should stand here"),
    ],
)
def test_the_first_broken_record_is_named(changes: dict[str, object], words: str) -> None:
    records = official_chain()
    records[1] = replace(records[1], **changes)
    check = ChainCheck()
    assert check.follow(records[0]) is None
    broken = check.follow(records[1])
    assert broken is not None and words in broken.why
    assert (broken.number, check.followed) == (records[1].number, 1)


def test_a_record_older_than_the_one_it_follows_is_broken() -> None:
    one, two, _ = official_chain()
    late = replace(two, generated_at="2024-01-01T18:20:29Z")
    late = replace(late, hash=hash_of(late))
    check = ChainCheck()
    check.follow(one)
    broken = check.follow(late)
    assert broken is not None and "before the record that it follows" in broken.why


def test_instants_carry_the_offset_of_the_taxpayers_zone() -> None:
    instant = datetime(2026, 7, 1, 22, 30, 15, 999_999, tzinfo=UTC)
    assert stamp(instant, ZoneInfo("Europe/Madrid")) == "2026-07-02T00:30:15+02:00"
    assert stamp(instant, ZoneInfo("Atlantic/Canary")) == "2026-07-01T23:30:15+01:00"


def test_address_of_the_tax_offices_code() -> None:
    host = "https://www2.agenciatributaria.gob.es"
    assert validation_url(host, "F12345674", "E-2026-000123", date(2026, 11, 3), D("55.44")) == (
        "https://www2.agenciatributaria.gob.es/wlpl/TIKE-CONT/ValidarQR"
        "?nif=F12345674&numserie=E-2026-000123&fecha=03-11-2026&importe=55.44"
    )
    other = validation_url("https://prewww2.aeat.es/", "89890001K", "12345678&G33", NEW_YEAR, D("241.4"))
    assert other.startswith("https://prewww2.aeat.es/wlpl/") and "numserie=12345678%26G33&" in other


def test_records_as_xml() -> None:
    root = ET.fromstring(sending(official_chain(), "Ejemplo, S. A.", "89890001K"))
    sf = {"sf": INFORMATION, "lr": SENDING}
    assert root.tag == f"{{{SENDING}}}RegFactuSistemaFacturacion"
    assert root.findtext("lr:Cabecera/sf:ObligadoEmision/sf:NIF", namespaces=sf) == "89890001K"
    first, second = root.findall("lr:RegistroFactura/sf:RegistroAlta", sf)
    assert [child.tag.partition("}")[2] for child in first] == [
        "IDVersion",
        "IDFactura",
        "NombreRazonEmisor",
        "TipoFactura",
        "DescripcionOperacion",
        "Destinatarios",
        "Desglose",
        "CuotaTotal",
        "ImporteTotal",
        "Encadenamiento",
        "SistemaInformatico",
        "FechaHoraHusoGenRegistro",
        "TipoHuella",
        "Huella",
    ]
    assert first.findtext("sf:Encadenamiento/sf:PrimerRegistro", namespaces=sf) == "S"
    assert second.findtext("sf:Encadenamiento/sf:RegistroAnterior/sf:Huella", namespaces=sf) == FIRST
    assert first.findtext("sf:Destinatarios/sf:IDDestinatario/sf:NombreRazon", namespaces=sf) == "Ana & Cía"
    # What is hashed is what is written.
    assert (first.findtext("sf:CuotaTotal", namespaces=sf), first.findtext("sf:ImporteTotal", namespaces=sf)) == (
        "12.35",
        "123.45",
    )
    cancelled = root.find("lr:RegistroFactura/sf:RegistroAnulacion", sf)
    assert cancelled is not None and cancelled.findtext("sf:Huella", namespaces=sf) == THIRD
    with pytest.raises(Invalid, match="1000 records and not 1001"):
        sending(official_chain()[:1] * 1001, "x", "y")


# ------------------------------------------------------------------------------------------------------------- Argentina
def test_code_of_the_tax_offices_example() -> None:
    """RG 4892: the specification's own example."""
    voucher = Voucher(
        date(2020, 10, 13), "30000000007", 10, 1, 94, D("12100.00"), "70417054367476", "DOL", D(65), (80, 20000000001)
    )
    assert qr_url(voucher) == (
        "https://www.afip.gob.ar/fe/qr/?p="
        "eyJ2ZXIiOjEsImZlY2hhIjoiMjAyMC0xMC0xMyIsImN1aXQiOjMwMDAwMDAwMDA3LCJwdG9WdGEiOjEwLCJ0aXBvQ21wIjoxLCJucm9DbXAi"
        "Ojk0LCJpbXBvcnRlIjoxMjEwMCwibW9uZWRhIjoiRE9MIiwiY3R6Ijo2NSwidGlwb0RvY1JlYyI6ODAsIm5yb0RvY1JlYyI6MjAwMDAwMDAw"
        "MDEsInRpcG9Db2RBdXQiOiJFIiwiY29kQXV0Ijo3MDQxNzA1NDM2NzQ3Nn0="
    )


def test_code_of_an_anonymous_sale_in_pesos() -> None:
    address = qr_url(Voucher(date(2026, 11, 3), "30123456781", 3, 6, 17, D("1540.50"), "76123456789012"))
    content = json.loads(base64.b64decode(address.partition("?p=")[2]), parse_float=D)
    assert (content["importe"], content["moneda"], content["ctz"]) == (D("1540.5"), "PES", 1)
    assert "tipoDocRec" not in content and "nroDocRec" not in content


@pytest.mark.parametrize(
    ("digits", "check"),
    [
        ("202675653930240016120303473904220110529", "9"),
        ("30700000016" + "006" + "00012" + "76123456789012" + "20261215", "6"),
    ],
)
def test_check_digit_of_rg_1702(digits: str, check: str) -> None:
    assert check_digit(digits) == check


def test_the_42_digits_of_a_bill() -> None:
    found = barcode_digits("30-70000001-6", "006", 12, "76123456789012", date(2026, 12, 15))
    assert found == "307000000160060001276123456789012202612156"
    with pytest.raises(Invalid, match="14 digits"):
        barcode_digits("30-70000001-6", "006", 12, "7612345678901", date(2026, 12, 15))
    with pytest.raises(Invalid, match="has 10 digits"):
        digits_of("30-7000000-6")


DIGITS = st.integers(1, 12).flatmap(lambda pairs: st.text("0123456789", min_size=2 * pairs, max_size=2 * pairs))
PATTERNS = {"00110": "0", "10001": "1", "01001": "2", "11000": "3", "00101": "4",
            "10100": "5", "01100": "6", "00011": "7", "10010": "8", "01010": "9"}  # fmt: skip


@given(DIGITS)
def test_bars_read_back_as_their_digits(digits: str) -> None:
    """Read as a scanner does: widths of bars and spaces in turn, five of each for two digits."""
    drawn, whole = bars(digits)
    edges = [edge for start, width in drawn for edge in (start, start + width)]
    widths = [after - before for before, after in pairwise(edges)]
    assert set(widths) <= {NARROW, WIDE} and edges[-1] == whole
    assert widths[:4] == [NARROW] * 4 and widths[-3:] == [WIDE, NARROW, NARROW]
    read = ""
    for start in range(4, len(widths) - 3, 10):
        signs = "".join("1" if width == WIDE else "0" for width in widths[start : start + 10])
        read += PATTERNS[signs[::2]] + PATTERNS[signs[1::2]]
    assert read == digits


@pytest.mark.parametrize(("digits", "words"), [("123", "even number"), ("12a4", "cannot carry"), ("", "cannot carry")])
def test_what_bars_cannot_carry_is_refused(digits: str, words: str) -> None:
    with pytest.raises(Invalid, match=words):
        bars(digits)


def test_the_sandbox_gives_the_same_request_the_same_code() -> None:
    month = DatePeriod.month("2026-11")
    requests = [CodeRequest("30123456781", 3, voucher, month) for voucher in ("017", "018")]
    first, second = SandboxProvider().authorize(requests)
    assert SandboxProvider().authorize(requests) == [first, second]
    assert first.code != second.code
    assert re.fullmatch(r"99\d{12}", first.code)
    assert (first.valid_until, first.provider) == (date(2026, 11, 30), "sandbox")


# ------------------------------------------------------------------------------------------- regulator, profile, origin
def test_kinds_of_contract_of_the_comparator() -> None:
    kinds = (("fixed", 3, False), ("fixed", 1, False), ("indexed", 0, True))
    assert [contract_type(*each) for each in kinds] == ["E0", "F0", "B1"]


SPAIN = {
    "verifactu": True,
    "software": {"producer": "Casa", "producer_nif": "B12345674", "code": "AC", "installation": "1"},
}


def test_terms_of_the_profile() -> None:
    found = fiscal_terms(SPAIN, "es", "0.1.0")
    assert found.verifactu is not None
    assert (found.verifactu.version, found.tax_office) == ("0.1.0", "https://www2.agenciatributaria.gob.es")
    assert fiscal_terms({}, "es", "0.1.0").verifactu is None
    assert fiscal_terms({"point_of_sale": 3}, "ar", "0.1.0").point_of_sale == 3


@pytest.mark.parametrize(
    ("section", "country", "words"),
    [
        ({"verifactu": True}, "es", "code is missing"),
        ({"verifactu": "yes"}, "es", "true or false"),
        ({**SPAIN, "tax_office": "http://prewww2.aeat.es"}, "es", "must be an address"),
        ({**SPAIN, "software": {**SPAIN["software"], "code": "abc"}}, "es", "two capital letters"),
        ({**SPAIN, "software": {**SPAIN["software"], "producer_nif": "B1"}}, "es", "nine letters"),
        ({"verifactu": True}, "ar", "is not known for 'ar'"),
        ({"point_of_sale": 100_000}, "ar", "from 1 to 99999"),
        ({"cesp_provider": "arca"}, "ar", "use 'sandbox'"),
        ({"cesp_provider": "sandbox", "cae_provider": "arca"}, "ar", "cae_provider = 'arca'"),
        ({"cae_provider": "sandbox"}, "ar", "name both"),
    ],
)
def test_terms_that_do_not_fit_are_named(section: dict[str, object], country: str, words: str) -> None:
    with pytest.raises(Invalid, match=words):
        fiscal_terms(section, country, "0.1.0")


def mix(**changes: object) -> dict[str, object]:
    return {"shares": {"renewable": "80", "nuclear": "20"}, "co2": "0.05", "waste": "0.1", "co2_letter": "B",
            "waste_letter": "C", **changes}  # fmt: skip


def test_the_mix_printed_is_the_last_published() -> None:
    rows = [
        {"year": year, "published": date(year + 1, 4, 15), "source": "CNMC", "own": mix(), "country": mix()}
        for year in (2025, 2024)
    ]
    origins = energy_origins(rows, "energy_origin.toml")
    assert origin_on(origins, date(2025, 4, 14)) is None
    found = [origin_on(origins, day) for day in (date(2026, 4, 14), date(2026, 4, 15))]
    assert [each.year for each in found if each] == [2024, 2025]


@pytest.mark.parametrize(
    ("own", "words"),
    [
        (mix(shares={"renewable": "80"}), "sum to 80"),
        (mix(shares={"renewable": "80", "fusion": "20"}), "'fusion' is not known"),
        (mix(co2_letter="H"), "'H' must be one of"),
    ],
)
def test_a_mix_that_cannot_be_is_refused(own: dict[str, object], words: str) -> None:
    row = {"year": 2025, "published": date(2026, 4, 15), "source": "CNMC", "own": own, "country": mix()}
    with pytest.raises(Invalid, match=words):
        energy_origins([row], "energy_origin.toml")
