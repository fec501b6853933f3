"""Providers of codes for demonstrations and trials: the same request always gets the same code, and it is worth nothing.

A provider of the tax office's own is a class beside these, named in the tables below; `tests/contract/fiscal` then tries it too.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from services.billing.domain.fiscal.cae import Cae, CaeProvider, VoucherRequest
from services.billing.domain.fiscal.cesp import Cesp, CespProvider, CodeRequest
from services.chassis.errors import Refused

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
    """Codes of single vouchers, from their own number and figures; valid for the ten days that the tax office gives.

    As the tax office does, it refuses a number with other figures than it was authorised with; a process remembers its own.
    """

    def __init__(self) -> None:
        self._granted: dict[tuple[str, int, str, int], dict[str, Any]] = {}
        self._lock = threading.Lock()

    @property
    def name(self) -> str:
        return SANDBOX

    def authorize(self, request: VoucherRequest) -> Cae:
        number_of = (request.issuer, request.point_of_sale, request.voucher, request.number)
        with self._lock:
            if self._granted.setdefault(number_of, request.figures()) != request.figures():
                raise Refused(
                    f"The sandbox authorised number {request.number} of type {request.voucher} with other figures.",
                    "NUMBER_AUTHORISED",
                )
        asked = f"{request.issuer} {request.point_of_sale} {request.voucher} {request.number} {request.figures()}"
        number = int(hashlib.sha256(asked.encode()).hexdigest(), 16) % 10**12
        return Cae(f"99{number:012d}", request.issue_date + timedelta(days=10), SANDBOX)


#: Who may be named in [fiscal] of coop.toml, as cesp_provider and as cae_provider.
CESP_PROVIDERS: Mapping[str, Callable[[], CespProvider]] = {SANDBOX: SandboxProvider}
CAE_PROVIDERS: Mapping[str, Callable[[], CaeProvider]] = {SANDBOX: SandboxVouchers}
