"""The store held against the batch system: every pilot that was planned exists once, or never existed."""

from collections import Counter

from factory_process import FactoryHome


def settle(home: FactoryHome, within_s: float = 60) -> None:
    """Run a factory, configured to submit nothing, until it knows of every pilot whether it exists."""
    with home.running():
        home.wait(lambda: home.unsettled() == 0, "an end of all doubt", within_s)
        home.stop()


def audit(home: FactoryHome, there: Counter[str]) -> int:
    """Hold the store against the pilots that the batch system has or has had, each counted.

    Returns how many exist.
    """
    stored = home.pilots()
    existed = {name for name, pilot in stored.items() if pilot.existed}
    unsent = len(stored) - len(existed)
    print(f"{len(stored)} pilots planned, {len(existed)} exist, {unsent} never reached the batch system")
    assert not {name: n for name, n in there.items() if n > 1}, "submitted twice"
    assert not there.keys() - stored.keys(), "a job that the store does not know"
    assert not there.keys() - existed, "a job that the store believes never existed"
    assert not existed - there.keys(), "a pilot that the batch system never had"
    assert "did not know" not in home.said(), "a pilot was submitted without a plan"
    return len(existed)
