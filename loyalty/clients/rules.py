"""What a client may ask for, how long what it gets is good, and which keys count."""

from collections.abc import Collection, Mapping
from datetime import timedelta
from types import MappingProxyType
from typing import Final

Words = tuple[str, str]  # Chinese, English

AUTH_METHODS: Final = ("private_key_jwt", "client_secret_basic")

# What a partner's system may do, in its own name (api.md).
SCOPES: Final[Mapping[str, Words]] = MappingProxyType(
    {
        "members:validate": ("核对会员身份", "Check that an account is a member's"),
        "accruals:write": ("记入和冲正积分", "Post activities that earn points"),
        "redemptions:write": ("在收银处使用积分", "Take points at the till"),
        "exchanges:write": ("兑入和兑出积分", "Exchange points and miles"),
        "balances:read": (
            "查看已关联会员的余额和明细",
            "Read balances and entries of linked members",
        ),
        "catalogue:read": ("查看商品目录", "Read the catalogue"),
        "orders:write": ("代会员下单", "Place and cancel orders for members"),
        "links:write": ("发起和撤销账户关联", "Ask for account links, and end them"),
        "statements:read": ("查看结算单", "Read settlement statements"),
        "disputes:write": (
            "对结算单提出异议或确认",
            "Dispute lines of a statement, or agree to it",
        ),
        "webhooks:write": ("管理事件推送", "Manage webhook endpoints"),
    }
)

# What a member may let a partner have or do, one by one (domain.md 3.6).
KINDS: Final[Mapping[str, Words]] = MappingProxyType(
    {
        "validate": (
            "核对您的姓名与账户是否一致",
            "Check that your name matches your account",
        ),
        "balance.read": (
            "查看您的积分余额和明细，并把您在那里的余额告诉我们",
            "See your points balance and its entries, and tell us your balance there",
        ),
        "accrue": ("为您的消费记入积分", "Add points for what you buy there"),
        "exchange.out": (
            "把您的积分兑换成对方的积分或里程",
            "Turn your points into points or miles of theirs",
        ),
        "exchange.in": (
            "把对方的积分或里程兑换成您的积分",
            "Turn points or miles of theirs into your points",
        ),
        "churn.notify": (
            "在您离网时通知对方停止联名权益",
            "Tell them when you leave the network, so that joint benefits end",
        ),
    }
)

# What a consent opens of the API; telling of a leaving is done by us, and opens none.
_OPENS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "validate": "members:validate",
        "balance.read": "balances:read",
        "accrue": "accruals:write",
        "exchange.out": "exchanges:write",
        "exchange.in": "exchanges:write",
    }
)

# FAPI 2.0: a code is good for 60 seconds, a pushed request for less than 600.
ACCESS_TOKEN_SECONDS: Final = 300
CODE_SECONDS: Final = 60
PUSHED_SECONDS: Final = 540  # a member may have to sign in first
ASSERTION_SECONDS_MAX: Final = 3600  # how far ahead an assertion may expire
PROOF_SECONDS: Final = 60  # how long ago a proof may have been made
SKEW_SECONDS: Final = 10  # how far a stranger's clock may be off

SIGNING_KEY_DAYS: Final = 90
# A key that signs no more is published until what it signed has expired.
RETIRED_FOR: Final = timedelta(seconds=ACCESS_TOKEN_SECONDS + 2 * SKEW_SECONDS)

_NAME_CHARS_MAX: Final = 256
CLIENT_KEYS_MAX: Final = 5
_RSA_BITS_MIN: Final = 2048
_CURVES: Final = ("P-256", "Ed25519")


def opened_by(granted: Collection[str]) -> frozenset[str]:
    """Return the scopes of the API that the kinds a member granted open."""
    return frozenset(_OPENS[kind] for kind in granted if kind in _OPENS)


def unknown_scopes(scopes: Collection[str]) -> list[str]:
    """Return what is neither a scope of ours nor a kind of consent."""
    return sorted(set(scopes) - set(SCOPES) - set(KINDS))


def unsound_curve(curve: str | None) -> bool:
    """Whether keys on a curve are not taken."""
    return curve not in _CURVES


def too_short_rsa(bits: int) -> bool:
    """Whether an RSA key has too few bits to be relied on."""
    return bits < _RSA_BITS_MIN


def is_name(told: object) -> bool:
    """Whether a stranger's word can be the name of something: short, plain ASCII.

    What is not would be stopped by the database, or would only fill it.
    """
    return (
        isinstance(told, str)
        and 0 < len(told) <= _NAME_CHARS_MAX
        and told.isascii()
        and told.isprintable()
    )
