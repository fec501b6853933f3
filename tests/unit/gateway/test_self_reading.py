"""Reading one's own meter in the portal: the form, its errors beside their fields, the receipt, and the photo."""

from __future__ import annotations

import io
import re
from typing import Any

import pytest
from coop.metering.v1 import metering_service_pb2 as metering
from coop.supplies.v1 import supplies_pb2

from services.chassis.errors import Refused, Unavailable
from tests.support.photos import meter_photo
from tests.unit.gateway.conftest import Portal, token_of
from tests.unit.gateway.fakes.self_readings import RECEIPT, WATER
from tests.unit.gateway.test_pages import text

FORM, RECEIPT_PAGE = "/s/sup-1/self-reading", f"/s/sup-1/self-reading/{RECEIPT}"
PHOTO = meter_photo()
GOOD = {"P1": "4.177", "P2": "3957", "P3": "4 451", "day-day": "20", "day-month": "11", "day-year": "2026"}


def send(portal: Portal, page: str = "", photo: bytes = PHOTO, path: str = FORM, **changes: str) -> Any:
    page = page or portal.member.get(FORM).text
    hidden = dict(re.findall(r'<input type="hidden" name="(form|service)" value="([^"]+)"', page))
    data: dict[str, Any] = {"csrf_token": token_of(page), **hidden, **GOOD, **changes}
    if photo:
        data["photo"] = (io.BytesIO(photo), "IMG_0001.JPG")
    return portal.member.post(path, data=data, content_type="multipart/form-data")


def submitted(portal: Portal) -> list[metering.SubmitSelfReadingRequest]:
    return [one for one in portal.world.requests if isinstance(one, metering.SubmitSelfReadingRequest)]


def test_the_form_says_what_the_meter_showed_and_until_when(portal: Portal) -> None:
    page = portal.member.get(FORM).text
    said = text(page)
    assert "Contador ZIV0040318130" in said and "Última lectura real 1 de noviembre" in said
    assert "Punta (P1) 4.115 kWh Llano (P2) 3.902 kWh Valle (P3) 4.323 kWh" in said
    assert "Facturado hasta 31 de octubre" in said
    assert "hasta el jueves 17 de diciembre" in said
    assert re.search(r'<input id="photo"[^>]+type="file" accept="image/\*" capture="environment"', page)
    assert re.search(r'name="day-day"[^>]+value="21"', page)


def test_a_reading_is_sent_on_and_answered_with_its_receipt(portal: Portal) -> None:
    answer = send(portal)
    assert (answer.status_code, answer.headers["Location"]) == (303, f"{RECEIPT_PAGE}?new=yes")
    (sent,) = submitted(portal)
    assert {one.register: one.value for one in sent.shown} == {"P1": 4_177, "P2": 3_957, "P3": 4_451}
    assert (sent.supply_id, sent.service_id, sent.day, sent.photo) == ("sup-1", "e-sup-1", "2026-11-20", PHOTO)
    assert sent.language.startswith("es")


def test_the_same_form_twice_is_the_same_command_and_corrected_it_is_another(portal: Portal) -> None:
    page = portal.member.get(FORM).text
    for changes in ({}, {}, {"P1": "4178"}):
        assert send(portal, page, **changes).status_code == 303
    first, second, third = submitted(portal)
    assert first.request_id == second.request_id != third.request_id
    assert len(first.request_id) <= 80


def test_everything_wrong_is_said_beside_its_field_and_what_was_written_stays(portal: Portal) -> None:
    answer = send(portal, photo=b"", P1="4100", P2="")
    assert answer.status_code == 422
    said = text(answer.text)
    for sentence in ("menos que la última lectura, 4.115", "P2: escribe lo que marca", "Falta una foto del contador"):
        assert said.count(sentence) == 2  # in the summary, and beside the field
    assert 'href="#P1"' in answer.text and 'href="#photo"' in answer.text
    assert re.search(r'name="P1"[^>]+value="4100"', answer.text) and re.search(
        r'name="P3"[^>]+value="4 451"', answer.text
    )
    assert "<title>Error:" in answer.text


@pytest.mark.parametrize("written", ["12,5", "-4", "4.17", "cuatro", "1" * 16, "4e3"])
def test_what_no_meter_shows_is_refused_here(portal: Portal, written: str) -> None:
    answer = send(portal, P1=written, **{"day-month": "13"})
    assert answer.status_code == 422 and submitted(portal) == []
    assert "no es lo que marca un contador" in text(answer.text) and "no es una fecha del calendario" in text(
        answer.text
    )
    assert "Elige otra vez la foto" in text(answer.text)


def test_a_photo_that_is_too_large_is_an_error_beside_its_field_with_all_the_others(portal: Portal) -> None:
    answer = send(portal, photo=PHOTO + bytes(5_000_000), P1="4100")
    assert answer.status_code == 422
    said = text(answer.text)
    assert (
        "La foto ocupa más de 5 MB" in said and "menos que la última lectura" in said and "Falta una foto" not in said
    )
    assert [one.photo for one in submitted(portal)] == [b""]


def test_a_photo_within_the_limit_is_taken_whatever_its_bytes_are(portal: Portal) -> None:
    """A piece of the body that ends with a line break may begin a boundary: it is kept for the next piece."""
    photo = PHOTO + b"\r\n-" * 300_000
    assert send(portal, photo=photo).status_code == 303
    assert [one.photo for one in submitted(portal)] == [photo]


