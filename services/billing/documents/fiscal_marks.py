"""What tax offices want printed: the Spanish QR at the head of page one, the Argentine authorisation with its bars.

Spain: Orden HAC/1177/2024 arts. 20 and 21 and the tax office's specification of the code: 30 to 40 mm, two millimetres of
white around it, near the upper margin and centred, «QR tributario:» above and «VERI*FACTU» below in no smaller letters
than the rest. Argentina: RG 3571/2013 and RG 1702 (bars), RG 4892 (QR of other sales).
"""

from __future__ import annotations

from services.billing.documents import ink, marks, typeface
from services.billing.documents.codes import code_item, shown_address
from services.billing.documents.edition import Edition
from services.billing.documents.model import ArgentineFiscal, TaxOfficeCode
from services.billing.documents.paper import HEIGHT, INNER, PADDING, WIDTH, Item, Paper, Stack
from services.billing.documents.transcript import Said, said
from services.billing.documents.typeface import REGULAR, SEMIBOLD

SIDE = 87.0  # 30.7 mm
#: Room at the centre of the head for the code and the white around it.
MIDDLE = 128.0
_WORDS = 9.5
_WHITE = 9.0
_CAPTION = _WORDS + _WHITE + SIDE + _WHITE + _WORDS * 0.7  # from the top of the head to the foot of the words below
#: From the top of the head to its rule.
TALL = _CAPTION + 5.0
_BARS_WIDTH, _BARS_HEIGHT = 262.0, 34.0


def tax_code(paper: Paper, code: TaxOfficeCode) -> None:
    """Draw the tax office's code at the centre of the head of page one."""
    paper.say(Said("picture", (f"{code.heading} {code.caption}",), code.url))
    top = min(paper.y, HEIGHT - 28)
    paper.text(WIDTH / 2, top - _WORDS * 0.8, code.heading, SEMIBOLD, _WORDS, ink.INK, "centre")
    edge = top - _WORDS - _WHITE
    marks.qr(paper, code.url, WIDTH / 2 - SIDE / 2, edge, SIDE)
    paper.link(code.url, WIDTH / 2 - SIDE / 2, edge - SIDE, SIDE, SIDE)
    paper.text(WIDTH / 2, top - _CAPTION, code.caption, SEMIBOLD, _WORDS, ink.INK, "centre")


def authorisation(fiscal: ArgentineFiscal, e: Edition) -> Stack | None:
    """The code that authorises the document, with its expiry and bars or QR; None when there is none."""
    if not fiscal.cesp:
        return None
    stack = Stack(INNER - 2 * PADDING)
    words = Stack(stack.width - (_BARS_WIDTH + 18 if fiscal.barcode else 0))
    words.text(e.t("{kind} No. {code}").format(kind=fiscal.authority, code=fiscal.cesp), SEMIBOLD, 9.5)
    if fiscal.cesp_expiry:
        text = e.t("{kind} expires on {date}").format(kind=fiscal.authority, date=e.f.day(fiscal.cesp_expiry))
        words.text(text, REGULAR, 8.5)
    if fiscal.sandbox:
        words.space(3)
        words.tag(e.t("Test code: it authorises nothing"), ink.AMBER, ink.AMBER_GROUND, 8)
    if fiscal.barcode:
        stack.items.append(_bars_beside(fiscal.barcode, words))
    else:
        stack.items += words.items
    if fiscal.qr_url:
        stack.space(8)
        text = e.t("Check this document at the tax office:")
        stack.items.append(code_item(fiscal.qr_url, text, shown_address(fiscal.qr_url), stack.width, SIDE))
    return stack


def _bars_beside(digits: str, words: Stack) -> Item:
    """The bars with their digits under them at the left, `words` at the right."""

    def draw(paper: Paper, x: float, top: float) -> None:
        marks.bar_code(paper, digits, x, top, _BARS_WIDTH, _BARS_HEIGHT)
        size = 7.5
        left = x + (_BARS_WIDTH - typeface.width(digits, REGULAR, size)) / 2
        paper.text(left, top - _BARS_HEIGHT - 9, digits, REGULAR, size)
        words.draw(paper, x + _BARS_WIDTH + 18, top + 3)

    return Item(max(_BARS_HEIGHT + 12, words.height), draw, says=said(digits))
