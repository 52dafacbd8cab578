"""``[wms.NAME]`` and ``[batch.NAME]``."""

import pytest
from config_folder import BASE, Cluster, Folder, Remote

from autopyfactory.config import BatchEndpointSettings


def test_common_settings_and_the_plugin_s_own(folder: Folder) -> None:
    config = folder.load(
        """
        [wms.v]
        plugin = "remote"
        interval_s = 10
        retries = 1
        ca_file = "ca.pem"
        [batch.c]
        plugin = "cluster"
        max_age_s = 50
        max_pilots = 100
        options = {partition = "short"}
        """
    )
    v, c = config.wms["v"], config.batch["c"]
    assert (v.name, v.plugin, v.common.interval_s, v.common.stale_s) == ("v", Remote, 10, 30)
    assert v.settings.model_dump()["ca_file"] == folder.path / "ca.pem"
    assert (c.name, c.plugin, c.common.stale_s, c.common.max_pilots) == ("c", Cluster, 50, 100)
    assert c.settings.model_dump() == {"scratch": folder.path / "scratch", "options": {"partition": "short"}}
    assert isinstance(c.common, BatchEndpointSettings)


def test_a_key_that_both_declare_goes_to_both(folder: Folder) -> None:
    for line, own, common in [("", 30, 300), ("timeout_s = 7", 7, 7)]:
        endpoint = folder.load(f'[wms.v]\nplugin = "remote"\n{line}').wms["v"]
        assert (endpoint.settings.model_dump()["timeout_s"], endpoint.common.timeout_s) == (own, common)


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ('plugin = "remot"', ['.plugin]: no wms plugin is called "remot"; did you mean "remote"?']),
        ('plugin = "zebra"', ['.plugin]: no wms plugin is called "zebra"; installed: remote']),
        (
            'plugin = "broken"',
            [".plugin]: wms plugin 'broken' of some-package declares no settings model; repair or remove"],
        ),
        ("", [".plugin]: is missing; Name of the plugin"]),
        ("plugin = 3", [".plugin]: expected a string, got 3"]),
        ('plugin = "remote"\ntimeout_s = "x"', ['.timeout_s]: expected a number, got "x"']),
        ('plugin = "remote"\nintervall_s = 3', ['.intervall_s]: unknown key; did you mean "interval_s"?']),
        ('plugin = "remote"\nretrys = 3', ['.retrys]: unknown key; did you mean "retries"?']),
        (
            'plugin = "remote"\nmax_pilots = 3',
            [".max_pilots]: unknown key; known here: ca_file, interval_s,"],
        ),
        (
            'plugin = "remote"\ninterval_s = 0\nretries = -1',
            [".interval_s]: expected more than 0, got 0", ".retries]: expected at least 0, got -1"],
        ),
    ],
)
def test_what_can_be_wrong_with_an_endpoint(folder: Folder, lines: str, expected: list[str]) -> None:
    found = folder.problems(f"[wms.v]\n{lines}")
    assert len(found) == len(expected)
    for problem, start in zip(found, expected, strict=True):
        assert problem.startswith("[wms.v" + start)


def test_a_queue_may_name_an_endpoint_that_is_wrong(folder: Folder) -> None:
    """It is there, so the queue is right."""
    assert folder.problems('[queues.Q]\nextends = "base"', base=BASE.replace("cluster", "clutser")) == [
        '[batch.b.plugin]: no batch plugin is called "clutser"; did you mean "cluster"?'
    ]