def test_a_body_far_too_large_is_turned_away_unread(portal: Portal) -> None:
    page = portal.member.get(FORM).text
    answer = portal.member.post(
        FORM,
        content_type="multipart/form-data; boundary=x",
        environ_overrides={"CONTENT_LENGTH": "11000000"},
    )
    assert answer.status_code == 413 and "La foto ocupa más de 5 MB" in text(answer.text)
    token = token_of(page)
    unread = portal.visitor.post(FORM, data={"csrf_token": token, "photo": (io.BytesIO(bytes(70_000)), "a")})
    assert unread.headers["Location"] == f"/sign-in?next={FORM}"


def test_a_window_that_is_closed_says_why_and_has_no_form(portal: Portal) -> None:
    open_page = portal.member.get(FORM).text
    portal.world.closed = "El último día para dar una lectura para esta factura era el 17 de noviembre."
    page = portal.member.get(FORM).text
    assert portal.world.closed in page and 'type="file"' not in page and "ZIV0040318130" in page
    assert send(portal, open_page).status_code == 409 and submitted(portal) == []


def test_a_window_that_closes_meanwhile(portal: Portal) -> None:
    portal.world.failing["SubmitSelfReading"] = Refused("closed", "SELF_READING_CLOSED")
    assert send(portal).status_code == 409


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ("counts", "Entra en la factura que hagamos a partir del 1 de enero de 2027"),
        ("replaced", "otra lectura del mismo día"),
        ("superseded", "ya se ha leído de verdad"),
        ("doubtful", "La oficina mira la foto"),
    ],
)
def test_the_receipt_says_the_figures_and_what_happens_next(portal: Portal, state: str, words: str) -> None:
    portal.world.reading_state = state
    page = portal.member.get(RECEIPT_PAGE)
    said = text(page.text)
    assert page.status_code == 200 and RECEIPT in said and words in said
    assert "Punta (P1) 4.177 kWh" in said and "20 de noviembre" in said and "ZIV0040318130" in said
    assert f'src="{RECEIPT_PAGE}/photo"' in page.text
    assert RECEIPT in portal.member.get(FORM).text


def test_a_receipt_of_somebody_else_of_the_house_has_no_photo(portal: Portal) -> None:
    portal.world.reading_by = "acc-2"
    page = portal.member.get(RECEIPT_PAGE)
    assert page.status_code == 200 and "4.177" in page.text and "photo" not in page.text


def test_the_photo_is_the_members_alone_and_nothing_keeps_it(portal: Portal) -> None:
    answer = portal.member.get(f"{RECEIPT_PAGE}/photo")
    assert (answer.status_code, answer.content_type) == (200, "image/jpeg")
    assert answer.headers["Content-Disposition"] == f'inline; filename="{RECEIPT}.jpg"'
    assert answer.headers["Cache-Control"] == "private, no-store"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert portal.visitor.get(f"{RECEIPT_PAGE}/photo").status_code == 303


@pytest.mark.parametrize(
    ("kind", "sent", "disposition"),
    [("image/heic", "image/heic", "attachment"), ("text/html", "application/octet-stream", "attachment")],
)
def test_what_browsers_do_not_draw_is_saved(portal: Portal, kind: str, sent: str, disposition: str) -> None:
    portal.world.photo_type = kind
    answer = portal.member.get(f"{RECEIPT_PAGE}/photo")
    assert answer.content_type == sent and answer.headers["Content-Disposition"].startswith(disposition)


@pytest.mark.parametrize("path", ["/s/other/self-reading", f"/s/other/self-reading/{RECEIPT}", "/s/sup-1/self-reading/none",
                                  f"/s/sup-2/self-reading/{RECEIPT}", f"/s/other/self-reading/{RECEIPT}/photo",
                                  "/s/sup-1/self-reading/none/photo"])  # fmt: skip
def test_what_is_not_the_members_does_not_exist(portal: Portal, path: str) -> None:
    assert portal.member.get(path).status_code == 404


def test_the_page_stands_while_metering_is_down(portal: Portal) -> None:
    portal.world.failing["GetSelfReadingForm"] = Unavailable("down")
    answer = portal.member.get(FORM)
    assert answer.status_code == 200 and "Ahora mismo no podemos mostrarlo" in answer.text


def test_a_supply_with_water_has_a_form_for_each_meter(portal: Portal) -> None:
    kind, state = supplies_pb2.SERVICE_KIND_WATER, supplies_pb2.SERVICE_STATE_CONNECTED
    portal.world.supplies[0].services.append(supplies_pb2.SupplyService(id=WATER, kind=kind, state=state))
    assert f'href="{FORM}?service={WATER}"' in portal.member.get(FORM).text
    page = portal.member.get(f"{FORM}?service={WATER}").text
    said = text(page)
    assert (
        "Lo que marca el contador, en m³" in said and "W-77" in said and "Última lectura real todavía ninguna" in said
    )
    assert re.search(rf'href="{FORM}\?service={WATER}" aria-current="page"', page)
    assert send(portal, page, total="351").status_code == 303
    (sent,) = submitted(portal)
    assert sent.service_id == WATER and {one.register: one.value for one in sent.shown} == {"total": 351}


def test_the_form_in_english(portal: Portal) -> None:
    portal.member.set_cookie("lang", "en")
    said = text(portal.member.get(FORM).text)
    assert "Read your meter" in said and "Peak (P1), kWh" in said and "4,115 kWh" in said
