"""What must hold of a partner's file, and what lies where files are put."""

import asyncio
import hashlib
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import EntryPoint

import asyncssh
import pytest

from partners.adapters.folder import FolderSettings
from partners.adapters.sftp import SftpSettings, open_sftp
from partners.drops import Drop
from partners.files import (
    Agreement,
    Fault,
    FileRefused,
    Status,
    Verdict,
    audit,
    make_keys,
    sign,
    verify,
    write,
)
from partners.ports import Outcome
from partners.registry import GROUP, Registry, SettingsRefused
from partners.sandbox.files_server import FilesSandbox
from partners.sandbox.manners import Manner
from partners.testing import FilesBench, FilesContract

ADAPTERS = Registry.of(
    EntryPoint(name, f"partners.adapters.{name}:PLUGIN", GROUP)
    for name in ("folder", "sftp")
)
AT = "2007-12-10T02:00:00+08:00"
THREE = [
    (f"T-{number}", "6226-1", "card", "2007-12-09", f"{number}00.00", "CNY", "", "")
    for number in (1, 2, 3)
]
NAME = "CEBA0001.csv"


@pytest.fixture
def sandbox():
    with FilesSandbox(code="CEB", provider="CEBA") as sandbox:
        yield sandbox


@pytest.fixture(params=["folder", "sftp"])
def adapter(request):
    return request.param


@pytest.fixture
def exchange(adapter, sandbox):
    return exchange_at(adapter, sandbox)


def exchange_at(adapter, sandbox):
    """Open an adapter for the place of a sandbox."""
    told = {
        "folder": sandbox.signing | {"folder": str(sandbox.root)},
        "sftp": sandbox.settings,
    }
    exchange = ADAPTERS.open(adapter, told[adapter])
    assert isinstance(exchange, Drop)
    return exchange


@pytest.fixture
def gone(adapter):
    """The same kind of place, which was there once."""
    with FilesSandbox(code="CEB", provider="CEBA") as sandbox:
        return exchange_at(adapter, sandbox)


@pytest.fixture(scope="module")
def signed():
    """Sign a file as the partner; return what it says, or why it is refused."""
    theirs, public = make_keys()
    ours, _ = make_keys()
    agreement = Agreement("CEB", "CEBA", public, ours)

    def check(content, *, name=NAME, signature=None):
        try:
            return verify(
                name,
                content,
                sign(content, key=theirs) if signature is None else signature,
                agreement=agreement,
            )
        except FileRefused as error:
            return error.fault

    return check


def test_a_file_that_adds_up_is_read(signed):
    found = signed(write("CEBA", 1, THREE, created_at=AT))

    assert (found.sequence, found.total_fen, found.records) == (1, 600_00, (*THREE,))


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        (b"3,600.00", b"3,700.00", Fault.TOTAL_MISMATCH),
        (b"+08:00,3,600.00", b"+08:00,3,700.00", Fault.TOTAL_MISMATCH),
        (b"TT,3,600.00", b"TT,3,600", Fault.TOTAL_MISMATCH),
        (b"3,600.00", b"4,600.00", Fault.COUNT_MISMATCH),
        (b"TT,3,", b"TT,2,", Fault.COUNT_MISMATCH),
        (b"TT,3,600.00\n", b"", Fault.FILE_SHORT),
        (b"TH,CEBA", b"TH,SHOP", Fault.LAYOUT_WRONG),
        (b",0001,", b",0002,", Fault.LAYOUT_WRONG),
        (b"TD,T-2", b"TX,T-2", Fault.LAYOUT_WRONG),
        (b"T-2,", b"T-2,,", Fault.LAYOUT_WRONG),
        (b"T-2", b"\xff", Fault.LAYOUT_WRONG),
        (b"T-2", b"\0", Fault.LAYOUT_WRONG),
    ],
)
def test_a_file_that_does_not_add_up_is_refused_whole(signed, old, new, fault):
    content = write("CEBA", 1, THREE, created_at=AT)
    assert old in content

    assert signed(content.replace(old, new)) is fault


def test_nothing_is_read_before_the_signature_holds(signed):
    assert signed(b"", signature="") is Fault.SIGNATURE_WRONG
    assert signed(b"", signature="ä") is Fault.SIGNATURE_WRONG
    assert signed(b"TH", signature="A" * 88) is Fault.SIGNATURE_WRONG
    assert signed(b"") is Fault.LAYOUT_WRONG


