"""What an installation may set, read once from the environment."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self
from zoneinfo import ZoneInfo

TIME_ZONE_NAME = "Asia/Shanghai"
TIME_ZONE = ZoneInfo(TIME_ZONE_NAME)  # days of the programme begin and end here


def _default_data_dir() -> Path:
    """Return where the embedded database lives unless told otherwise.

    Root's home is closed to the system user that runs the server for root, so
    root's data goes where services keep theirs.
    """
    if os.geteuid() == 0:
        return Path("/var/lib/jifen")
    return Path.home() / ".local" / "share" / "jifen"


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of one installation."""

    # repr=False: what may carry passwords and keys, for reprs reach logs.
    database_url: str | None = field(default=None, repr=False)  # None: embedded
    owner_database_url: str | None = field(default=None, repr=False)  # None: the same
    data_dir: Path = field(default_factory=_default_data_dir)
    secret_key: str | None = field(default=None, repr=False)  # None: kept in data_dir
    messages: str = "console"  # or the path of a file, one JSON line per message
    stripe_key: str | None = field(default=None, repr=False)  # None: no card payments
    stripe_webhook_secret: str | None = field(default=None, repr=False)
    stripe_address: str | None = None  # None: Stripe's own
    partners: Path | None = None  # a file that says how to reach partners; None: none
    public_url: str | None = None  # None: as the browser calls us
    staff: str | None = None  # whose permissions commands ask; None: nobody's
    clock_days_back: str = "0"  # whole days that the programme lives in the past
    webhooks_to_loopback: bool = False  # for development: also without TLS

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] = os.environ) -> Self:
        """Read the settings; a variable that is empty counts as not set."""
        data_dir = environ.get("JIFEN_DATA_DIR")
        return cls(
            database_url=environ.get("JIFEN_DATABASE_URL") or None,
            owner_database_url=environ.get("JIFEN_OWNER_DATABASE_URL") or None,
            data_dir=(
                Path(data_dir).expanduser().absolute()
                if data_dir
                else _default_data_dir()
            ),
            secret_key=environ.get("JIFEN_SECRET_KEY") or None,
            messages=environ.get("JIFEN_MESSAGES") or "console",
            stripe_key=environ.get("JIFEN_STRIPE_KEY") or None,
            stripe_webhook_secret=environ.get("JIFEN_STRIPE_WEBHOOK_SECRET") or None,
            stripe_address=environ.get("JIFEN_STRIPE_ADDRESS") or None,
            partners=(
                Path(told).expanduser().absolute()
                if (told := environ.get("JIFEN_PARTNERS"))
                else None
            ),
            public_url=environ.get("JIFEN_PUBLIC_URL") or None,
            staff=environ.get("JIFEN_STAFF") or None,
            clock_days_back=environ.get("JIFEN_CLOCK_DAYS_BACK") or "0",
            webhooks_to_loopback=environ.get("JIFEN_WEBHOOKS_TO_LOOPBACK") == "1",
        )
