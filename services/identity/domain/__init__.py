"""Rules of accounts and sessions, free of databases and networks."""
