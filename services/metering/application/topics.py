"""Where metering announces what happened to its curves and readings."""

CURVE_TOPIC = "coop.metering.curve.v1"
