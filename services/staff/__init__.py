"""coopctl, the staff's command line: a client of the services and nothing more."""
