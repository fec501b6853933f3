"""The printing process: the same bytes as here, started again when it dies, ended when there is nothing to print."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal

import pytest

from services.billing import press as module
from services.billing.documents import render_invoice
from services.billing.press import Press
from services.chassis.errors import Invalid, Unavailable
from tests.support.service_under_test import eventually
from tests.unit.billing.documents.samples import bill_a


@pytest.fixture
def press(monkeypatch: pytest.MonkeyPatch) -> Iterator[Press]:
    monkeypatch.setattr(module, "IDLE_S", 0.4)
    made, stop = Press(), threading.Event()
    thread = threading.Thread(target=made.run, args=(stop,))
    thread.start()
    yield made
    stop.set()
    thread.join()


def process_id(press: Press) -> int:
    assert press._pool is not None and press._pool._processes
    (found,) = press._pool._processes
    return found


def test_the_same_bytes_as_in_this_process(press: Press) -> None:
    assert press.invoice(bill_a(), "es") == render_invoice(bill_a(), "es")
    assert press.invoice(bill_a(), "en") == render_invoice(bill_a(), "en")


def test_a_press_that_dies_is_started_again(press: Press) -> None:
    press.invoice(bill_a(), "es")
    os.kill(process_id(press), signal.SIGKILL)
    with pytest.raises(Unavailable, match="started again"):
        press.invoice(bill_a(), "es")
    assert press.invoice(bill_a(), "es") == render_invoice(bill_a(), "es")


def test_an_idle_press_ends_and_the_next_document_starts_another(press: Press) -> None:
    press.invoice(bill_a(), "es")
    first = process_id(press)
    eventually(lambda: press._pool is None)

    def gone() -> bool:
        try:
            os.kill(first, 0)
        except ProcessLookupError:
            return True
        return False

    eventually(gone)
    press.invoice(bill_a(), "es")
    assert process_id(press) != first


def test_a_document_that_cannot_be_printed_is_refused_as_it_is_here(press: Press) -> None:
    """The sentence survives the way back from the other process."""
    with pytest.raises(Invalid, match="its total says 1"):
        press.invoice(replace(bill_a(), total=Decimal(1)), "es")
