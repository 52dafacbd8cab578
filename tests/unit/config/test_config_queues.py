"""Queues: their chains, their settings, and what is wrong with them."""

from pathlib import Path

import pytest
from config_folder import BASE, Folder

from autopyfactory.api import ConfigError
from autopyfactory.config import load_chains
from autopyfactory.model import QueueName, SiteStatus


@pytest.mark.parametrize("spelling", ["max_per_cycle", "maxpercycle", "MaxPerCycle", "max-per-cycle"])
def test_rules_are_kept_under_the_name_that_they_are_registered_by(folder: Folder, spelling: str) -> None:
    (first, second) = folder.queue(f"sched = ['Ready', {{{spelling} = {{maximum = 5}}}}]").chain
    assert (first.name, second.name) == ("ready", "max_per_cycle")
    assert second.rule.model_dump()["maximum"] == 5


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (
            'sched = ["ready", {scael = {factor = 1}}]',
            '[queues.Q.sched[1]]: no rule is called "scael"; did you mean "scale"?',
        ),
        (
            'sched = ["ready", {max_per_cycle = {maximum = "ten"}}]',
            '[queues.Q.sched[1].max_per_cycle.maximum]: expected an integer, got "ten"',
        ),
        (
            "sched = [{MaxPerCycle = {maximum = -1}}]",
            "[queues.Q.sched[0].MaxPerCycle.maximum]: expected at least 0, got -1",
        ),
        (
            "sched = [{max_per_cycle = {maximum = 1, maximun = 1}}]",
            '[queues.Q.sched[0].max_per_cycle.maximun]: unknown key; did you mean "maximum"?',
        ),
        ("sched = [{ready = 3}]", "[queues.Q.sched[0].ready]: expected a table, got 3"),
        ("sched = [3]", "[queues.Q.sched[0]]: expected a rule, got 3"),
        (
            "sched = [{ready = {}, scale = {}}]",
            "[queues.Q.sched[0]]: expected one rule, got a table with 2 keys",
        ),
        ("sched = []", "[queues.Q.sched]: expected at least one rule, got an empty list"),
        ('sched = "ready, scale"', '[queues.Q.sched]: expected a list of rules, got "ready, scale"'),
        (
            'status = "onlin"',
            '[queues.Q.status]: expected "online", "test" or "offline", got "onlin"; did you mean "online"?',
        ),
        ("enabled = 1", "[queues.Q.enabled]: expected true or false, got 1"),
        ('batch = "c"', "[queues.Q.batch]: there is no [batch.c]; add [batch.c]"),
        ("pilot = 3", "[queues.Q.pilot]: expected a table, got 3"),
        ("pilot = {cores = 1.0}", "[queues.Q.pilot.cores]: expected an integer, got 1.0"),
        ('pilot = {memory_mb = "1"}', '[queues.Q.pilot.memory_mb]: expected an integer, got "1"'),
        ("pilot = {arguments = 3}", "[queues.Q.pilot.arguments]: expected a string or a list, got 3"),
        ('pilot = {arguments = ["a", 3]}', "[queues.Q.pilot.arguments[1]]: expected a string, got 3"),
        ("pilot = {environment = {A = 1}}", "[queues.Q.pilot.environment.A]: expected a string, got 1"),
        ("pilot = {gpu = 1}", '[queues.Q.pilot.gpu]: unknown key; did you mean "gpus"?'),
        ("schedd = 3", '[queues.Q.schedd]: unknown key; did you mean "sched"?'),
    ],
)
def test_what_can_be_wrong_with_a_queue(folder: Folder, line: str, expected: str) -> None:
    found = folder.problem(f'[queues.Q]\nextends = "base"\n{line}')
    assert found.startswith(expected)


def test_a_queue_needs_a_chain_a_wms_and_a_batch_system(folder: Folder) -> None:
    chain, wms, batch = folder.problems("[queues.Q]")
    assert chain.startswith('[queues.Q.sched]: is missing; for example sched = ["ready", ')
    assert wms == "[queues.Q.wms]: is missing; NAME of the [wms.NAME] whose work it serves"
    assert batch == "[queues.Q.batch]: is missing; NAME of the [batch.NAME] that its pilots go to"


