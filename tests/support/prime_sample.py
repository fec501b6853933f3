"""The S02 report of a real concentrator (September 2015). Not ours to ship: tests use it where it lies beside the project."""

from pathlib import Path

import pytest

PRIME_SAMPLE = (
    Path(__file__).resolve().parents[3] / "shared" / "data" / "prime" / "CIR4621247027_0_S02_0_20150901111051"
)

needs_prime_sample = pytest.mark.skipif(
    not PRIME_SAMPLE.exists(), reason=f"the concentrator report {PRIME_SAMPLE.name} is not on this machine"
)
