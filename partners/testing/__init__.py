"""The contract an adapter must keep, as tests that anybody may run on his own.

    from partners.testing import Bench, OrderContract


    class TestCredits(OrderContract):
        @pytest.fixture
        def bench(self):
            return Bench(...)  # an adapter of yours, and its partner under control

They need pytest, and a partner that can be made unruly: a sandbox over HTTP, not a
mock, for what is tried is what happens when an answer does not come.
"""

from partners.testing.airline import AirlineBench, AirlineContract
from partners.testing.balances import BalanceBench, BalanceContract
from partners.testing.bank import BankContract
from partners.testing.billing import BillingContract
from partners.testing.files import FilesBench, FilesContract
from partners.testing.network import EventBench, EventContract
from partners.testing.notices import NoticeBench, NoticeContract
from partners.testing.orders import Bench, OrderContract, Plan
from partners.testing.pages import PagesBench

__all__ = [
    "AirlineBench",
    "AirlineContract",
    "BalanceBench",
    "BalanceContract",
    "BankContract",
    "Bench",
    "BillingContract",
    "EventBench",
    "EventContract",
    "FilesBench",
    "FilesContract",
    "NoticeBench",
    "NoticeContract",
    "OrderContract",
    "PagesBench",
    "Plan",
]
