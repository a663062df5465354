"""One run of a job: a call over HTTP."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Literal

import httpx

from services.scheduler.settings import Job


@dataclass(frozen=True)
class Result:
    """How a run ended; `detail` says what the answer was, or why there was none."""

    outcome: Literal["success", "failure", "timeout"]
    detail: str


Call = Callable[[Job], Awaitable[Result]]


class HttpCalls:
    """Makes the calls of all jobs; has the type `Call`."""

    def __init__(self) -> None:
        # Proxies are for the world outside; the time is that of the whole exchange, see below.
        self._http = httpx.AsyncClient(timeout=None, trust_env=False)  # noqa: S113

    async def __call__(self, job: Job) -> Result:
        """The answer's body is awaited, for it ends the run, and not kept."""
        try:
            async with (
                asyncio.timeout(job.timeout_seconds),
                self._http.stream(job.method, job.url, json=job.body) as answer,
            ):
                async for _ in answer.aiter_raw():
                    pass
        except TimeoutError:
            return Result("timeout", f"no answer within {job.timeout_seconds:g} s")
        except httpx.HTTPError as error:
            return Result("failure", f"{type(error).__name__}: {error}".rstrip(": "))
        outcome = "success" if answer.is_success else "failure"
        return Result(outcome, f"answered {answer.status_code}")

    async def close(self) -> None:
        """End all connections."""
        await self._http.aclose()
