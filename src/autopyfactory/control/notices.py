"""Tells operators what is wrong, by every ``[notify.NAME]``; whatever becomes of that, the factory goes on.

Of several factories on one store one speaks for all: the one that owns the first of the configured queues.
"""

import asyncio
import json
import logging
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime

from autopyfactory.api import Notifier, StoreUnavailable
from autopyfactory.config.tree import Config, NotifyTarget
from autopyfactory.control.credential_ends import CredentialEnds
from autopyfactory.control.findings import Findings, NoticeSource
from autopyfactory.control.guarded import CLOSE_S, Guarded
from autopyfactory.control.shared import Shared
from autopyfactory.model import ChannelRecord, Notice, NoticeLook
from autopyfactory.notify import Channel

logger = logging.getLogger(__name__)

_FIELDS = {"action": "notices"}


class Notices:
    """Looks at what is wrong, keeps that and what was told of it in the store, and has it sent.

    Kept before it is sent: after a crash a message may arrive twice, and none is lost.  Messages are sent in
    tasks of their own, which nothing else waits for.
    """

    def __init__(
        self,
        source: NoticeSource,
        shared: Shared,
        credentials: CredentialEnds,
        notifiers: Mapping[str, Notifier],
    ) -> None:
        """``notifiers``: one for each ``[notify.NAME]`` of the configuration, by NAME."""
        self._source = source
        self._shared = shared
        self._findings = Findings(source, shared, credentials)
        self._targets: dict[str, NotifyTarget] = {}
        self._channels: dict[str, Channel] = {}
        self._sending: dict[str, asyncio.Task[None]] = {}
        self._keeping = asyncio.Lock()
        self._number: int | None = None
        """Of the look that the store has; None: not read yet, or another factory has looked since."""
        self._doubtful: NoticeLook | None = None
        """One that may have been kept, although the store did not say so."""
        self._active: tuple[Notice, ...] = ()
        self._looked_at: datetime | None = None
        self._error = ""
        self._add(shared.customs.config.notify.values(), notifiers)

    async def look(self) -> float:
        """Look once, and have sent what is due; return how long to wait before the next look."""
        config = self._shared.customs.config
        if self._speaks(config):
            await self._look(self._shared.clock.now())
        else:
            self._fall_silent()
        return config.notices.interval_s

    def changed(self, config: Config) -> set[str]:
        """Return the names of the notifiers that `go_over` would replace."""
        return {name for name, target in config.notify.items() if self._targets.get(name) != target}

    async def go_over(self, config: Config, notifiers: Mapping[str, Notifier]) -> None:
        """Go over to the ``[notify.NAME]`` of another configuration; ``notifiers``: those that differ.

        They go on from what those of the same names have told.
        """
        new = self.changed(config)
        gone = self._take_out(self._channels.keys() - (config.notify.keys() - new))
        # no await in between: a look that comes now must not keep what the store has of these for gone
        self._add((config.notify[name] for name in new), notifiers)
        for channel in gone:
            if channel.name in new:
                self._channels[channel.name].restore(channel.state())
        await _close(gone)

    async def close(self) -> None:
        """End in good order, within seconds: what has not been sent by then is sent by the next run."""
        if self._sending:
            await asyncio.wait(self._sending.values(), timeout=CLOSE_S)
        await _close(self._take_out(set(self._channels)))

    def break_off(self) -> None:
        """Send nothing more, at once: what is being sent is sent anew by the next run."""
        for task in self._sending.values():
            task.cancel()

    # --- a look

    async def _look(self, now: datetime) -> None:
        if self._number is None and not await self._recall():
            return
        self._active, self._looked_at = await self._findings.at(now), now
        for channel in self._channels.values():
            channel.observe(self._active, now)
        await self._keep()
        if self._number is not None:
            for channel in self._channels.values():
                self._start_sending(channel, now)

    def _speaks(self, config: Config) -> bool:
        first = min(config.queues, default=None)
        return first is None or self._shared.tenure.ours(first)

    def _fall_silent(self) -> None:
        """Leave it to another factory, which goes on from what the store has."""
        self._number = None
        self.break_off()

    def _start_sending(self, channel: Channel, now: datetime) -> None:
        if channel.name not in self._sending and channel.is_due(now):
            task = asyncio.create_task(self._send(channel, now), name=f"notify {channel.name}")
            self._sending[channel.name] = task
            task.add_done_callback(lambda done: self._sent(channel.name, done))

    async def _send(self, channel: Channel, now: datetime) -> None:
        await channel.deliver(now)
        await self._keep()

    def _sent(self, name: str, task: asyncio.Task[None]) -> None:
        if self._sending.get(name) is task:
            del self._sending[name]

    # --- what the store has

    async def _recall(self) -> bool:
        """Go on from what the store has; return whether it could be read."""
        try:
            look = await self._source.notice_look()
        except StoreUnavailable as error:
            self._note(error)
            return False
        for name, channel in self._channels.items():
            record = look.channels.get(name)
            try:
                channel.restore(json.loads(record.state) if record else {})
            except ValueError:
                logger.exception("[notify.%s] begins anew: its state cannot be read", name, extra=_FIELDS)
        self._number, self._doubtful = look.number, None
        return True

    async def _keep(self) -> None:
        """Keep what was seen and told; where another factory has done so meanwhile, leave it to that one."""
        async with self._keeping:
            if self._number is None:
                return
            try:
                await self._settle_doubt()
                look = self._doubtful = self._as_it_stands(self._number + 1)
                kept = await self._source.keep_look(look)
            except StoreUnavailable as error:
                # told all the same: that the store is away is one of the things to tell
                self._note(error)
                return
            self._doubtful, self._error = None, ""
            if not kept:
                logger.info("another factory tells operators what is wrong", extra=_FIELDS)
            self._number = look.number if kept else None

    async def _settle_doubt(self) -> None:
        """Find out whether a look was kept that the store did not confirm; raises `StoreUnavailable`."""
        if self._doubtful is not None:
            found = await self._source.notice_look()
            if (found.number, found.at) == (self._doubtful.number, self._doubtful.at):
                self._number = found.number
            self._doubtful = None

    def _as_it_stands(self, number: int) -> NoticeLook:
        channels = {
            name: ChannelRecord(json.dumps(channel.state()), channel.trouble)
            for name, channel in self._channels.items()
        }
        return NoticeLook(number, self._looked_at, self._active, channels)

    def _note(self, error: StoreUnavailable) -> None:
        if not self._error:
            logger.warning("what operators were told cannot be kept or read: %s", error, extra=_FIELDS)
        self._error = str(error)

    # --- the channels

    def _add(self, targets: Iterable[NotifyTarget], notifiers: Mapping[str, Notifier]) -> None:
        factory = self._shared.customs.config.factory_id
        for target in targets:
            guarded = Guarded(f"notify.{target.name}", notifiers[target.name])
            self._targets[target.name] = target
            self._channels[target.name] = Channel(target.name, factory, target.common, guarded)

    def _take_out(self, names: Collection[str]) -> list[Channel]:
        """Let go of channels, and return them; a message that is being sent is broken off."""
        gone = []
        for name in names:
            if task := self._sending.pop(name, None):
                task.cancel()
            del self._targets[name]
            gone.append(self._channels.pop(name))
        return gone


async def _close(channels: Iterable[Channel]) -> None:
    await asyncio.gather(*(channel.close() for channel in channels))
