"""Invoices of the demonstration, from every month and home, hold; `make bench` looks at all of them, of both profiles."""

from __future__ import annotations

from tests.support.proofs import prove
from tests.support.stack import Stack

#: No part of the fourteen months, so that all of them are looked at.
EVERY = 5


def test_invoices_of_the_demonstration_are_calculated_again_to_the_cent(stack: Stack) -> None:
    proofs = prove(stack, "demo-es", EVERY)
    assert proofs.differing == {}
    assert proofs.months == 14
    assert proofs.invoices > 100
