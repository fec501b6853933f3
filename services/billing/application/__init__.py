"""Use cases of billing: a command or a query in, plain data out; each owns its unit of work."""
