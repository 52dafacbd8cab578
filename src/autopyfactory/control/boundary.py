"""Where control meets a plugin: a time limit, and no error that its contract does not name."""

import asyncio
import logging
from collections.abc import Awaitable, Sequence
from typing import TypeVar

from autopyfactory.api import AutoPyFactoryError, ChainStep
from autopyfactory.model import Decision, QueueState
from autopyfactory.sched.chain import run_chain

logger = logging.getLogger(__name__)

T = TypeVar("T")


def decide(chain: Sequence[ChainStep], state: QueueState) -> Decision:
    """Run a chain; where a rule fails, nothing is submitted and the reason says so."""
    try:
        return run_chain(chain, state)
    except Exception as error:
        logger.exception("a rule failed unexpectedly", extra={"queue": state.name})
        return Decision(rule="chain").block(f"a rule failed: {type(error).__name__}: {error}")


async def ask(
    endpoint: str, call: Awaitable[T], timeout_s: float, unavailable: type[AutoPyFactoryError]
) -> T:
    """Await a plugin's answer.

    Errors that the contract names pass through.  A time-out, and any error that a plugin should not
    have raised, become ``unavailable``: one faulty plugin never stops the factory.
    """
    try:
        async with asyncio.timeout(timeout_s):
            return await call
    except AutoPyFactoryError:
        raise
    except TimeoutError:
        raise unavailable(f"{endpoint}: no answer within {timeout_s:g} s") from None
    except Exception as error:
        logger.exception("plugin failed unexpectedly", extra={"endpoint": endpoint})
        raise unavailable(f"{endpoint}: {type(error).__name__}: {error}") from error
