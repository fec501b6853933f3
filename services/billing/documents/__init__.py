"""Printed documents of billing: invoice, certificate and statement of account as PDF.

`render_invoice`, `render_certificate` and `render_statement` take the plain data of `model` and a locale («es», «en»,
«es-AR») and give the bytes of a PDF; the same input always gives the same bytes.
"""

from .certificate import render_certificate
from .invoice import render_invoice
from .statement import render_statement

__all__ = ["render_certificate", "render_invoice", "render_statement"]
