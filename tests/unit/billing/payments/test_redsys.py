"""Redsys: published and computed vectors of both signatures, and nothing but the true notification passes."""

from __future__ import annotations

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.billing.domain.payments.redsys import (
    ORDER,
    SHA256,
    SHA512,
    VERSIONS,
    Shop,
    Version,
    answer_of,
    check_against,
    derived_key,
    encode_parameters,
    order_number,
    payment_form,
    read_notification,
    read_parameters,
    sign,
)
from services.chassis.errors import CoopError, Forbidden, Invalid

KEY = "sq7HjrUOBfKmC576ILgskD5srU870gJ7"
SHOP = Shop("999008881", "1", KEY)
REQUEST = (
    '{"DS_MERCHANT_AMOUNT":"5544","DS_MERCHANT_CURRENCY":"978","DS_MERCHANT_MERCHANTCODE":"999008881",'
    '"DS_MERCHANT_ORDER":"0001A2B3","DS_MERCHANT_TERMINAL":"1","DS_MERCHANT_TRANSACTIONTYPE":"0"}'
)
RESPONSE = (
    '{"Ds_Date":"21/11/2026","Ds_Hour":"16:30","Ds_Amount":"5544","Ds_Currency":"978","Ds_Order":"0001A2B3",'
    '"Ds_MerchantCode":"999008881","Ds_Terminal":"1","Ds_Response":"0000","Ds_TransactionType":"0",'
    '"Ds_AuthorisationCode":"123456"}'
)
SIGNATURE = "XkAH3ef0FLsa0-Uwsvr4a4pKovQ30l_uAxh4_1PjC34="


def form(version: Version = SHA256, content: str = RESPONSE) -> dict[str, str]:
    parameters = encode_parameters(version, content)
    signature = sign(version, KEY, "0001A2B3", parameters).replace("+", "-").replace("/", "_")
    return {"Ds_SignatureVersion": version, "Ds_MerchantParameters": parameters, "Ds_Signature": signature}


def test_derived_keys() -> None:
    derived = derived_key(SHA256, "Mk9m98IfEblmPfrpsawt7BmxObt98Jev", "1447961844")
    assert base64.b64encode(derived) == b"38t5Zm5RjlVHNycd8Nutcg=="
    assert base64.b64encode(derived_key(SHA256, KEY, "0001A2B3")) == b"MqFb2JZvPQQ="


def test_the_signature_of_a_request() -> None:
    signed = sign(SHA256, KEY, "0001A2B3", encode_parameters(SHA256, REQUEST))
    assert signed == "g+hd432w5MHAEmrHkD9h1pL00tb41Qlj4qDPCsFpJp4="


def test_the_published_example_of_sha512() -> None:
    shop = "http:\\/\\/www.prueba.com\\/url"
    content = (
        '{"DS_MERCHANT_AMOUNT":"999","DS_MERCHANT_ORDER":"1234567890","DS_MERCHANT_MERCHANTCODE":"999008881",'
        '"DS_MERCHANT_CURRENCY":"978","DS_MERCHANT_TRANSACTIONTYPE":"0","DS_MERCHANT_TERMINAL":"1",'
        f'"DS_MERCHANT_MERCHANTURL":"{shop}Notificacion.php","DS_MERCHANT_URLOK":"{shop}OK.php",'
        f'"DS_MERCHANT_URLKO":"{shop}KO.php"}}'
    )
    assert sign(SHA512, KEY, "1234567890", encode_parameters(SHA512, content)) == (
        "Vjo02eSWq249IeZZp3R-ArFnGLhKY0OuzDDlx1BuVtZDC2yhczA7_11uZhsYzLZBCMFAz8u8uzGDX3AErHKmmw"
    )


@pytest.mark.parametrize("padded", [True, False])
def test_a_notification_with_and_without_padding(padded: bool) -> None:
    parameters = base64.urlsafe_b64encode(RESPONSE.encode()).decode()
    assert sign(SHA256, KEY, "0001A2B3", parameters).replace("+", "-").replace("/", "_") == SIGNATURE
    said = read_notification(
        {
            "Ds_SignatureVersion": SHA256,
            "Ds_MerchantParameters": parameters,
            "Ds_Signature": SIGNATURE if padded else SIGNATURE.rstrip("="),
        },
        KEY,
    )
    assert (said.order, said.cents, said.answer.paid, said.authorisation) == ("0001A2B3", 5544, True, "123456")
    check_against(said, SHOP, "0001A2B3", 5544)