def test_one_bad_queue_does_not_hide_another(folder: Folder) -> None:
    found = folder.problems(
        '[queues.A]\nextends = "base"\nenabled = 0\n[queues.B]\nextends = "base"\nstatus = ""'
    )
    assert [line.split(":")[0] for line in found] == ["[queues.A.enabled]", "[queues.B.status]"]


def test_a_wrong_key_of_a_queue_does_not_hide_what_is_wrong_with_its_pilot(folder: Folder) -> None:
    text = """
        [queues.A]
        extends = "base"
        interval_s = 0
        pilot = {cores = 0, executable = "none.sh", arguments = "{quue}"}
        """
    assert folder.problems(text) == [
        "[queues.A.interval_s]: expected more than 0, got 0",
        "[queues.A.pilot.cores]: expected at least 1, got 0",
        f"[queues.A.pilot.executable]: cannot read {folder.path}/none.sh: No such file or directory",
        '[queues.A.pilot.arguments]: unknown placeholder {quue}; did you mean "queue"?',
    ]


def test_quirks_reach_every_rule_that_has_them_and_no_other(folder: Folder) -> None:
    sched = (
        "sched = ['ready', {max_pending = {maximum = 5}}, {max_pending = {maximum = 5, apf2_quirks = false}}]"
    )
    dumps = [step.rule.model_dump() for step in folder.queue(f"apf2_quirks = true\n{sched}").chain]
    assert [dump.get("apf2_quirks") for dump in dumps] == [None, True, False]
    plain = [step.rule.model_dump() for step in folder.queue(sched).chain]
    assert [dump.get("apf2_quirks") for dump in plain] == [None, False, False]


@pytest.mark.parametrize(("own", "cap"), [("", 7), ("maximum = 3", 3)])
def test_the_factory_s_cap_is_the_default_of_its_rule(folder: Folder, own: str, cap: int) -> None:
    text = f'[queues.Q]\nextends = "base"\nsched = [{{max_per_factory = {{{own}}}}}]'
    config = folder.load(text, base=BASE.replace('id = "test"', 'id = "test"\nmax_per_factory = 7'))
    (step,) = config.queues[QueueName("Q")].chain
    assert step.rule.model_dump()["maximum"] == cap


def test_a_queue_has_its_own_name_in_the_wms_unless_told(folder: Folder) -> None:
    assert folder.queue("").wms_queue == "Q"
    assert folder.queue('wms_queue = "site"').wms_queue == "site"
    assert folder.queue('status = "offline"').status_override is SiteStatus.OFFLINE
    assert folder.queue("").status_override is None


def chains(folder: Folder, text: str) -> dict[str, list[str]]:
    found = load_chains([folder.write("chains.toml", text)], {})
    return {name: [step.name for step in chain] for name, chain in found.items()}


def test_chains_need_nothing_but_queues(folder: Folder) -> None:
    assert chains(folder, '[queues.Q]\nsched = ["ready", {scale = {factor = 0.5}}]') == {
        "Q": ["ready", "scale"]
    }


def test_chains_are_inherited_and_nothing_else_is_looked_at(folder: Folder) -> None:
    text = """
        [factory]
        idd = 3
        max_per_factory = 9
        [wms.w]
        plugin = "nobody-has-this"
        [profiles.p]
        sched = ["max_per_factory"]
        interval_s = "fast"
        pilot = {environment = {T = {env = "NOT_SET"}}}
        [queues.Q]
        extends = "p"
        wms = "unknown"
        """
    assert chains(folder, text) == {"Q": ["max_per_factory"]}
    (step,) = load_chains([Path("chains.toml")], {})[QueueName("Q")]
    assert step.rule.model_dump()["maximum"] == 9


def test_what_is_wrong_with_chains_is_told(folder: Folder) -> None:
    text = """
        [factory]
        max_per_factory = -1
        [queues]
        A = {sched = ["x"]}
        B = {}
        C = {sched = ["ready"], apf2_quirks = 1}
        """
    with pytest.raises(ConfigError) as caught:
        chains(folder, text)
    assert [problem.key for problem in caught.value.problems] == [
        "factory.max_per_factory",
        "queues.A.sched[0]",
        "queues.B.sched",
        "queues.C.apf2_quirks",
    ]
