"""The pages of finance and service staff."""

from flask import Blueprint

bp = Blueprint(
    "console",
    __name__,
    url_prefix="/console",
    template_folder="templates",
    static_folder="static",
    static_url_path="/static",
)

# The views import `bp` from here, so they come last.
from blueprints.console import (  # noqa: E402
    adjusting,  # noqa: F401
    adjustment_limits,  # noqa: F401
    adjustments,  # noqa: F401
    approvals,  # noqa: F401
    benefits,  # noqa: F401
    breaks,  # noqa: F401
    catalogue,  # noqa: F401
    charges,  # noqa: F401
    clients,  # noqa: F401
    clubs,  # noqa: F401
    coalitions,  # noqa: F401
    contests,  # noqa: F401
    counter,  # noqa: F401
    disputes,  # noqa: F401
    erasures,  # noqa: F401
    estimate_terms,  # noqa: F401
    estimates,  # noqa: F401
    exchanges,  # noqa: F401
    foretelling,  # noqa: F401
    fulfilment,  # noqa: F401
    grants,  # noqa: F401
    home,  # noqa: F401
    journal,  # noqa: F401
    leaving_policy,  # noqa: F401
    leavings,  # noqa: F401
    matching,  # noqa: F401
    months,  # noqa: F401
    payouts,  # noqa: F401
    people,  # noqa: F401
    places,  # noqa: F401
    posting,  # noqa: F401
    prepaid,  # noqa: F401
    rates,  # noqa: F401
    reports,  # noqa: F401
    settlement_calendar,  # noqa: F401
    settlements,  # noqa: F401
    settling_breaks,  # noqa: F401
    showing,  # noqa: F401
    signing_in,  # noqa: F401
    statements,  # noqa: F401
    suspense,  # noqa: F401
    tiers,  # noqa: F401
    trail,  # noqa: F401
    triangles,  # noqa: F401
    vouchers,  # noqa: F401
    yearly,  # noqa: F401
)
