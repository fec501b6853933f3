"""What each line and tax of a bundle rests on: rows of law or agreement, and the measured days behind a quantity.

Reads nothing but the bundle (docs/invoice-bundle.md), so that it says of an old invoice what held then.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from services.billing.evidence.quarters import QuarterExcess, by_quarters, quarter_excess

#: Concepts whose quantity a meter gave.
MEASURED = ("energy", "water", "sewage", "surplus", "excess_power", "reactive", "invitation")
#: Regulated charges with a table of their own, by concept: the table and the field of the price.
REGULATED = {
    "excess_power": ("excess_power", "per_kw_day"),
    "reactive": ("reactive", ""),
    "social_bonus_financing": ("social_bonus_financing", "per_year"),
    "meter_rental": ("meter_rental", "monthly"),
}
#: The same of excess power counted by quarters of an hour, which is not priced by the day.
BY_QUARTERS = ("quarter_hour_excess", "per_kw")
#: What a product's own prices decide, and where it has them.
AGREED = {
    "fixed_charge": ("fixed_charge", "monthly"),
    "water_fixed": ("fixed_charge", "monthly"),
    "sewage": (),
    "management_fee": ("management_fee",),
    "surplus": ("surplus_price",),
}

Facts = Mapping[str, Any]


@dataclass(frozen=True)
class RuleRow:
    """A dated row: `table` of the country's files, "product" for agreed prices or "concept" for a decision of the assembly.

    `value` is the row's figure that enters the line, as a text; `end` is "" while the row is open.
    """

    table: str
    name: str
    start: str
    end: str
    source: str
    value: str = ""


@dataclass(frozen=True)
class Basis:
    """`segments` are positions among the bundle's: their hours or registers gave the quantity; `quarters` those that did."""

    rows: tuple[RuleRow, ...] = ()
    segments: tuple[int, ...] = ()
    quarters: QuarterExcess | None = None


def bases_of(bundle: Facts) -> tuple[list[Basis], list[Basis]]:
    """Of each printed line, and of each printed tax, in their order."""
    invoice, rectifies = bundle["invoice"], bundle.get("rectification")
    if rectifies and rectifies["method"] == "I":
        return _of_a_difference(bundle, rectifies)
    lines = [_of_line(bundle, line) for line in invoice["lines"]]
    return lines, [Basis(tuple(_unique(_tax_rows(bundle, tax)))) for tax in invoice["taxes"]]


def _of_a_difference(bundle: Facts, rectifies: Facts) -> tuple[list[Basis], list[Basis]]:
    """What is taken back rests on what the bill before rested on, what takes its place on the corrected facts."""
    before = rectifies["before"]
    corrected = {**bundle, "invoice": {**bundle["invoice"], **rectifies["corrected"]}}
    lines = []
    for line in bundle["invoice"]["lines"]:
        if any(_takes_back(line, old) for old in before["invoice"]["lines"]):
            lines.append(Basis(tuple(_unique(_rows(before, line))), quarters=quarter_excess(before, line)))
        else:
            lines.append(_of_line(bundle, line))
    taxes = []
    for tax in bundle["invoice"]["taxes"]:
        # The codes of a difference are its own: the tax of the whole bills is that of its kind and rate.
        rows = [
            row
            for whole in (corrected, before)
            for same in whole["invoice"]["taxes"]
            if (same["kind"], Decimal(same["rate"])) == (tax["kind"], Decimal(tax["rate"]))
            for row in _tax_rows(whole, same)
        ]
        taxes.append(Basis(tuple(dict.fromkeys(rows))))
    return lines, taxes


def _of_line(bundle: Facts, line: Facts) -> Basis:
    return Basis(tuple(_unique(_rows(bundle, line))), _measured(bundle, line), quarter_excess(bundle, line))


def _takes_back(line: Facts, old: Facts) -> bool:
    same = all(line[name] == old[name] for name in ("service", "concept", "period"))
    return same and Decimal(line["amount"]) == -Decimal(old["amount"])


