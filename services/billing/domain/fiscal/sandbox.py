"""Providers of codes for demonstrations and trials: the same request always gets the same code, and it is worth nothing."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import timedelta

from services.billing.domain.fiscal.cae import Cae, VoucherRequest
from services.billing.domain.fiscal.cesp import Cesp, CodeRequest

SANDBOX = "sandbox"


class SandboxProvider:
    @property
    def name(self) -> str:
        return SANDBOX

    def authorize(self, batch: Sequence[CodeRequest]) -> list[Cesp]:
        """Codes that begin with 99, from the request's own figures; valid until the last day of its period."""
        return [self._code(request) for request in batch]

    def _code(self, request: CodeRequest) -> Cesp:
        asked = (
            f"{request.issuer} {request.point_of_sale} {request.voucher} {request.period.start} {request.period.end}"
        )
        number = int(hashlib.sha256(asked.encode()).hexdigest(), 16) % 10**12
        return Cesp(request, f"99{number:012d}", request.period.end - timedelta(days=1), SANDBOX)


class SandboxVouchers:
    """Codes of single vouchers, from their own number and figures; valid for the ten days that the tax office gives."""

    @property
    def name(self) -> str:
        return SANDBOX

    def authorize(self, request: VoucherRequest) -> Cae:
        asked = f"{request.issuer} {request.point_of_sale} {request.voucher} {request.number} {request.figures()}"
        number = int(hashlib.sha256(asked.encode()).hexdigest(), 16) % 10**12
        return Cae(f"99{number:012d}", request.issue_date + timedelta(days=10), SANDBOX)
