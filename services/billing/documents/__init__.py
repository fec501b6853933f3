"""Printed documents of billing: invoice, certificate and statement of account as PDF.

`render_invoice`, `render_certificate` and `render_statement` take the plain data of `model` and a locale («es», «en»,
«es-AR») and give the bytes of a PDF; the same input always gives the same bytes.
"""

from services.billing.documents.certificate import render_certificate
from services.billing.documents.invoice import render_invoice
from services.billing.documents.statement import render_statement

__all__ = ["render_certificate", "render_invoice", "render_statement"]
