"""Fills the printed documents' dataclasses from issued invoices, accounts and certificates. Pure: data in, data out."""
