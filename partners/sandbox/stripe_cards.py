"""The test cards of the sandbox's page; no other card is taken.

A number is looked up and forgotten: it is handed to nobody, localstripe included.
"""

from dataclasses import dataclass

# What Stripe's own test cards do (https://docs.stripe.com/testing).
SUCCEEDING = {
    "4242424242424242": "Visa",
    "5555555555554444": "Mastercard",
    "6200000000000005": "银联 UnionPay",
}
DECLINED = {
    "4000000000000002": "card_declined",
    "4000000000009995": "insufficient_funds",
    "4000000000000069": "expired_card",
    "4000000000000127": "incorrect_cvc",
    "4000000000000119": "processing_error",
}
# Said besides, by the page itself.
INCOMPLETE, NO_TEST_CARD, PAST = "incomplete", "no_test_card", "past"
_CVC_LENGTHS = {3, 4}
_MONTHS = range(1, 13)
_CENTURY = 2000


@dataclass(frozen=True, slots=True)
class Card:
    """What was typed; shown nowhere, also not in a traceback."""

    number: str
    expiry: str
    cvc: str

    def __repr__(self) -> str:
        return "Card()"


def refusal(card: Card, *, today: tuple[int, int]) -> str | None:
    """Return why a card is refused; None: it pays. `today` is year and month."""
    number = "".join(filter(str.isdecimal, card.number))
    expiry = _expiry(card.expiry)
    cvc = card.cvc.strip()
    if (
        not number
        or expiry is None
        or not (cvc.isdecimal() and len(cvc) in _CVC_LENGTHS)
    ):
        return INCOMPLETE
    if number not in SUCCEEDING and number not in DECLINED:
        return NO_TEST_CARD
    if expiry < today:
        return PAST
    return DECLINED.get(number)


def _expiry(written: str) -> tuple[int, int] | None:
    """Read `MM/YY`, `MMYY` or `MM / YYYY` as year and month."""
    digits = "".join(filter(str.isdecimal, written))
    if len(digits) not in {4, 6}:
        return None
    month, year = int(digits[:2]), int(digits[2:])
    if month not in _MONTHS:
        return None
    return (year if year >= _CENTURY else year + _CENTURY), month