def _measured(bundle: Facts, line: Facts) -> tuple[int, ...]:
    """The segment whose energy is the line's quantity, where one alone is; all of the service otherwise."""
    concepts = {row["code"]: row for row in bundle["concepts"]}
    on = concepts.get(line["concept"])
    if line["concept"] not in MEASURED and (on is None or on["basis"] != "unit"):
        return ()
    service = on["on"] if on else line["service"]
    own = [
        index
        for index, segment in enumerate(bundle["segments"])
        if segment["service"] == service and (segment["energy"] or segment["closes"])
    ]
    if line["concept"] == "energy" and line["quantity"] is not None:
        wh = Decimal(line["quantity"]) * 1000
        same = [i for i in own if bundle["segments"][i]["energy"].get(line["period"], {}).get("import_wh") == wh]
        return tuple(same) if len(same) == 1 else tuple(own)
    return tuple(own)


def _rows(bundle: Facts, line: Facts) -> Iterator[RuleRow]:
    concept = line["concept"]
    if "charge" in bundle:
        yield from (_row("charge_concept", row["code"], row, "") for row in bundle["charge_concepts"])
        return
    decided = [row for row in bundle["concepts"] if row["code"] == concept and row["account"] == line["service"]]
    if decided:
        yield from (_row("concept", row["code"], row, row["price"]) for row in decided)
        return
    for segment in (segment for segment in bundle["segments"] if segment["service"] == line["service"]):
        if concept in REGULATED:
            yield from _regulated(bundle, segment, line)
        elif concept in ("energy", "power", "water"):
            yield from _of_the_price(bundle, segment, line)
        elif concept in AGREED or (concept == "discount" and Decimal(segment["discount"])):
            if concept == "discount":
                yield _agreed(segment, segment, f"{(Decimal(segment['discount']) * 100).normalize():f}")  # percent
                continue
            prices = [segment["product"][field] for field in AGREED.get(concept, ())]
            yield _agreed(segment, segment, next((price for price in prices if price and _enters(price, line)), ""))


def _regulated(bundle: Facts, segment: Facts, line: Facts) -> Iterator[RuleRow]:
    table, field = BY_QUARTERS if by_quarters(line) else REGULATED[line["concept"]]
    contract = segment["contract"]
    name = contract["meter_rental"] if table == "meter_rental" else contract["tariff"]
    for row in _touching(bundle, table, segment):
        if name not in (row.get("tariff"), row.get("meter")) and ("tariff" in row or "meter" in row):
            continue
        price = row.get(field) or row.get("per_day")
        figure = price.get(line["period"]) if isinstance(price, Mapping) else price or line["unit_price"]
        if figure is not None and _enters(figure, line):
            yield _row(table, name if "tariff" in row or "meter" in row else "", row, figure)


def _of_the_price(bundle: Facts, segment: Facts, line: Facts) -> Iterator[RuleRow]:
    """Agreed prices; or tolls and charges (and losses, where the market sets the price of each hour)."""
    product, part, period = segment["product"], line["concept"], line["period"]
    if product["kind"] in ("blocks", "flat"):
        for version in segment["prices"] or [{**segment, "product": product}]:
            for block in version["product"]["blocks"]:
                if line["unit_price"] is not None and Decimal(block["price"]) == Decimal(line["unit_price"]):
                    yield _agreed(segment, version, block["price"])
        return
    agreed = product.get(part)
    if agreed:
        price = agreed.get(period) or next(iter(agreed.values()))
        if _enters(price, line):
            yield _agreed(segment, segment, price)
        return
    if part == "energy" and product["kind"] == "indexed":
        yield _agreed(segment, segment, product["adjustment"])
        for row in _of_tariff(bundle, "loss", segment):
            yield _row("loss", row["tariff"], row, row["percent"].get(period, ""))
    for toll in _of_tariff(bundle, "toll", segment):
        for charge in _of_tariff(bundle, "charge", segment):
            prices = [row.get(part, {}).get(period, "0") for row in (toll, charge)]
            if line["unit_price"] is None or sum(map(Decimal, prices)) == Decimal(line["unit_price"]):
                yield _row("toll", toll["tariff"], toll, prices[0])
                yield _row("charge", charge["tariff"], charge, prices[1])


