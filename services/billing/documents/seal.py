"""The signature's field in a document: on page one, without a picture; what it says is printed in the footer."""

from __future__ import annotations

from reportlab.pdfbase.pdfdoc import PDFArray, PDFDictionary, PDFName, PDFObject, PDFObjectReference, PDFString
from reportlab.pdfgen.canvas import Canvas

from services.billing.signing import Seal

_PRINT_AND_LOCKED = 4 | 128
_SIGNED_AND_APPEND_ONLY = 1 | 2


class _Room(PDFObject):  # type: ignore[misc]
    """The signature dictionary, in a form that `Seal.close` finds again."""

    __RefOnly__ = 1

    def __init__(self, room: bytes) -> None:
        self._room = room

    def format(self, _: object) -> bytes:
        return self._room


def prepare(canvas: Canvas, seal: Seal) -> None:
    """Give a canvas, still on its first page, the field that `Seal.close` will sign."""
    document = canvas._doc
    field = PDFDictionary(
        {
            "Type": PDFName("Annot"),
            "Subtype": PDFName("Widget"),
            "FT": PDFName("Sig"),
            "T": PDFString("Signature"),
            "TU": PDFString(seal.name),
            "V": document.Reference(_Room(seal.room())),
            "Rect": PDFArray([0, 0, 0, 0]),
            "F": _PRINT_AND_LOCKED,
            "P": PDFObjectReference(document.thisPageName()),
        }
    )
    canvas._addAnnotation(field, "signature")
    form = {"Fields": PDFArray([document.refAnnotation("signature")]), "SigFlags": _SIGNED_AND_APPEND_ONLY}
    document.Catalog.AcroForm = PDFDictionary(form)
