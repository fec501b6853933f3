"""Does an invoice hold? Its bundle calculated again, and everything in which the two differ, as sentences."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from services.staff.verify import argentina, charge, rectifying, spain
from services.staff.verify.bases import wrong_bases
from services.staff.verify.chain import unlike_hash
from services.staff.verify.dates import impossible_days, other_days
from services.staff.verify.excess import unlike_quarters
from services.staff.verify.factors import unlike_factors
from services.staff.verify.hours import energy_of, misplaced
from services.staff.verify.numbers import Tax, Unverifiable, number
from services.staff.verify.paper import altered, wrong_arithmetic
from services.staff.verify.readings import unlike_readings
from services.staff.verify.services import Line, concept_lines

FORMAT = "acometida-invoice/1"
COUNTRIES: dict[str, Any] = {"es": spain, "ar": argentina}


@dataclass(frozen=True)
class Verdict:
    """What was calculated and what differs; an invoice holds when nothing does."""

    number: str
    printed_total: Decimal
    calculated_total: Decimal
    lines: int
    hours: int
    differences: tuple[str, ...]

    @property
    def holds(self) -> bool:
        return not self.differences


def verify(bundle: Any) -> Verdict:
    """Calculate a bundle again. Raises Unverifiable when it is none, or lacks what the calculation needs."""
    if not isinstance(bundle, dict) or bundle.get("format") != FORMAT:
        found = bundle.get("format") if isinstance(bundle, dict) else type(bundle).__name__
        raise Unverifiable(f"This is not an invoice bundle: its format is {found!r}, and {FORMAT!r} was expected.")
    try:
        return _verified(bundle)
    except Unverifiable as wrong:
        raise Unverifiable(" ".join(impossible_days(bundle)) or str(wrong)) from wrong
    except KeyError as missing:
        raise Unverifiable(f"The bundle lacks the field {missing}.") from missing
    except (TypeError, ValueError, AttributeError, ArithmeticError, StopIteration, IndexError) as wrong:
        raise Unverifiable(" ".join(impossible_days(bundle)) or f"The bundle is damaged: {wrong}.") from wrong


def _verified(bundle: dict[str, Any]) -> Verdict:
    verdict = _rectifying(bundle) if "rectification" in bundle else _whole(bundle)
    return replace(
        verdict, differences=(*altered(bundle), *unlike_hash(bundle), *impossible_days(bundle), *verdict.differences)
    )


def _rectifying(bundle: dict[str, Any]) -> Verdict:
    """What stood before and the corrected invoice are each calculated from their facts, then what lies between them."""
    said, invoice = bundle["rectification"], bundle["invoice"]
    before = _whole(said["before"])
    after = _whole({**bundle, "invoice": {**invoice, **said["corrected"]}})
    whole = said["method"] == rectifying.BY_SUBSTITUTION
    differences = (
        *(f"Before, {before.number}: {each}" for each in before.differences),
        *(f"Corrected: {each}" for each in after.differences),
        *wrong_arithmetic(invoice, difference=not whole),
        *rectifying.problems_of(bundle),
    )
    total = after.calculated_total if whole else after.calculated_total - before.calculated_total
    hours = before.hours + after.hours
    return Verdict(invoice["number"], number(invoice["total"]), total, len(invoice["lines"]), hours, differences)


def _whole(bundle: dict[str, Any]) -> Verdict:
    invoice = bundle["invoice"]
    country = COUNTRIES.get(bundle["jurisdiction"])
    if country is None:
        raise Unverifiable(
            f"The jurisdiction {bundle['jurisdiction']!r} is not known; known are {', '.join(COUNTRIES)}."
        )
    lines: list[Line]
    if "charge" in bundle:
        lines, taxes = [charge.line_of(bundle)], charge.taxes_of(bundle)
    else:
        lines = country.lines_of(bundle)
        foreign = invoice.get("foreign", False)
        decided = [line for row, line in concept_lines(bundle, lines) if row["foreign"] == foreign]
        lines = decided if foreign else lines + decided
        taxes = country.taxes_of(bundle, lines)
    total = sum((line.amount for line in lines), Decimal(0)) + sum((amount for _, _, amount, _ in taxes), Decimal(0))
    differences = [
        *wrong_arithmetic(invoice),
        *wrong_bases(bundle),
        *other_days(bundle),
        *_hours(bundle),
        *_priced_hours(bundle),
        *unlike_quarters(bundle),
        *unlike_readings(bundle),
        *_lines(invoice["lines"], lines),
        *unlike_factors(invoice["lines"], lines),
        *_taxes(invoice["taxes"], taxes),
        *(charge.unlike(bundle) if "charge" in bundle else []),
    ]
    if total != number(invoice["total"]):
        differences.append(f"The total is {total} when calculated again, and {invoice['total']} on the invoice.")
    hours = sum(len(segment["hours"]) for segment in bundle["segments"])
    return Verdict(invoice["number"], number(invoice["total"]), total, len(lines), hours, tuple(differences))


def _hours(bundle: dict[str, Any]) -> list[str]:
    """Is the energy of each tariff period the sum of its hours? Only where the bundle has the hours."""
    found = []
    for segment in bundle["segments"]:
        if not segment["hours"]:
            continue
        wrong = misplaced(segment, bundle["time_zone"])
        if wrong:
            raise Unverifiable(wrong)
        tariff = segment["contract"]["tariff"] if bundle["jurisdiction"] == "es" else "flat"
        again = energy_of(segment["hours"], tariff, segment["contract"]["zone"], bundle["time_zone"])
        for period in sorted({*again, *segment["energy"]}):
            billed = segment["energy"].get(period, {"import_wh": 0, "export_wh": 0})
            taken, given = again.get(period, [0, 0])
            if (taken, given) != (billed["import_wh"], billed["export_wh"]):
                found.append(
                    f"{segment['service']} {period}: the hours hold {taken} Wh taken and {given} Wh given, the invoice "
                    f"{billed['import_wh']} and {billed['export_wh']}."
                )
    return found


def _priced_hours(bundle: dict[str, Any]) -> list[str]:
    """Is the energy of an indexed product, each tariff period, that of the hours which were given a market price?"""
    found = []
    for segment in bundle["segments"]:
        if segment["product"]["kind"] != "indexed":
            continue
        priced: dict[str, int] = {}
        for _, period, wh, _ in segment["priced_hours"]:
            priced[period] = priced.get(period, 0) + wh
        for period in sorted({*priced, *segment["energy"]}):
            billed = segment["energy"].get(period, {"import_wh": 0})["import_wh"]
            if priced.get(period, 0) != billed:
                found.append(
                    f"{segment['service']} {period}: the hours with a market price hold {priced.get(period, 0)} Wh, the "
                    f"invoice {billed}."
                )
    return found


def _lines(printed: list[dict[str, Any]], calculated: list[Line]) -> list[str]:
    mine = Counter((line.service, line.concept, line.period, line.amount) for line in calculated)
    theirs = Counter((line["service"], line["concept"], line["period"], number(line["amount"])) for line in printed)
    names = dict.fromkeys(key[:3] for key in [*mine, *theirs])
    found = []
    for name in names:
        again = sorted(key[3] for key in mine.elements() if key[:3] == name)
        paper = sorted(key[3] for key in theirs.elements() if key[:3] == name)
        if again != paper:
            what = " ".join(part for part in name if part)
            found.append(f"{what}: calculated again {_amounts(again)}, on the invoice {_amounts(paper)}.")
    return found


def _taxes(printed: list[dict[str, Any]], calculated: list[Tax]) -> list[str]:
    again = sorted(calculated)
    paper = sorted((tax["kind"], *(number(tax[name]) for name in ("base", "amount", "rate"))) for tax in printed)
    if again == paper:
        return []
    return [f"Taxes: calculated again {_told(again)}, on the invoice {_told(paper)}."]


def _told(taxes: list[Tax]) -> str:
    return ", ".join(f"{kind} {amount} on {base} at {_percent(rate)} %" for kind, base, amount, rate in taxes) or "none"


def _percent(rate: Decimal) -> str:
    return f"{(rate * 100).normalize():f}"


def _amounts(amounts: list[Decimal]) -> str:
    return " + ".join(str(amount) for amount in amounts) or "nothing"
