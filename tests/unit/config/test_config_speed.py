"""A large configuration is read at once."""

import time

from config_folder import Folder


def test_a_thousand_queues_that_share_a_profile_take_no_time(folder: Folder) -> None:
    profile = """
        [profiles.production]
        extends = "base"
        sched = ["ready", {scale = {factor = 0.5}}, {max_per_cycle = {maximum = 5}}, "status_test"]
        pilot = {cores = 8, environment = {A = "{queue}", B = "{wms.url}"}, attributes = {"+A" = '"b"'}}
        """
    queues = "".join(f'[queues.Q{i}]\nextends = "production"\nwms_queue = "W{i}"\n' for i in range(1000))
    start = time.perf_counter()
    config = folder.load(profile + queues)
    seconds = time.perf_counter() - start
    assert len(config.queues) == 1000
    assert len({id(queue.chain) for queue in config.queues.values()}) == 1
    # 0.25 s on the machine that this was written on; the bound is the promise
    assert seconds <= 2
    print(f"1,000 queues in {seconds:.2f} s")
