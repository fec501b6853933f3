"""Rules of holders, supply points and associations, free of databases and networks."""
