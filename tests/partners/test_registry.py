"""Adapters are found where packages declare them; a bad one spoils nothing."""

import sys
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint

import pytest

from partners.adapters import airline
from partners.adapters.airline import Airline
from partners.registry import (
    GROUP,
    Kind,
    Plugin,
    Registry,
    SettingsRefused,
    UnknownAdapter,
    read_settings,
)

MU = {
    "adapter": "airline",
    "address": "https://miles.example",
    "secret": "0123456789abcdef",
}


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Put a package of somebody else's where Python finds it."""

    def install(points: str, module: str, source: str) -> None:
        (tmp_path / f"{module}.py").write_text(source, encoding="utf-8")
        info = tmp_path / f"{module}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {module}\nVersion: 1.0\n", encoding="utf-8"
        )
        (info / "entry_points.txt").write_text(
            f"[{GROUP}]\n{points}\n", encoding="utf-8"
        )
        monkeypatch.syspath_prepend(str(tmp_path))

    yield install
    for path in tmp_path.glob("*.py"):
        sys.modules.pop(path.stem, None)


def registry(*points: tuple[str, str]) -> Registry:
    return Registry.of(EntryPoint(name, value, GROUP) for name, value in points)


@pytest.fixture
def ours():
    return registry(("airline", "partners.adapters.airline:PLUGIN"))


SKYWAYS = """
from dataclasses import dataclass
from partners.registry import Kind, Plugin
from partners.ports import Outcome, Receipt

@dataclass(frozen=True)
class Settings:
    code: str
    desk: int

class Skyways:
    def __init__(self, settings):
        self.desk = settings.desk
    def validate_member(self, member):
        return Receipt(Outcome.CONFIRMED)
    credit = debit = reverse = look_up = validate_member

PLUGIN = Plugin(Kind.AIRLINE, Settings, Skyways)
"""


def test_a_package_of_somebody_else_is_found(install):
    install("skyways = skyways_of_test:PLUGIN", "skyways_of_test", SKYWAYS)

    found = Registry.discover()
    adapter = found.open("skyways", {"code": "SK", "desk": 7})

    assert found.plugins["skyways"].kind is Kind.AIRLINE
    assert getattr(adapter, "desk", None) == 7


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("raise RuntimeError('no licence')", "no licence"),
        ("PLUGIN = 3", "no Plugin"),
        ("raise SystemExit('not today')", "not today"),
        ("import nothing_of_that_name", "nothing_of_that_name"),
        ("OTHER = 3", "PLUGIN"),
    ],
)
def test_a_bad_package_is_reported_and_spoils_nothing(install, source, reason):
    install(
        "bad = bad_of_test:PLUGIN\nour-airline = partners.adapters.airline:PLUGIN",
        "bad_of_test",
        source,
    )

    found = Registry.discover()

    (trouble,) = [trouble for trouble in found.troubles if trouble.name == "bad"]
    assert reason in trouble.reason
    assert "bad" not in found.plugins
    assert found.plugins["our-airline"] is airline.PLUGIN


def test_of_two_with_one_name_neither_is_taken():
    found = registry(
        ("airline", "partners.adapters.airline:PLUGIN"), ("airline", "other:PLUGIN")
    )

    assert found.plugins == {}
    assert [trouble.name for trouble in found.troubles] == ["airline"]


def test_partners_get_their_adapters_and_whoever_has_none_is_reported(ours):
    adapters, troubles = ours.open_all(
        {
            "MU": MU,
            "CZ": {"adapter": "zeppelin"},
            "HU": {**MU, "secret": "short", "adress": "x"},
        }
    )

    assert isinstance(adapters["MU"], Airline)
    assert set(adapters) == {"MU"}
    assert [trouble.name for trouble in troubles] == ["CZ", "HU"]
    assert "zeppelin" in troubles[0].reason
    assert "adress" in troubles[1].reason


def test_an_adapter_that_nobody_has_is_unknown(ours):
    with pytest.raises(UnknownAdapter):
        ours.open("zeppelin", {})


def test_an_adapter_that_cannot_be_asked_is_refused():
    @dataclass(frozen=True)
    class Settings:
        code: str

    mute = Registry({"mute": Plugin(Kind.AIRLINE, Settings, lambda _: object())})

    with pytest.raises(SettingsRefused, match="credit, debit, look_up, reverse"):
        mute.open("mute", {"code": "MU"})


def test_settings_that_fail_of_themselves_are_reported(ours):
    def fail(_: object) -> object:
        raise ZeroDivisionError

    @dataclass(frozen=True)
    class Riddle:
        code: "Nobody"  # type: ignore[name-defined]  # noqa: F821 - so it is

    plugins = {
        **ours.plugins,
        "riddle": Plugin(Kind.AIRLINE, Riddle, fail),
        "fails": Plugin(Kind.AIRLINE, airline.AirlineSettings, fail),
    }

    adapters, troubles = Registry(plugins).open_all(
        {
            "R": {"adapter": "riddle"},
            "F": {**MU, "adapter": "fails"},
            "MU": MU,
        }
    )

    assert set(adapters) == {"MU"}
    assert [trouble.name for trouble in troubles] == ["R", "F"]


@dataclass(frozen=True)
class Told:
    code: str
    seconds: float = 1.0
    tries: int = 1
    is_on: bool = False
    note: str | None = None
    secret: str = field(default="", repr=False)

    def __post_init__(self) -> None:
        if self.seconds <= 0:
            raise ValueError("seconds are above zero")


def test_settings_are_read_with_their_types():
    told = {"code": "MU", "seconds": 2, "is_on": True, "note": "x"}

    found = read_settings("it", Told, told)

    assert found == Told("MU", seconds=2.0, is_on=True, note="x")


@pytest.mark.parametrize(
    ("told", "problem"),
    [
        ({}, "code is missing"),
        ({"code": 7}, "code is no str"),
        ({"code": "MU", "tries": True}, "tries is no int"),
        ({"code": "MU", "tries": 1.5}, "tries is no int"),
        ({"code": "MU", "is_on": 1}, "is_on is no bool"),
        ({"code": "MU", "other": 1}, "unknown setting other"),
        ({"code": "MU", "seconds": 0}, "seconds are above zero"),
    ],
)
def test_settings_that_do_not_fit_are_refused_in_words(told, problem):
    with pytest.raises(SettingsRefused, match=problem):
        read_settings("it", Told, told)


def test_all_problems_are_told_and_no_secret():
    with pytest.raises(SettingsRefused) as refused:
        read_settings("it", Told, {"secret": 12345, "seconds": "hunter2"})

    assert len(refused.value.problems) == 3
    assert "12345" not in str(refused.value)
    assert "hunter2" not in str(refused.value)


def test_secrets_do_not_show():
    settings = read_settings(
        "airline",
        airline.AirlineSettings,
        {"code": "MU", **{k: v for k, v in MU.items() if k != "adapter"}},
    )

    assert MU["secret"] not in repr(settings)
