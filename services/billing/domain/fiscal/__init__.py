"""What tax offices and regulators want of an issued invoice: records, codes and what stands in their squares and bars."""
