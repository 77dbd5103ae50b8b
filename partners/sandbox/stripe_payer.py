"""A person on the sandbox's payment page, played by a script over HTTP."""

from dataclasses import dataclass
from http.client import HTTPConnection
from urllib.parse import urlencode, urlsplit

PAYING, DECLINED = "4242424242424242", "4000000000000002"
_ANSWER_SECONDS = 60
_SEE_OTHER = 303


@dataclass(frozen=True, slots=True)
class Shown:
    """What the page answered."""

    status: int
    location: str | None  # None: the page stays
    page: str

    @property
    def is_paid(self) -> bool:
        """Whether the page led on to the shop, as it does when it has the money."""
        return self.status == _SEE_OTHER


def look(url: str) -> Shown:
    """Open the payment page."""
    return _ask("GET", url, None)


def pay(url: str, number: str = PAYING, *, expiry: str = "12 / 79") -> Shown:
    """Fill in the page's form with a test card, and send it."""
    return _ask(
        "POST", url, urlencode({"number": number, "expiry": expiry, "cvc": "123"})
    )


def _ask(method: str, url: str, form: str | None) -> Shown:
    parts = urlsplit(url)
    connection = HTTPConnection(parts.netloc, timeout=_ANSWER_SECONDS)
    try:
        connection.request(
            method,
            parts.path,
            form,
            {"Content-Type": "application/x-www-form-urlencoded"} if form else {},
        )
        answer = connection.getresponse()
        page = answer.read().decode()
        return Shown(answer.status, answer.headers.get("Location"), page)
    finally:
        connection.close()
