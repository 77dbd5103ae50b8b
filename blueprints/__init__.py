"""The faces on the web: they translate, and decide nothing."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from flask import current_app, g

from loyalty.connections import Connections
from loyalty.database import Database
from loyalty.keyring import Keyring
from loyalty.settings import Settings

EXTENSION = "jifen"


@dataclass(frozen=True, slots=True)
class Services:
    """What the faces work with."""

    database: Database
    settings: Settings
    keyring: Keyring
    connections: Connections


def services() -> Services:
    """Return what the application that answers this request works with."""
    found = current_app.extensions[EXTENSION]
    assert isinstance(found, Services)
    return found


def current_database() -> Database:
    """Return the database of the application that answers this request."""
    return services().database


def form_may_lead_to(address: str) -> None:
    """Let the forms of this page lead to another site, and to no third one.

    Browsers hold on to it also when our answer to a form sends them there.
    """
    parts = urlsplit(address)
    g.forms_lead_to = f" {parts.scheme}://{parts.netloc}"
