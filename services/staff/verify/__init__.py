"""A second, independent calculation of an issued invoice from its bundle (docs/invoice-bundle.md).

Deliberately simple: day by day and hour by hour, nothing but Python's standard library, and nothing of what issues invoices.
Whoever doubts a bill can read it in an hour and run it alone: ``python -m services.staff.verify BUNDLE.json``.
"""
