"""Metering: concentrator files in, validated load curves and energy per tariff period out."""
