"""Argentina: electricity and water of a cooperative, IVA by condition and use."""
