"""Rules of billing: prices, taxes, ledger and certificates. Pure: no database, no network, no generated code."""
