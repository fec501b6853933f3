"""An invoice in full as a page: all that its PDF says, as headings, facts and tables."""

from __future__ import annotations

import html
import io
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import pypdf
import pytest
from coop.billing.v1 import documents_service_pb2 as pb
from coop.billing.v1 import documents_service_pb2_grpc as pb_grpc

from services.billing.documents import read_invoice, render_invoice
from services.billing.documents.model import InvoiceDocument
from services.billing.documents.transcript import Said
from services.chassis.grpc.client import Clients
from services.chassis.grpc.server import ServicerSpec, bind, build_server
from services.chassis.grpc.tokens import TokenVerifier
from services.gateway.compose.invoice_text import sections
from tests.unit.billing.documents.samples import bill_a, bill_ar
from tests.unit.gateway.conftest import Portal
from tests.unit.gateway.test_pages import text

PATH = "/s/sup-1/invoices/inv-123/text"


def message(pieces: tuple[Said, ...]) -> list[pb.TextPiece]:
    return [pb.TextPiece(kind=each.kind, texts=each.texts, url=each.url) for each in pieces]


class Texts(pb_grpc.DocumentsServiceServicer):
    """Billing with one invoice."""

    document, supply_id = bill_a(), "sup-1"

    def GetInvoiceText(self, request: Any, context: grpc.ServicerContext) -> pb.GetInvoiceTextResponse:
        pieces = message(read_invoice(self.document, "es"))
        return pb.GetInvoiceTextResponse(supply_id=self.supply_id, number="E-2026-000123", language="es", pieces=pieces)


@pytest.fixture
def show(portal: Portal, tmp_path: Path) -> Iterator[Callable[[InvoiceDocument], str]]:
    """The page of a document."""
    texts = Texts()
    spec = ServicerSpec(
        texts,
        pb_grpc.add_DocumentsServiceServicer_to_server,
        pb.DESCRIPTOR.services_by_name["DocumentsService"],
    )
    server = build_server("billing", [spec], TokenVerifier(tmp_path / "keys"))
    clients = Clients({"billing": f"127.0.0.1:{bind(server, '127.0.0.1:0')}"}, dict)
    server.start()
    portal.app.extensions["coop.upstream"].documents = clients.stub("billing", pb_grpc.DocumentsServiceStub)

    def page(document: InvoiceDocument) -> str:
        texts.document = document
        answer = portal.member.get(PATH)
        assert answer.status_code == 200
        return html.unescape(answer.text)

    yield page
    clients.close()
    server.stop(0).wait()


@pytest.mark.parametrize("document", [bill_a(), bill_ar()], ids=["Spain", "Argentina"])
def test_every_amount_and_every_label_of_the_pdf_is_on_the_page(
    show: Callable[[InvoiceDocument], str], document: InvoiceDocument
) -> None:
    shown = set(text(show(document)).split())
    pages = pypdf.PdfReader(io.BytesIO(render_invoice(document, "es"))).pages
    words = {word for page in pages for word in page.extract_text().split()}
    amounts = {word for word in words if re.search(r"\d,\d\d", word)}
    assert len(amounts) > 12 and amounts <= shown
    labels = {word for word in words if re.fullmatch(r"[^\W\d_]{4,}[,.:]?", word)}
    around = {"Página", "Meses", "anteriores", *document.issuer.registry.split()}  # running footer, legend of the chart
    assert len(labels) > 80 and labels - around <= shown


def test_it_is_headings_facts_and_tables(show: Callable[[InvoiceDocument], str]) -> None:
    page = show(bill_a())
    assert '<article class="invoice-text" lang="es">' in page
    assert "<h2>Resumen</h2>" in page and "<h2>Contrato</h2>" in page
    assert "<div><dt>Distribuidora</dt><dd>Distribuidora Vallesol, S. L. U.</dd></div>" in page
    assert '<th scope="col">Concepto</th><th scope="col">Cálculo</th>' in page
    assert '<th scope="row" colspan="2">Alquiler del contador</th><td>0,83\xa0€</td>' in page
    assert f'<a href="{bill_a().comparator_url}" rel="noreferrer">Comparador de la CNMC</a>' in page


def test_an_invoice_of_another_supply_is_not_found(
    portal: Portal, show: Callable[[InvoiceDocument], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert PATH in portal.member.get("/s/sup-1/invoices/inv-123").text
    monkeypatch.setattr(Texts, "supply_id", "sup-9")
    assert portal.member.get(PATH).status_code == 404
    assert portal.visitor.get(PATH).status_code == 303


def test_a_table_ends_where_something_else_begins() -> None:
    pieces = (
        Said("text", ("before",)),
        Said("heading", ("A",)),
        Said("head", ("x", "y", "z")),
        Said("row", ("1", "2", "3")),
        Said("row", ("sum", "3")),
        Said("text", ("note",)),
        Said("row", ("alone", "4")),
        Said("heading", ("empty",)),
    )
    first, second = sections(message(pieces))
    assert (first.heading, second.heading) == ("", "A")
    table, note, alone = second.blocks
    assert table.head == ("x", "y", "z")
    assert [[(cell.text, cell.span) for cell in row] for row in table.cells] == [
        [("1", 1), ("2", 1), ("3", 1)],
        [("sum", 2), ("3", 1)],
    ]
    assert (note.kind, alone.kind, alone.head) == ("texts", "table", ())
