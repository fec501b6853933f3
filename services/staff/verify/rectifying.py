"""A rectifying invoice from what stood before and what is right: the difference, the interest and the instalments.

RD 1619/2012 art. 15 and RD 88/2026 arts. 44.4 and 45.2. What stood before and the corrected invoice are calculated from their
facts elsewhere (check.py); here only what lies between the two.
"""

from __future__ import annotations

from collections import Counter
from datetime import date
from decimal import Decimal
from typing import Any

from services.staff.verify.chain import unlike_hash
from services.staff.verify.factors import unlike_sides
from services.staff.verify.numbers import Unverifiable, day, days_in_month, days_in_year, number, rounded, row_on

BY_DIFFERENCE, BY_SUBSTITUTION = "I", "S"
CENT = Decimal("0.01")
NOTHING = Decimal(0)

Bundle = dict[str, Any]
Figures = dict[str, Any]


def problems_of(bundle: Bundle) -> list[str]:
    """Everything in which a rectifying invoice differs from what its two sides give, as sentences."""
    said = bundle["rectification"]
    printed, before, after = bundle["invoice"], said["before"]["invoice"], said["corrected"]
    if said["method"] == BY_DIFFERENCE:
        found = _difference(printed, before, after)
    elif said["method"] == BY_SUBSTITUTION:
        found = _substitution(printed, after)
    else:
        raise Unverifiable(f"The method {said['method']!r} is not known; it is I (difference) or S (substitution).")
    for name in ("from", "to"):
        if printed[name] != before[name]:
            found.append(f"It rectifies a period with {name!r} {before[name]} and has {printed[name]} itself.")
    delta = number(after["total"]) - number(before["total"])
    found += _other_totals(said, before, after)
    # What stood before is one document where it is the one that is named; otherwise the sum of several, without a hash.
    if said.get("documents") == [[before["number"], before["issue_date"]]]:
        found += unlike_hash(said["before"])
    found += unlike_sides(printed["lines"], ((1, after["lines"]), (-1, before["lines"])))
    return [*found, *_interest(bundle, delta), *_claim(bundle, delta), *_instalments(bundle, delta)]


def _other_totals(said: dict[str, Any], before: Figures, after: Figures) -> list[str]:
    """The totals that the invoice prints of its two sides, where it does."""
    sides = (("before_total", before, "before"), ("right_total", after, "corrected"))
    return [
        f"It says that {said[name]} stood {what}, and that side's total is {side['total']}."
        for name, side, what in sides
        if name in said and number(said[name]) != number(side["total"])
    ]


# --------------------------------------------------------------------------------------------------------- the figures
def _difference(printed: Figures, before: Figures, after: Figures) -> list[str]:
    """What was wrong with its sign turned, and what is right; pairs that cancel each other need not be printed."""
    found = []
    expected = _amounts(after["lines"], 1) + _amounts(before["lines"], -1)
    paper = _amounts(printed["lines"], 1)
    for name in sorted({key[:3] for key in (*expected, *paper)}):
        again, there = _uncancelled(expected, name), _uncancelled(paper, name)
        if again != there:
            what = " ".join(part for part in name if part)
            found.append(f"{what}: the difference is {_told(again)}, on the invoice {_told(there)}.")
    taxes = _taxes(after["taxes"], 1)
    taxes.subtract(_taxes(before["taxes"], 1))
    on_paper = _taxes(printed["taxes"], 1)
    for key in sorted({*taxes, *on_paper}, key=str):
        if taxes[key] != on_paper[key]:
            kind, rate, what = key
            found.append(f"{kind} {rate} {what}: the difference is {taxes[key]}, on the invoice {on_paper[key]}.")
    delta = number(after["total"]) - number(before["total"])
    if delta != number(printed["total"]):
        found.append(f"The difference is {delta}, and the invoice says {printed['total']}.")
    return found


def _substitution(printed: Figures, after: Figures) -> list[str]:
    same = (
        _amounts(printed["lines"], 1) == _amounts(after["lines"], 1)
        and _taxes(printed["taxes"], 1) == _taxes(after["taxes"], 1)
        and number(printed["total"]) == number(after["total"])
    )
    return [] if same else ["The invoice does not print the corrected lines and taxes."]


def _amounts(lines: list[dict[str, Any]], sign: int) -> Counter[tuple[str, str, str, Decimal]]:
    return Counter((line["service"], line["concept"], line["period"], sign * number(line["amount"])) for line in lines)


def _uncancelled(amounts: Counter[tuple[str, str, str, Decimal]], name: tuple[str, ...]) -> list[Decimal]:
    """The amounts of a line's name, without those that are there with both signs."""
    left = []
    for key, count in amounts.items():
        if key[:3] == name and key[3]:
            rest = count - amounts[(*key[:3], -key[3])]
            left += [key[3]] * max(rest, 0)
    return sorted(left)


