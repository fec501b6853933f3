"""What an hourly meter showed at the first and the last midnight: on the bill and in its proof, and never what it is priced by."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from datetime import date
from decimal import Decimal as D
from pathlib import Path

from services.billing.domain.closes import Close
from services.billing.repository import history
from services.chassis.periods import DatePeriod
from services.staff.verify.check import verify
from tests.support.billing import STAFF, Office, measured

OCTOBER = DatePeriod.month("2026-10")
SHOWN = {"P1": (8_123_000, 8_185_000), "P2": (7_040_000, 7_095_000), "P3": (15_010_000, 15_137_000)}


def close(register: str) -> Close:
    initial, final = SHOWN[register]
    ids = (f"{register}-first", f"{register}-last")
    return Close("CIR4621247027", register, OCTOBER, "Wh", initial, final, final - initial, "technician", ids)


def test_the_display_is_printed_and_referenced_and_prices_nothing(office: Office, tmp_path: Path) -> None:
    office.add_supplies(1)
    office.energy.usual = replace(measured(), closes=tuple(close(register) for register in SHOWN))
    office.bill("2026-10", "2026-11-02")
    found = office.invoices.get(STAFF, "E-2026-000001")
    assert found.invoice.total == D("55.44")
    assert found.details is not None
    assert [(each.register, each.final, each.reading_ids) for _, each in found.details.readings] == [
        (register, SHOWN[register][1], (f"{register}-first", f"{register}-last")) for register in SHOWN
    ]
    pdf = tmp_path / "bill.pdf"
    pdf.write_bytes(office.documents.invoice(found.invoice.id).content)
    made = subprocess.run(["pdftotext", "-layout", pdf, "-"], capture_output=True, text=True, check=True)
    text = " ".join(made.stdout.replace("\xa0", " ").split())
    assert "P1 (punta) 30 sept 2026, real: 8.123 31 oct 2026, real: 8.185 62 kWh" in text
    assert "P3 (valle) 30 sept 2026, real: 15.010 31 oct 2026, real: 15.137 127 kWh" in text
    assert "el visor del contador muestra unidades enteras" in text, "128 kWh are billed"
    bundle = json.loads(json.dumps(office.invoices.bundle(STAFF, "E-2026-000001")[1]))
    assert [each["final"] for each in bundle["segments"][0]["closes"]] == [last for _, last in SHOWN.values()]
    assert verify(bundle).differences == ()
    with office.database.read() as connection:
        used = history.billed(connection, [found.invoice.supply_id], [date(2026, 10, 1)])
    assert [each.used for each in used[found.invoice.supply_id]["electricity"]] == [245_000], "counted once"
