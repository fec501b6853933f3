"""Printed documents of billing: invoice, certificate and statement of account as PDF.

`render_invoice`, `render_certificate` and `render_statement` take the plain data of `model` and a locale («es», «en»,
«es-AR») and give the bytes of a PDF; the same input always gives the same bytes. `read_invoice` gives what the PDF of an invoice
says, for its accessible form.
"""

from services.billing.documents.certificate import render_certificate
from services.billing.documents.invoice import read_invoice, render_invoice
from services.billing.documents.statement import render_statement

__all__ = ["read_invoice", "render_certificate", "render_invoice", "render_statement"]