def _tax_rows(bundle: Facts, tax: Facts) -> Iterator[RuleRow]:
    percent = Decimal(tax["rate"]) * 100
    if "charge" in bundle:
        yield from _charge_tax_rows(bundle, percent)
        return
    if tax["kind"] == "iee":
        for row in _on_accrual(bundle, "rate"):
            yield _row("rate", "", row, row["percent"])
        uses = {segment["contract"]["electricity_tax"] for segment in bundle["segments"]} - {""}
        for row in _on_accrual(bundle, "use"):
            if row["name"] in uses:
                yield _row("use", row["name"], row, row["base_percent"])
        return
    for line in (line for line in bundle["invoice"]["lines"] if tax["code"] in line["taxed_by"]):
        for row in _on_accrual(bundle, line["service"]):
            figure = next(
                (row[name] for name in ("percent", "reduced") if name in row and Decimal(row[name]) == percent), ""
            )
            if figure:
                yield _row("iva", line["service"], row, figure)
        yield from _iva_rule(bundle, line, percent)


def _charge_tax_rows(bundle: Facts, percent: Decimal) -> Iterator[RuleRow]:
    """The country's general rate, or the rule that the concept names or that takes the holder."""
    charge = bundle["charge"]
    for row in _on_accrual(bundle, "general"):
        if Decimal(row["percent"]) == percent:
            yield _row("iva", "general", row, row["percent"])
            return
    named = bundle["charge_concepts"][0]["iva"]
    for rule in _on_accrual(bundle, "rule"):
        fits = rule["name"] == named if named else _takes(rule, charge)
        if fits and Decimal(rule["percent"]) == percent:
            yield _row("iva", rule["name"], rule, rule["percent"])
            return


def _takes(rule: Facts, charge: Facts) -> bool:
    return (
        not rule.get("named")
        and charge["account"] in rule.get("services", [charge["account"]])
        and charge["use"] in rule.get("uses", [charge["use"]])
        and charge["tax_condition"] in rule.get("tax_conditions", [charge["tax_condition"]])
        and not rule.get("metered", False)
    )


def _iva_rule(bundle: Facts, line: Facts, percent: Decimal) -> Iterator[RuleRow]:
    """The rule of the list that gave a line this rate: the one its concept names, or the first whose conditions hold."""
    decided = [row for row in bundle["concepts"] if (row["code"], row["account"]) == (line["concept"], line["service"])]
    named = decided[0]["iva"] if decided else ""
    service = decided[0]["on"] if decided else line["service"]
    own = [segment for segment in bundle["segments"] if segment["service"] == service]
    for rule in _on_accrual(bundle, "rule"):
        fits = rule["name"] == named if named else own and _holds(rule, own[-1])
        if fits and Decimal(rule["percent"]) == percent:
            yield _row("iva", rule["name"], rule, rule["percent"])
            return


def _holds(rule: Facts, segment: Facts) -> bool:
    contract, metered = segment["contract"], segment["product"]["kind"] != "flat"
    return (
        not rule.get("named")
        and segment["service"] in rule.get("services", [segment["service"]])
        and contract["use"] in rule.get("uses", [contract["use"]])
        and contract["tax_condition"] in rule.get("tax_conditions", [contract["tax_condition"]])
        and rule.get("metered", metered) == metered
    )


def _of_tariff(bundle: Facts, table: str, segment: Facts) -> list[Facts]:
    return [row for row in _touching(bundle, table, segment) if row["tariff"] == segment["contract"]["tariff"]]


def _touching(bundle: Facts, table: str, segment: Facts) -> list[Facts]:
    """Rows of a table in force on a day of the segment (dates of one form compare as texts)."""
    return [
        row
        for row in bundle["tables"].get(table, [])
        if row["from"] < segment["to"] and (not row.get("to") or segment["from"] < row["to"])
    ]


def _on_accrual(bundle: Facts, table: str) -> list[Facts]:
    on = bundle["invoice"]["accrual_date"]
    rows = bundle["tables"].get(table, [])
    return [row for row in rows if row["from"] <= on and (not row.get("to") or on < row["to"])]


def _enters(figure: str, line: Facts) -> bool:
    """Whether a row's figure is the line's price (below zero where it is paid back); where the line has none, any is."""
    return line["unit_price"] is None or Decimal(figure) == abs(Decimal(line["unit_price"]))


def _agreed(segment: Facts, days: Facts, price: str) -> RuleRow:
    return RuleRow("product", segment["product"]["code"], days["from"], days["to"] or "", segment["source"], price)


def _row(table: str, name: str, row: Facts, value: str) -> RuleRow:
    return RuleRow(table, name, row["from"], row.get("to") or "", row["source"], value)


def _unique(rows: Iterator[RuleRow]) -> Sequence[RuleRow]:
    return list(dict.fromkeys(rows))
