"""Spain: electricity 2.0TD, IEE, IVA, financing of the social bonus, meter rental."""
