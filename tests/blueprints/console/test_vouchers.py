import io

import pytest

from tests.loyalty.orders.shop import TICKET

CODES = [f"7KQ2-9WXM-4TBV-8HN{n}-6RCJ" for n in range(2, 6)]
PATH = "/console/vouchers"


@pytest.fixture
def desk(counter, in_shop):
    """A clerk before a pool that is empty yet."""
    in_shop(lambda shop: shop.sell(TICKET, item_code="POOLED", code_source="POOL"))
    return counter()


@pytest.fixture
def fill(desk):
    """Import codes as the form does."""

    def send(**fields):
        page = desk.client.get(PATH).text
        facts = {"item_code": "POOLED", "batch": "D-1", "codes": ""} | fields
        return desk.client.post(f"{PATH}/import", data=desk.form(page, **facts))

    return send


def test_a_pool_is_filled_and_keeps_its_codes_sealed(desk, fill, rows):
    assert fill(codes="\n".join(CODES)).status_code == 303

    kept = rows("SELECT code_sealed, code_hash, code_tail FROM voucher")
    assert len(kept) == len(CODES)
    for code in CODES:
        bare = code.replace("-", "")
        assert all(
            needle.encode() not in bytes(sealed)
            for sealed, *_ in kept
            for needle in (code, bare)
        )
        assert code not in desk.client.get(PATH).text
        assert bare not in str(rows("SELECT after FROM audit"))


def test_codes_come_from_a_file_too_and_once(fill, rows):
    text = "code\n" + "\n".join(CODES)
    for _ in range(2):
        file = (io.BytesIO(text.encode("utf-8-sig")), "codes.csv")
        assert fill(file=file).status_code == 303

    assert rows("SELECT count(*) FROM voucher") == [(len(CODES),)]


@pytest.mark.parametrize(
    "fields",
    [
        {"codes": ""},
        {"codes": CODES[0], "batch": " "},
        {"codes": "1234"},  # could be guessed
        {"codes": CODES[0], "item_code": "NOTHING"},
    ],
)
def test_what_cannot_be_a_batch_is_refused_whole(fill, rows, fields):
    assert fill(**fields).status_code in {404, 422}

    assert rows("SELECT count(*) FROM voucher") == [(0,)]


def test_a_file_that_is_no_text_is_refused(fill):
    assert fill(file=(io.BytesIO(b"\xff\xfe\x00"), "codes.csv")).status_code == 422


def test_the_stock_of_each_pool_is_shown(desk, fill, customer, words_of):
    fill(codes="\n".join(CODES))
    customer(1_000)
    assert desk.redeem("POOLED").status_code == 303

    page = words_of(desk.client.get(PATH))

    assert "话费券 快用完了 3 0 1 0 0 1" in page


def test_an_empty_pool_sells_nothing(desk, customer, points_of, rows):
    member_id = customer(1_000)
    path = desk.serve()
    wish = desk.wish(path) | {"item_code": "POOLED"}
    desk.ask(path, wish)

    assert desk.place(path, wish, "123456").status_code == 422
    assert points_of(member_id) == 1_000
    assert rows("SELECT count(*) FROM member_order") == [(0,)]


def test_a_code_is_used_once(desk, customer, rows):
    customer(1_000)
    desk.redeem()
    code = desk.telephone.messages[-1].words.split("券码：")[1].split("。")[0]
    page = desk.client.get(PATH).text

    shown = desk.client.post(PATH, data=desk.form(page, code=code.lower())).text
    assert "王*" in shown
    (voucher_id,) = rows("SELECT voucher_id FROM voucher")[0]
    answers = [
        desk.client.post(f"{PATH}/{voucher_id}/use", data=desk.form(page))
        for _ in range(2)
    ]

    assert [answer.status_code for answer in answers] == [200, 409]
    assert rows("SELECT state FROM voucher") == [("used",)]


def test_who_guesses_codes_is_stopped(desk):
    page = desk.client.get(PATH).text
    guess = desk.form(page, code="AAAA-BBBB-CCCC-DDDD")

    answers = [desk.client.post(PATH, data=guess).status_code for _ in range(11)]

    assert answers == [404] * 10 + [422]


def test_who_fulfils_nothing_is_kept_out(counter, in_shop):
    in_shop(lambda shop: shop.sell(TICKET))
    assert counter("zhao", "product").client.get(PATH).status_code == 403
