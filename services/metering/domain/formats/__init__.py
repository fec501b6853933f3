"""Every file that brings hourly curves to a cooperative, read into one model. A dialect is one file here."""

from services.metering.domain.formats.model import CurveFile, SupplyCurve
from services.metering.domain.formats.reading import read_curve_file
from services.metering.domain.readings import RefusedRow

__all__ = ["CurveFile", "RefusedRow", "SupplyCurve", "read_curve_file"]