@pytest.mark.parametrize(
    "name", ["CEBB0001.csv", "CEBA0000.csv", "CEBA001.csv", "CEBA0001.CSV", "x"]
)
def test_a_name_is_the_providers_four_characters_and_four_digits(signed, name):
    content = write("CEBA", 1, THREE, created_at=AT)

    assert signed(content, name=name) is Fault.NAME_WRONG


def test_an_audit_file_says_what_became_of_each_record(signed):
    file = signed(write("CEBA", 1, THREE, created_at=AT))
    verdicts = [
        Verdict(Status.ACCEPTED),
        Verdict(Status.REFUSED, "unknown_account"),
        Verdict(Status.WARNED, "already_booked"),
    ]

    assert audit(file, verdicts).decode().splitlines() == [
        f"TH,CEBA,0001,{AT},TAKEN,2,400.00,1,200.00",
        "TD,T-1,6226-1,card,2007-12-09,100.00,CNY,,,A,",
        "TD,T-2,6226-1,card,2007-12-09,200.00,CNY,,,E,unknown_account",
        "TD,T-3,6226-1,card,2007-12-09,300.00,CNY,,,W,already_booked",
        "TT,2,400.00,1,200.00",
    ]


def test_whoever_asks_may_run_a_loop_of_their_own(sandbox, exchange):
    name = sandbox.bring(THREE, Manner.GOOD)

    async def ask():
        return exchange.waiting()  # blocks, as it says; and works all the same

    # In a thread, for a browser's driver may have a loop in this one.
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(lambda: asyncio.run(ask())).result()

    assert waiting.names == (name,)


class TestPlaces(FilesContract):
    @pytest.fixture
    def bench(self, sandbox, exchange, gone):
        return FilesBench(
            exchange=exchange,
            nobody=gone,
            bring=lambda: sandbox.bring(THREE),
            bring_late=lambda: sandbox.bring(THREE, Manner.LATE),
            finish=sandbox.finish,
            brought=lambda name: (sandbox.root / "in" / name).read_bytes(),
            found=lambda name: found(sandbox.root / "out" / name),
        )


def found(path):
    signature = path.with_name(f"{path.name}.sig")
    if not path.exists() or not signature.exists():
        return None
    return path.read_bytes(), signature.read_text()


def test_the_archive_keeps_each_file_under_its_hash(sandbox, exchange):
    name = sandbox.bring(THREE)
    content = exchange.fetch(name).content
    digest = hashlib.sha256(content).hexdigest()

    exchange.archive(name, sha256=digest)

    kept = sandbox.root / "archive" / f"CEBA0001.{digest}.csv"
    assert kept.read_bytes() == content


def test_another_host_key_is_not_spoken_with(sandbox):
    other = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode()
    exchange = open_sftp(SftpSettings(**sandbox.settings | {"host_key": other}))

    found = exchange.waiting()

    assert found.outcome is Outcome.UNKNOWN
    assert found.reason == "the server is not who it must be"


def test_another_user_key_is_not_let_in(sandbox):
    other = asyncssh.generate_private_key("ssh-ed25519").export_private_key().decode()
    exchange = open_sftp(SftpSettings(**sandbox.settings | {"user_key": other}))

    assert exchange.put("A.csv", b"", "").outcome is Outcome.UNKNOWN
    assert exchange.waiting().reason == "the server does not let us in"


def test_nobody_waits_longer_than_agreed(sandbox):
    told = sandbox.settings | {"total_seconds": 0.001}

    assert open_sftp(SftpSettings(**told)).waiting().outcome is Outcome.UNKNOWN


@pytest.mark.parametrize(
    ("told", "problem"),
    [
        ({"provider": "CEB"}, "four capital letters"),
        ({"their_key": "AAAA"}, "their_key is not 32 bytes"),
        ({"our_key": "SECRET"}, "our_key is not 32 bytes"),
        ({"user_key": "SECRET"}, "user_key is no private key"),
        ({"host_key": "ssh-ed25519 x"}, "host_key is no public key"),
        ({"port": 0}, "port is none"),
    ],
)
def test_settings_that_cannot_work_are_refused_and_not_repeated(sandbox, told, problem):
    with pytest.raises(SettingsRefused, match=problem) as refused:
        ADAPTERS.open("sftp", sandbox.settings | told)

    assert "SECRET" not in str(refused.value)
    assert sandbox.settings["our_key"] not in repr(SftpSettings(**sandbox.settings))


def test_a_folder_is_an_absolute_path(sandbox):
    with pytest.raises(ValueError, match="absolute"):
        FolderSettings(**sandbox.signing, folder="files")
