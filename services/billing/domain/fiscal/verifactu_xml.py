"""Records as the tax office's XML (SuministroLR.xsd and SuministroInformacion.xsd of Veri*factu, version 1.0 of the records)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from xml.etree import ElementTree as ET

from services.billing.domain.fiscal.verifactu import LARGEST_SENDING, Record, spanish_date
from services.chassis.errors import Invalid

_SCHEMAS = "https://www2.agenciatributaria.gob.es/static_files/common/internet/dep/aplicaciones/es/aeat/tike/cont/ws/"
SENDING = f"{_SCHEMAS}SuministroLR.xsd"
INFORMATION = f"{_SCHEMAS}SuministroInformacion.xsd"
ET.register_namespace("sfLR", SENDING)
ET.register_namespace("sf", INFORMATION)
VERSION = "1.0"
SHA_256 = "01"
#: The schema's order of what a record keeps as plain values.
BREAKDOWN = (
    "Impuesto",
    "ClaveRegimen",
    "CalificacionOperacion",
    "TipoImpositivo",
    "BaseImponibleOimporteNoSujeto",
    "CuotaRepercutida",
)
SOFTWARE = (
    "NombreRazon",
    "NIF",
    "NombreSistemaInformatico",
    "IdSistemaInformatico",
    "Version",
    "NumeroInstalacion",
    "TipoUsoPosibleSoloVerifactu",
    "TipoUsoPosibleMultiOT",
    "IndicadorMultiplesOT",
)


def sending(records: Sequence[Record], issuer_name: str, issuer: str) -> bytes:
    """One sending of at most 1,000 records as UTF-8, without the SOAP envelope. Invalid for more."""
    if len(records) > LARGEST_SENDING:
        raise Invalid(f"A sending takes {LARGEST_SENDING} records and not {len(records)}: cut it in parts.")
    root = ET.Element(f"{{{SENDING}}}RegFactuSistemaFacturacion")
    head = ET.SubElement(root, f"{{{SENDING}}}Cabecera")
    taxpayer = _group(head, "ObligadoEmision")
    _texts(taxpayer, {"NombreRazon": issuer_name, "NIF": issuer})
    for record in records:
        holder = ET.SubElement(root, f"{{{SENDING}}}RegistroFactura")
        _registration(holder, record) if record.kind == "registration" else _cancellation(holder, record)
    ET.indent(root)
    return b'<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="utf-8") + b"\n"


def _registration(holder: ET.Element, record: Record) -> None:
    content = record.content
    made = _group(holder, "RegistroAlta")
    _texts(made, {"IDVersion": VERSION})
    _texts(
        _group(made, "IDFactura"),
        {
            "IDEmisorFactura": record.issuer,
            "NumSerieFactura": record.number,
            "FechaExpedicionFactura": spanish_date(record.issue_date),
        },
    )
    _texts(made, {"NombreRazonEmisor": content["issuer_name"], "TipoFactura": record.invoice_type})
    if "rectifies" in content:
        _rectified(made, content["rectifies"])
    _texts(made, {"DescripcionOperacion": content["description"]})
    _recipient(_group(_group(made, "Destinatarios"), "IDDestinatario"), content["recipient"])
    breakdown = _group(made, "Desglose")
    for part in content["breakdown"]:
        _texts(_group(breakdown, "DetalleDesglose"), _ordered(BREAKDOWN, part))
    _texts(made, {"CuotaTotal": f"{record.quota:.2f}", "ImporteTotal": f"{record.total:.2f}"})
    _chain_and_software(made, record)


def _rectified(made: ET.Element, rectified: Mapping[str, Any]) -> None:
    """How it rectifies, which invoices, and for a substitution what they said together."""
    _texts(made, {"TipoRectificativa": rectified["method"]})
    group = _group(made, "FacturasRectificadas")
    for number, issued in rectified["documents"]:
        _texts(
            _group(group, "IDFacturaRectificada"),
            {
                "IDEmisorFactura": rectified["issuer"],
                "NumSerieFactura": number,
                "FechaExpedicionFactura": issued,
            },
        )
    if "base" in rectified:
        amounts = {"BaseRectificada": rectified["base"], "CuotaRectificada": rectified["quota"]}
        _texts(_group(made, "ImporteRectificacion"), amounts)


def _cancellation(holder: ET.Element, record: Record) -> None:
    made = _group(holder, "RegistroAnulacion")
    _texts(made, {"IDVersion": VERSION})
    _texts(
        _group(made, "IDFactura"),
        {
            "IDEmisorFacturaAnulada": record.issuer,
            "NumSerieFacturaAnulada": record.number,
            "FechaExpedicionFacturaAnulada": spanish_date(record.issue_date),
        },
    )
    _chain_and_software(made, record)


def _recipient(person: ET.Element, recipient: Mapping[str, str]) -> None:
    _texts(person, {"NombreRazon": recipient["name"]})
    if "nif" in recipient:
        _texts(person, {"NIF": recipient["nif"]})
    else:
        _texts(_group(person, "IDOtro"), {"IDType": recipient["id_type"], "ID": recipient["id"]})


def _chain_and_software(made: ET.Element, record: Record) -> None:
    chain = _group(made, "Encadenamiento")
    before = record.content["previous"]
    if before is None:
        _texts(chain, {"PrimerRegistro": "S"})
    else:
        _texts(
            _group(chain, "RegistroAnterior"),
            {
                "IDEmisorFactura": before["issuer"],
                "NumSerieFactura": before["number"],
                "FechaExpedicionFactura": before["issue_date"],
                "Huella": record.previous_hash,
            },
        )
    _texts(_group(made, "SistemaInformatico"), _ordered(SOFTWARE, record.content["software"]))
    _texts(
        made,
        {"FechaHoraHusoGenRegistro": record.generated_at, "TipoHuella": SHA_256, "Huella": record.hash},
    )


def _ordered(names: Sequence[str], values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: values[name] for name in names if name in values}


def _group(parent: ET.Element, name: str) -> ET.Element:
    return ET.SubElement(parent, f"{{{INFORMATION}}}{name}")


def _texts(parent: ET.Element, values: Mapping[str, Any]) -> None:
    """Children in the order given, which is the schema's."""
    for name, value in values.items():
        _group(parent, name).text = str(value)
