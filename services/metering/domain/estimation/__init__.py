"""Validation and estimation of hourly curves by the P.O. 10.5 family of operating procedures. See docs/estimation.md."""
