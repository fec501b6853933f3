"""How each country titles its documents and what it obliges them to say. Texts quoted from a law are never translated.

Spain: Resolution of 28 April 2021 (BOE-A-2021-7120), blocks of the electricity invoice; RD 1619/2012.
Argentina: RG 3571/2013 (Liquidación de Servicios Públicos), Ley 24.240 arts. 25 and 30 bis, Ley 27.743 (transparency).
"""

from __future__ import annotations

from dataclasses import dataclass

from services.billing.documents.vocabulary import N_


@dataclass(frozen=True)
class Country:
    invoice_title: str
    rectifying_title: str
    certificate_title: str
    issuer_tax_id: str  # what the issuer's number is called
    claims: tuple[str, ...]  # translated paragraphs under "Claims"
    quoted: tuple[str, ...]  # paragraphs in the law's own words
    always_summarise: tuple[str, ...]  # sections printed in the summary even at zero
    hourly_data: str  # where the hourly curve may be seen


ES = Country(
    invoice_title=N_("Invoice"),
    rectifying_title=N_("Rectifying invoice"),
    certificate_title=N_("Certificate of being up to date with payments"),
    issuer_tax_id="NIF",
    claims=(
        N_(
            "Claims are free of charge by telephone, by e-mail or in person. Without a satisfactory answer in the "
            "legal time, you may go to the dispute body named here or to the consumer authority of your region."
        ),
    ),
    quoted=(),
    always_summarise=("surplus",),
    hourly_data=N_("Your hourly consumption is in your digital office and on the website of your distributor."),
)
AR = Country(
    invoice_title=N_("Public services bill"),
    rectifying_title=N_("Public services bill, rectification"),
    certificate_title=N_("Certificate of no debt"),
    issuer_tax_id="CUIT",
    claims=(
        N_(
            "You may claim at our office, by telephone or by e-mail; every claim receives a number. Without a "
            "satisfactory answer you may go to the regulator of the service or to the consumer authority."
        ),
    ),
    quoted=(
        "Ley 24.240, artículo 25: «Usted tiene derecho a reclamar una indemnización si le facturamos sumas o conceptos "
        "indebidos o reclamamos el pago de facturas ya abonadas».",
    ),
    always_summarise=(),
    hourly_data=N_("The detail of your consumption is in your digital office."),
)
COUNTRIES = {"es": ES, "ar": AR}
