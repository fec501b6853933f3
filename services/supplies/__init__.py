"""Supplies: holders, supply points, their services, meters and contracts, and who may read them."""
