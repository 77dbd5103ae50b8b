"""What README promises to name, it names."""

import dataclasses
import inspect
import re
import tomllib
from collections.abc import Iterator
from importlib.metadata import EntryPoint
from pathlib import Path

import click
import pytest

from loyalty import settings
from loyalty.cli import jifen
from loyalty.clients.rules import KINDS, SCOPES
from loyalty.feeds.formats import FEEDS
from loyalty.jobs.schedule import SCHEDULE
from partners.registry import GROUP, Registry

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
ADAPTERS: dict[str, str] = tomllib.loads(
    (ROOT / "pyproject.toml").read_text(encoding="utf-8")
)["project"]["entry-points"][GROUP]
SETTINGS = sorted(set(re.findall(r"JIFEN_[A-Z_]+", inspect.getsource(settings))))


def commands(command: click.Command, name: str = "jifen") -> Iterator[str]:
    if not isinstance(command, click.Group):
        yield name
        return
    for part, below in sorted(command.commands.items()):
        yield from commands(below, f"{name} {part}")


@pytest.mark.parametrize("command", list(commands(jifen)))
def test_every_command_is_named(command):
    assert re.search(rf"`{re.escape(command)}[ `]", README)


def test_every_setting_is_named():
    assert "JIFEN_DATA_DIR" in SETTINGS
    for setting in SETTINGS:
        assert f"| `{setting}` |" in README


def test_no_setting_is_read_elsewhere():
    found = {
        name
        for package in ("loyalty", "blueprints", "ledger", "partners", "migrations")
        for path in (ROOT / package).rglob("*.py")
        for name in re.findall(r"JIFEN_[A-Z_]+", path.read_text(encoding="utf-8"))
    }

    assert found <= set(SETTINGS)


@pytest.mark.parametrize("scope", [*SCOPES, *KINDS])
def test_every_scope_is_named(scope):
    assert f"`{scope}`" in README


@pytest.mark.parametrize("name", [*FEEDS, *(job.name for job in SCHEDULE)])
def test_every_feed_and_job_is_named(name):
    assert f"`{name}`" in README


@pytest.mark.parametrize("name", sorted(ADAPTERS))
def test_every_adapter_and_its_settings_are_named(name):
    (plugin,) = Registry.of([EntryPoint(name, ADAPTERS[name], GROUP)]).plugins.values()

    assert f"| `{name}` |" in README
    for field in dataclasses.fields(plugin.settings):
        assert f"`{field.name}`" in README
