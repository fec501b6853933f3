"""What metering stores and reads, on SQLite and PostgreSQL alike."""
