"""Printed documents of billing: invoice, certificate and statement of account as PDF."""
