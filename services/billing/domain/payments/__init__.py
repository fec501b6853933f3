"""Pure formats of money: signatures, account numbers, remittances, bank statements, slips and collectors' files."""
