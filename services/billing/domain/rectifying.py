"""Rectifying invoices (RD 1619/2012 art. 15): what changes of an invoice, and what that does to the account.

By difference ("I") the document has only what changes: each line that was wrong with its sign turned, and the line that
takes its place. By substitution ("S") it has the whole corrected invoice. The books are the same: the difference.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal

from services.billing.domain.bill import ZERO, BillLine, BillTax
from services.billing.domain.ledger import MEMBER_CREDIT, RECEIVABLE, Entry, OpenItem, Posting, allocate
from services.billing.domain.taxes import percent

DIFFERENCE, SUBSTITUTION = "I", "S"
METHODS = (DIFFERENCE, SUBSTITUTION)
#: Why an invoice is rectified, and the type of its record: R1 is art. 80.6 of Ley 37/1992 (the consideration was set
#: provisionally, from what was measured then), R4 any other cause, such as wrong data of a contract.
READING, DATA = "reading", "data"
RECORD_TYPES = {READING: "R1", DATA: "R4"}


@dataclass(frozen=True)
class Figures:
    """The lines and taxes of an invoice."""

    lines: tuple[BillLine, ...]
    taxes: tuple[BillTax, ...]

    @property
    def net(self) -> Decimal:
        return sum((line.amount for line in self.lines), ZERO)

    @property
    def tax(self) -> Decimal:
        return sum((tax.amount for tax in self.taxes), ZERO)

    @property
    def total(self) -> Decimal:
        return self.net + self.tax


def difference(before: Figures, after: Figures) -> Figures:
    """What has to be added to `before` to reach `after`, line by line and tax by tax; what is the same is left out.

    Its net, its taxes and its total are exactly those of `after` minus those of `before`.
    """
    told_apart = _kinds_told_apart(before, after)
    old, new = _recoded(before, told_apart), _recoded(after, told_apart)
    kept = list(new.lines)
    taken_back = []
    for line in old.lines:
        if line in kept:
            kept.remove(line)
        else:
            taken_back.append(_turned(line))
    order = {_place(line): place for place, line in reversed(list(enumerate([*new.lines, *old.lines])))}
    lines = sorted([*taken_back, *kept], key=lambda line: order[_place(line)])
    return Figures(tuple(lines), tuple(_tax_differences(old.taxes, new.taxes)))


def _place(line: BillLine) -> tuple[str, str, str, str]:
    return (line.service, line.section, line.concept, line.period)


def _turned(line: BillLine) -> BillLine:
    """The line taken back: the same multiplication with the sign of one factor turned."""
    if line.quantity is not None:
        return replace(line, quantity=-line.quantity, amount=-line.amount)
    price = None if line.unit_price is None else -line.unit_price
    return replace(line, unit_price=price, amount=-line.amount)


#: What tells taxes of one kind apart: their rate, and the rates of the taxes in whose base they are.
Signature = tuple[Decimal, ...]


def _signatures(figures: Figures) -> dict[str, Signature]:
    rates = {tax.code: tax.rate.normalize() for tax in figures.taxes}
    return {tax.code: (rates[tax.code], *(rates[code] for code in tax.taxed_by)) for tax in figures.taxes}


def _kinds_told_apart(*both: Figures) -> set[str]:
    """Kinds of tax that one invoice or the two have with more than one signature."""
    found: dict[str, set[Signature]] = {}
    for figures in both:
        signatures = _signatures(figures)
        for tax in figures.taxes:
            found.setdefault(tax.kind, set()).add(signatures[tax.code])
    return {kind for kind, several in found.items() if len(several) > 1}


def _recoded(figures: Figures, told_apart: set[str]) -> Figures:
    """The same with one code for each kind and signature of tax, so that those of two invoices can be subtracted."""
    codes: dict[str, str] = {}
    labels: dict[str, str] = {}
    signatures = _signatures(figures)
    for tax in figures.taxes:
        apart = tax.kind in told_apart
        codes[tax.code] = "-".join([tax.kind, *map(percent, signatures[tax.code])]) if apart else tax.kind
        labels[tax.code] = f"{tax.kind.upper()} {percent(tax.rate)} %" if apart else ""

    def named(taxed_by: Sequence[str]) -> tuple[str, ...]:
        return tuple(codes.get(code, code) for code in taxed_by)

    return Figures(
        tuple(replace(line, taxed_by=named(line.taxed_by)) for line in figures.lines),
        tuple(
            replace(tax, code=codes[tax.code], label=labels[tax.code], taxed_by=named(tax.taxed_by))
            for tax in figures.taxes
        ),
    )


def _tax_differences(old: Sequence[BillTax], new: Sequence[BillTax]) -> Iterable[BillTax]:
    before = {tax.code: tax for tax in old}
    after = {tax.code: tax for tax in new}
    for code in dict.fromkeys([*after, *before]):
        was, now = before.get(code), after.get(code)
        shape = now or was
        assert shape is not None
        base = (now.base if now else ZERO) - (was.base if was else ZERO)
        amount = (now.amount if now else ZERO) - (was.amount if was else ZERO)
        if base or amount:
            # A legal minimum on either side makes the amount of the difference no share of its base.
            minimum = any(tax.minimum_applied for tax in (was, now) if tax)
            yield replace(shape, base=base, amount=amount, minimum_applied=minimum, quantity_mwh=None)


# ------------------------------------------------------------------------------------------------------------ the books
@dataclass(frozen=True)
class Booking:
    """What a rectifying invoice does to the account.

    `takes`: invoice id and how much of what was open of it is settled; `opens`: what is open of the rectifying invoice;
    `credit`: what the cooperative owes the member from now on, because no open invoice took it.
    """

    takes: tuple[tuple[str, Decimal], ...]
    opens: Decimal
    credit: Decimal

    @property
    def receivable(self) -> Decimal:
        return self.opens - sum((amount for _, amount in self.takes), ZERO)


def booking(method: str, delta: Decimal, family: Sequence[OpenItem], others: Sequence[OpenItem]) -> Booking:
    """`delta` is what the member owes more (less when negative); `family` what is open of the rectified invoice and of
    earlier rectifications of it, `others` what is open of other invoices that such money may settle.

    By difference a debt is open by itself and a refund settles the invoice it concerns first; by substitution what was
    open of the family goes over to the new invoice. What then is in the member's favour settles other open invoices,
    the oldest first, and the rest is credit.
    """
    settled = {item.invoice_id: ZERO for item in family}
    opens = ZERO
    if method == SUBSTITUTION:
        for item in family:
            settled[item.invoice_id] += item.outstanding
        remains = sum(settled.values(), ZERO) + delta
        opens, refund = max(remains, ZERO), max(-remains, ZERO)
    elif delta > 0:
        opens, refund = delta, ZERO
    else:
        own = allocate(-delta, "", family)
        settled.update(dict(own.takes))
        refund = own.credit
    rest = allocate(refund, "", others)
    takes = [(invoice_id, amount) for invoice_id, amount in settled.items() if amount]
    return Booking((*takes, *rest.takes), opens, rest.credit)


def rectification_entry(
    supply_id: str,
    day: date,
    number: str,
    revenue: Mapping[str, Decimal],
    taxes: Mapping[str, Decimal],
    made: Booking,
    interest: Decimal = ZERO,
) -> Entry | None:
    """The entry of the difference; None when it moves nothing (the same total, and nothing was open).

    Interest that the cooperative pays on what it charged too much is no sale and no tax, but a cost of its own.
    """
    postings = [Posting(RECEIVABLE, "", -sum((amount for _, amount in made.takes), ZERO))]
    postings += [Posting(RECEIVABLE, "opened", made.opens), Posting(MEMBER_CREDIT, "", -made.credit)]
    postings += [Posting("revenue", service, -amount) for service, amount in sorted(revenue.items())]
    postings += [Posting("tax", tax, -amount) for tax, amount in sorted(taxes.items())]
    postings.append(Posting("interest", "refund", interest))
    moved = tuple(posting for posting in postings if posting.amount)
    return Entry(supply_id, day, "rectification", number, moved) if moved else None
