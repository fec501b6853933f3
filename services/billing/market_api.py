"""MarketService over gRPC: messages in, application calls, messages out."""

from __future__ import annotations

from decimal import Decimal

import grpc
from coop.billing.v1 import market_service_pb2 as pb
from coop.billing.v1.market_service_pb2_grpc import MarketServiceServicer

from services.billing.application.market_prices import MarketPrices, Uploaded
from services.billing.messages import instant
from services.billing.repository.market import StoredPrice
from services.billing.rules import Rules
from services.chassis.context import caller
from services.chassis.db import RequestKey
from services.chassis.errors import Invalid

DEFAULT_PAGE, LARGEST_PAGE = 200, 1000
TOLD = 100
"""Rows, corrections and invoice numbers of an answer; their counts say how many there are."""


class MarketApi(MarketServiceServicer):
    def __init__(self, prices: MarketPrices, rules: Rules) -> None:
        self._prices = prices
        self._tz = rules.profile.tz

    def UploadMarketPrices(
        self, request: pb.UploadMarketPricesRequest, context: grpc.ServicerContext
    ) -> pb.UploadMarketPricesResponse:
        key = RequestKey.of("UploadMarketPrices", request)
        return _uploaded(self._prices.upload(key, caller().actor, request.file_name, request.content))

    def ListMarketPrices(
        self, request: pb.ListMarketPricesRequest, context: grpc.ServicerContext
    ) -> pb.ListMarketPricesResponse:
        if request.page_size < 0:
            raise Invalid(f"page_size is {request.page_size}; give 1 to {LARGEST_PAGE}, or nothing.", field="page_size")
        size = min(request.page_size or DEFAULT_PAGE, LARGEST_PAGE)
        begin = _position(request.page_token)
        found = self._prices.month(request.month)
        page = found.prices[begin : begin + size]
        more = begin + size < len(found.prices)
        return pb.ListMarketPricesResponse(
            prices=[self._price(each) for each in page],
            next_page_token=str(begin + size) if more else "",
            hours_expected=found.hours_expected,
            hours_missing=found.hours_missing,
            first_missing=instant(found.first_missing) if found.first_missing else None,
        )

    def _price(self, each: StoredPrice) -> pb.MarketPrice:
        return pb.MarketPrice(
            start=each.start.astimezone(self._tz).isoformat(timespec="minutes"),
            price=_plain(each.price),
            version=each.version,
            file_name=each.file_name,
        )


def _uploaded(found: Uploaded) -> pb.UploadMarketPricesResponse:
    file = found.file
    return pb.UploadMarketPricesResponse(
        file=pb.MarketFile(
            id=file.id,
            file_name=file.file_name,
            sha256=file.sha256,
            hours=file.hours,
            uploaded_by=file.uploaded_by,
            uploaded_at=instant(file.uploaded_at),
        )
        if file
        else None,
        seen_before=found.seen_before,
        added=found.added,
        unchanged=found.unchanged,
        corrected=len(found.corrections),
        corrections=[
            pb.CorrectedMarketPrice(start=instant(each.start), before=_plain(each.before), after=_plain(each.after))
            for each in found.corrections[:TOLD]
        ],
        refused=len(found.refused),
        refused_rows=[
            pb.RefusedMarketPrice(line=each.line, value=each.value, reason=each.reason) for each in found.refused[:TOLD]
        ],
        invoices=len(found.invoices),
        invoice_numbers=found.invoices[:TOLD],
    )


def _plain(price: Decimal) -> str:
    """EUR/MWh with two decimals, and more only where it has them."""
    whole, _, decimals = f"{price:f}".partition(".")
    return f"{whole}.{decimals.rstrip('0'):0<2}"


def _position(token: str) -> int:
    if token and not (token.isascii() and token.isdigit()):
        raise Invalid(f"page_token {token!r} was not given by this service; begin without one.", field="page_token")
    return int(token or 0)
