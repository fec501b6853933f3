"""Spain: electricity 2.0TD, 3.0TD and 6.1TD, IEE, IVA, financing of the social bonus, meter rental."""
