"""Every file that brings hourly curves to a cooperative, read into one model. A dialect is one file here."""

from services.metering.domain.formats.model import CurveFile, Quarantined, SupplyCurve
from services.metering.domain.formats.reading import read_curve_file

__all__ = ["CurveFile", "Quarantined", "SupplyCurve", "read_curve_file"]