@pytest.mark.parametrize("version", VERSIONS)
def test_what_we_send_can_be_read_and_is_signed(version: Version) -> None:
    sent = payment_form(SHOP, "0001A2B3", 5544, "https://c/n", "https://c/ok", "https://c/ko", version=version)
    assert sent["Ds_SignatureVersion"] == version
    assert sent["Ds_Signature"] == sign(version, KEY, "0001A2B3", sent["Ds_MerchantParameters"])
    said = read_parameters(sent["Ds_MerchantParameters"])
    assert (said["DS_MERCHANT_AMOUNT"], said["DS_MERCHANT_ORDER"]) == ("5544", "0001A2B3")
    assert said["DS_MERCHANT_MERCHANTURL"] == "https://c/n"


@given(
    version=st.sampled_from(VERSIONS),
    field=st.sampled_from(["Ds_MerchantParameters", "Ds_Signature"]),
    place=st.integers(0, 10**6),
    sign_=st.characters(min_codepoint=1, max_codepoint=0x17F),
)
def test_no_notification_with_another_character_passes(version: Version, field: str, place: int, sign_: str) -> None:
    good = form(version)
    place %= len(good[field].rstrip("="))
    old = good[field][place]
    if sign_ == old or {sign_, old} in ({"+", "-"}, {"/", "_"}):  # the same bits in the other alphabet
        sign_ = "A" if old != "A" else "B"
    bad = {**good, field: good[field][:place] + sign_ + good[field][place + 1 :]}
    read_notification(good, KEY)
    with pytest.raises((Forbidden, Invalid)):
        read_notification(bad, KEY)


@given(st.dictionaries(st.sampled_from(list(form())), st.text(max_size=60)))
def test_any_form_gives_a_notification_or_a_sentence(said: dict[str, str]) -> None:
    try:
        read_notification({**form(), **said}, KEY)
    except CoopError as wrong:
        assert wrong.message.endswith(".")


def test_a_signature_of_the_other_kind_or_of_another_key_is_refused() -> None:
    with pytest.raises(Forbidden, match="wrong; nothing was booked"):
        read_notification({**form(SHA256), "Ds_SignatureVersion": SHA512}, KEY)
    with pytest.raises(Forbidden):
        read_notification(form(), "Mk9m98IfEblmPfrpsawt7BmxObt98Jev")
    with pytest.raises(Invalid, match="HMAC_MD5"):
        read_notification({**form(), "Ds_SignatureVersion": "HMAC_MD5"}, KEY)
    with pytest.raises(Forbidden):
        read_notification({**form(), "Ds_Signature": ""}, KEY)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("key", ["", "short", "sq7HjrUOBfKmC576", "ñ" * 32])
def test_a_terminal_without_its_true_key_signs_and_believes_nothing(version: Version, key: str) -> None:
    with pytest.raises(Invalid, match="key of the virtual terminal"):
        read_notification(form(version), key)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Ds_Amount", "1"),
        ("Ds_Currency", "840"),
        ("Ds_MerchantCode", "999008882"),
        ("Ds_Terminal", "2"),
        ("Ds_TransactionType", "3"),
    ],
)
def test_a_signed_notification_about_something_else_is_not_ours(name: str, value: str) -> None:
    said = read_notification(form(content=json.dumps({**json.loads(RESPONSE), name: value})), KEY)
    with pytest.raises(Invalid, match=name):
        check_against(said, SHOP, "0001A2B3", 5544)


@pytest.mark.parametrize(
    ("code", "outcome"),
    [
        ("0000", "authorised"),
        ("0099", "authorised"),
        ("99", "authorised"),
        ("0100", "denied"),
        ("0900", "refunded"),
        ("0400", "cancelled"),
        ("0101", "denied"),
        ("0129", "denied"),
        ("0180", "denied"),
        ("0184", "denied"),
        ("0190", "denied"),
        ("0202", "denied"),
        ("0904", "failed"),
        ("0909", "failed"),
        ("0912", "failed"),
        ("0913", "duplicate"),
        ("9915", "abandoned"),
    ],
)
def test_answers(code: str, outcome: str) -> None:
    answer = answer_of(code)
    assert answer.outcome == outcome and answer.paid == (outcome == "authorised")


@pytest.mark.parametrize("code", ["", "00000", "abcd", "-001", "²"])
def test_an_answer_that_is_none_is_never_taken_for_paid(code: str) -> None:
    if code == "":
        with pytest.raises(Invalid):
            read_notification(form(content=RESPONSE.replace('"0000"', '"x"')), KEY)
    else:
        with pytest.raises(Invalid):
            answer_of(code)


@given(st.integers(0, 10**15), st.integers(0, 10**15))
def test_orders_are_well_formed_and_never_repeat(first: int, second: int) -> None:
    assert ORDER.fullmatch(order_number(first))
    assert (order_number(first) == order_number(second)) == (first == second)
