"""What an invoice carries so that a stranger can calculate it again: facts, and the rows of law and agreement they met."""