def _taxes(taxes: list[dict[str, Any]], sign: int) -> Counter[tuple[str, Decimal, str]]:
    """Base and amount of each kind and rate."""
    found: Counter[tuple[str, Decimal, str]] = Counter()
    for tax in taxes:
        for what in ("base", "amount"):
            found[(tax["kind"], number(tax["rate"]).normalize(), what)] += sign * number(tax[what])  # type: ignore[assignment]
    return found


def _told(amounts: list[Decimal]) -> str:
    return " and ".join(map(str, amounts)) or "nothing"


# --------------------------------------------------------------------------------------------------- too much, too little
def _interest(bundle: Bundle, delta: Decimal) -> list[str]:
    said = bundle["rectification"]
    owed = _owed(bundle) if delta < 0 else NOTHING
    if owed != number(said["interest"]):
        return [f"The interest on what was paid too much is {owed}, on the invoice {said['interest']}."]
    return []


def _owed(bundle: Bundle) -> Decimal:
    """Simple interest at the legal rate of each year and some points more, on what was paid above the right total."""
    said = bundle["rectification"]
    right, charged = number(said["corrected"]["total"]), number(said["before"]["invoice"]["total"])
    until = day(bundle["invoice"]["issue_date"])
    paid, owed = NOTHING, NOTHING
    for on, amount in _not_returned(said["payments"]):
        before, paid = paid, paid + amount
        too_much = min(paid, charged) - max(before, right)
        start = day(on)
        while too_much > 0 and start < until:
            end = min(date(start.year + 1, 1, 1), until)
            months = _whole_months(start, end)
            days = (end - _months_later(start, months)).days
            share = Decimal(months) / 12 + Decimal(days) / days_in_year(start)
            owed += too_much * (_legal(said, start) + _points(said)) / 100 * share
            start = end
    return rounded(owed)


def _not_returned(payments: list[list[str]]) -> list[tuple[str, Decimal]]:
    """The payments that stayed: what went back to the payer (below zero) undoes the last ones before it."""
    stayed: list[tuple[str, Decimal]] = []
    for on, text in payments:
        amount = number(text)
        while amount < 0 and stayed:
            last_on, last = stayed.pop()
            amount += last
            if amount > 0:
                stayed.append((last_on, amount))
        if number(text) > 0:
            stayed.append((on, amount))
    return stayed


def _legal(said: dict[str, Any], on: date) -> Decimal:
    """Percent of the year: the law's row, or what the office stated where there is none."""
    try:
        return number(row_on(said["law"]["legal_interest"], on, "legal interest")["percent"])
    except Unverifiable:
        if said["stated_interest"] is None:
            raise
        return number(said["stated_interest"])


def _points(said: dict[str, Any]) -> Decimal:
    return number(_rule(said)["interest_points"])


def _rule(said: dict[str, Any]) -> dict[str, Any]:
    return row_on(said["law"]["regularisation"], day(said["found_on"]), "the rules of correcting")


def _claim(bundle: Bundle, delta: Decimal) -> list[str]:
    """Too little of a period that began too long before it was found is not claimed."""
    said, start = bundle["rectification"], day(bundle["invoice"]["from"])
    months = int(_rule(said)["claim_months"])
    if delta > 0 and start < _months_later(day(said["found_on"]), -months):
        return [f"The period began on {start}, more than {months} months before {said['found_on']}."]
    return []


def _instalments(bundle: Bundle, delta: Decimal) -> list[str]:
    """Equal monthly parts of what is open, the odd cents first, no more of them than months have begun."""
    said = bundle["rectification"]
    parts = [(day(on), number(amount)) for on, amount in said["instalments"]]
    charged = number(said["corrected"]["total"]) - number(said["settled"])
    due = (delta if said["method"] == BY_DIFFERENCE else charged) - number(said["credit_used"])
    if delta <= 0 or due == 0:
        return ["It is in the member's favour, or nothing is open, and has instalments."] if parts else []
    if not parts:
        return [f"{due} are open, and no instalment asks for them."]
    first, found_on = day(said["first_wrong"]), day(said["found_on"])
    months = _whole_months(first, found_on)
    begun = months + (_months_later(first, months) < found_on)
    most = max(1, min(begun, int(_rule(said)["most_instalments"])))
    found = []
    if len(parts) > most:
        found.append(f"It has {len(parts)} instalments, and at most {most} are possible.")
    whole, rest = divmod(int(due / CENT), len(parts))
    expected = [(_months_later(parts[0][0], at), (whole + (1 if at < rest else 0)) * CENT) for at in range(len(parts))]
    if parts != expected:
        told = ", ".join(f"{amount} on {on}" for on, amount in expected)
        found.append(f"The instalments of {due} are {told}; the invoice says otherwise.")
    return found


def _whole_months(start: date, end: date) -> int:
    months = 0
    while _months_later(start, months + 1) <= end:
        months += 1
    return months


def _months_later(one: date, months: int) -> date:
    """The same day of another month, or its last day where it is shorter."""
    index = one.year * 12 + one.month - 1 + months
    first = date(index // 12, index % 12 + 1, 1)
    return first.replace(day=min(one.day, days_in_month(first)))
