"""Nothing is sent to inner networks, whatever an address pretends to be."""

import socket
from contextlib import contextmanager

import pytest

from partners import webhooks
from partners.webhooks import BadAddress, place_of, send


@contextmanager
def silent_server():
    """A server that takes calls and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}/"


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "0.0.0.0",  # noqa: S104 - nothing is bound to it
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "224.0.0.1",
        "255.255.255.255",
        "[::1]",
        "[::]",
        "[fe80::1]",
        "[fc00::1]",
        "[::ffff:127.0.0.1]",
        "[64:ff9b::a00:1]",
        "[2002:a00:1::]",
        "[ff02::1]",
    ],
)
def test_inner_addresses_are_refused(host):
    with pytest.raises(BadAddress, match="public"):
        place_of(f"https://{host}/")


@pytest.mark.parametrize("host", ["2130706433", "0x7f.1", "127.1", "localhost"])
def test_a_name_is_asked_what_it_means_before_it_is_called(host):
    sent = send(f"https://{host}/", b"{}", {})

    assert sent.status is None
    assert sent.fault in {"refused: its address is not a public one", "gaierror"}


def test_public_addresses_are_taken():
    assert place_of("https://8.8.8.8:8443/a?b=c").path == "/a?b=c"
    assert place_of("https://points.bank.example").port == 443


def test_loopback_is_called_where_development_allows_it_and_nothing_else_is():
    assert place_of("http://127.0.0.1:8080/", loopback=True).port == 8080
    with pytest.raises(BadAddress):
        place_of("http://10.0.0.1/", loopback=True)


def test_a_server_that_never_answers_is_hung_up_on(monkeypatch):
    monkeypatch.setattr(webhooks, "ANSWER_SECONDS", 0.2)
    with silent_server() as url:
        sent = send(url, b"{}", {}, loopback=True)

    assert sent.status is None
    assert sent.fault is not None
