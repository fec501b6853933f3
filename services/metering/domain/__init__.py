"""The rules of metering: pure functions over numpy arrays, no database and no network."""
