"""A counter in a hall, and customers who come to it."""

import re
from html import unescape

import pytest

from tests.loyalty.orders.shop import MUG, TICKET, Shop

MSISDN = "13300000001"
HOME = {"name": "王芳", "phone": MSISDN, "address": "广州市天河路 1 号"}


class Counter:
    """What a clerk does at a counter, through the pages alone."""

    def __init__(self, staff_id, client, csrf, telephone):
        self.staff_id, self.client = staff_id, client
        self.csrf, self.telephone = csrf, telephone

    def find(self, words=MSISDN):
        """Look a member up."""
        page = self.client.get("/console/counter")
        return self.client.post(
            "/console/counter", data=self.form(page.text, words=words)
        )

    def serve(self, words=MSISDN):
        """Return the address of the page of a member who was found."""
        answer = self.find(words)
        assert answer.status_code == 303
        return answer.location

    def form(self, page, **fields):
        """Fill in a form of a page."""
        return {"csrf_token": self.csrf(page), **fields}

    def wish(self, path, item_code="TICKET", **other):
        """Return what the form of an item sends."""
        page = self.client.get(path).text
        found = re.search(
            r'name="order_ref" value="(\w+)">\s*'
            rf'<input type="hidden" name="item_code" value="{item_code}"',
            page,
        )
        assert found, f"{item_code} is not offered"
        facts = {"order_ref": found[1], "item_code": item_code, "quantity": "1"}
        return self.form(page, way="points", **(facts | other))

    def ask(self, path, wish):
        """Send the member a code for a wish."""
        return self.client.post(f"{path}/code", data=wish)

    def place(self, path, wish, code=None):
        """Redeem with the code that the member reads out."""
        said = self.telephone.code() if code is None else code
        return self.client.post(f"{path}/orders", data=wish | {"code": said})

    def redeem(self, item_code="TICKET", words=MSISDN, **other):
        """Serve a member from finding to receipt; return the last answer."""
        path = self.serve(words)
        wish = self.wish(path, item_code, **other)
        self.ask(path, wish)
        return self.place(path, wish)


@pytest.fixture
def in_shop(fresh_database):
    """Do something in the shop, in a transaction of its own."""

    def do(what):
        with fresh_database.unit_of_work() as session:
            return what(Shop(session))

    do(lambda shop: (shop.open(), shop.sell(TICKET), shop.sell(MUG)))
    return do


@pytest.fixture
def customer(in_shop, join):
    """Bring in a member with points; returns the member's id."""

    def come(points=1_000, msisdn=MSISDN, **other):
        member_id = join(msisdn, **other)
        in_shop(lambda shop: shop.earn(member_id, points, until=None))
        return member_id

    return come


@pytest.fixture
def points_of(in_shop):
    """Tell what a member can spend."""
    return lambda member_id: in_shop(lambda shop: shop.available(member_id))


@pytest.fixture
def rows(in_shop):
    """Ask the database."""
    return lambda statement, **facts: in_shop(
        lambda shop: shop.rows(statement, **facts)
    )


@pytest.fixture
def counter(employ, browser, csrf, telephone):
    """Sit somebody down at a counter."""

    def sit(login="li.na", *roles, channel="hall"):
        staff_id = employ(login, *roles, channel=channel)
        return Counter(staff_id, browser(staff_id=staff_id), csrf, telephone)

    return sit


@pytest.fixture
def words_of():
    """Return what a page says, without its marks."""

    def words(answer):
        bare = re.sub(r"<[^>]+>", " ", unescape(answer.text))
        return " ".join(bare.split())

    return words
