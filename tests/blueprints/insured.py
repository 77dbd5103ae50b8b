"""The site with an insurer that can be asked, and a wish for its cover."""

from loyalty.app import create_app
from loyalty.connections import Connections
from loyalty.settings import Settings
from partners.adapters.insurer import Insurer, InsurerSettings
from partners.sandbox.twins import BillingTwin
from tests.partners.benches import connection

INSURED = {
    "insured_name": "王芳",
    "insured_id": "440106198001011230",
    "consent": "on",
    "msisdn": "13300000001",
}
TOO_OLD = INSURED | {"insured_id": "440106192001011233"}


def site(database, telephone, sandbox):
    """The site, with the insurer over HTTP."""
    insurer = Insurer(InsurerSettings(**connection(sandbox)))
    return create_app(
        database,
        settings=Settings(secret_key="a secret of the tests, and of nobody else"),
        connections=Connections(
            messenger=telephone,
            insurer=insurer,
            billing=BillingTwin(),
            payments=None,
            underwriters={"PINGAN": insurer},
        ),
    )
