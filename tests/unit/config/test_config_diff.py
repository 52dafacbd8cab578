"""What differs between two configurations, told key by key, and never a secret."""

from pathlib import Path

import pytest
from config_folder import Folder, fake_endpoints, folder

from autopyfactory.config import Config, Snapshot, diff, diff_snapshots

__all__ = ["fake_endpoints", "folder"]

BASE = """
[factory]
id = "{factory_id}"
{factory}
[web]
{web}
[wms.w]
plugin = "remote"
token = "{token}"
[batch.b]
plugin = "cluster"
[profiles.base]
wms = "w"
batch = "b"
interval_s = {interval_s}
sched = [{sched}]
"""


def config(
    folder: Folder,
    *queues: str,
    factory_id: str = "test",
    factory: str = "",
    web: str = "",
    token: str = "hidden",
    interval_s: int = 120,
    sched: str = '"ready", {max_pending = {maximum = 5}}',
    password: str = "swordfish",
) -> Config:
    base = BASE.format(
        factory_id=factory_id, factory=factory, web=web, token=token, interval_s=interval_s, sched=sched
    )
    sections = "".join(f'[queues."{name}"]\nextends = "base"\n' for name in queues or ("Q",))
    environment = 'pilot.environment = {PASSWORD = {env = "PASSWORD"}}\n'
    return folder.load(sections + environment, {"PASSWORD": password}, base=base)


def test_a_configuration_does_not_differ_from_itself(folder: Folder) -> None:
    assert not diff(config(folder), config(folder))


def test_sections_that_come_and_go(folder: Folder) -> None:
    found = diff(config(folder, "Q", "old:9619"), config(folder, "Q", "new"))
    assert (found.added, found.removed) == (("queues.new",), ('queues."old:9619"',))
    assert found.lines()[:2] == ["+ queues.new", '- queues."old:9619"']


@pytest.mark.parametrize(
    ("changes", "lines"),
    [
        ({"interval_s": 60}, ["~ queues.Q.interval_s: 120.0 → 60.0"]),
        (
            {"sched": '"ready", {max_pending = {maximum = 6}}'},
            ["~ queues.Q.sched[1].max_pending.maximum: 5 → 6"],
        ),
        ({"factory": 'reload = "watch"'}, ['~ factory.reload: "signal" → "watch"']),
        ({"factory": "max_per_factory = 7"}, ["~ factory.max_per_factory: none → 7"]),
        ({"token": "another"}, ["~ wms.w.token: another secret"]),
        ({"password": "sesame"}, ["~ queues.Q.pilot.environment.PASSWORD: another secret"]),
    ],
)
def test_settings_that_differ(folder: Folder, changes: dict[str, str], lines: list[str]) -> None:
    assert diff(config(folder), config(folder, **changes)).lines() == lines  # type: ignore[arg-type]


def test_a_chain_with_other_rules_is_shown_whole(folder: Folder) -> None:
    (line,) = diff(config(folder), config(folder, sched='"null"')).lines()
    assert line.startswith('~ queues.Q.sched: [{"ready": ')
    assert line.endswith('→ [{"null": {}}]')


@pytest.mark.parametrize(
    ("changes", "keys"),
    [
        ({"factory_id": "another"}, ("factory.id",)),
        ({"factory": 'store = "sqlite:///other.db"'}, ("factory.store",)),
        ({"factory": 'state_dir = "elsewhere"'}, ("factory.state_dir",)),
        ({"web": "port = 1234"}, ()),
        ({"web": "enabled = true"}, ("web.enabled",)),
        ({"web": "enabled = true", "factory": 'log_dir = "l"'}, ("factory.log_dir", "web.enabled")),
        ({"interval_s": 60, "factory": 'log_dir = "l"'}, ()),
    ],
)
def test_what_needs_a_restart(folder: Folder, changes: dict[str, str], keys: tuple[str, ...]) -> None:
    found = diff(config(folder), config(folder, **changes))  # type: ignore[arg-type]
    assert found.needs_restart == keys
    assert found


def test_no_secret_is_in_what_is_shown_or_kept(folder: Folder) -> None:
    old, new = config(folder), config(folder, token="other-hidden", password="open sesame")
    told = [*diff(old, new).lines(), str(diff(old, new).document()), str(Snapshot.of(old, "k").document())]
    assert not [text for text in told for secret in ("hidden", "swordfish", "sesame") if secret in text]


def test_snapshots_that_were_kept_tell_secrets_apart(folder: Folder) -> None:
    kept = Snapshot.read(Snapshot.of(config(folder), "key").document())
    assert not diff_snapshots(kept, Snapshot.of(config(folder), kept.key))
    found = diff_snapshots(kept, Snapshot.of(config(folder, token="another"), kept.key))
    assert [change.key for change in found.changed] == ["wms.w.token"]
    assert found.document()["changed"][0]["secret"]


def test_from_which_file_it_was_read_is_no_difference(folder: Folder) -> None:
    old = config(folder)
    Path("apf.toml").rename("elsewhere.toml")
    assert not diff(old, config(folder))
