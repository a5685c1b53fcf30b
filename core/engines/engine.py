"""Sample chains on a server: the ids come from there, and our own rules say where each one ends."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from core.decoding.loop import Decoded, Row
from core.engines.beside import Here, carried_out
from core.engines.client import PATIENCE, EngineClient
from core.engines.finding import version_of
from core.engines.model_check import TOP, TextCheck, compared, expected
from core.engines.protocol import (
    COMPLETIONS,
    Answer,
    check_sampler,
    completion_request,
    read_answer,
)
from core.engines.served import Score, ServedEngine
from core.errors import EngineError
from core.records import Sampler, StopReason, TokenStatistics
from core.tokens.stop_strings import StopMatcher

if TYPE_CHECKING:
    from core.models.language_model import LanguageModel

_PART = 32  # bits of a chain's seed; the parts of a chain that a server ended early are above


@dataclass(frozen=True)
class EngineCheck:
    """How a server's model compares with the one in hand."""

    version: str | None  # of the server, as it says now
    texts: tuple[TextCheck, ...]

    @property
    def difference(self) -> float:
        """The largest difference of a probability among the most probable tokens."""
        return max((each.difference for each in self.texts), default=0.0)


class Engine:
    """A server whose model was found to be the one in hand.

    Args:
        served: where it is.
        lm: the model in hand.
        patience: seconds for which it may be away; None: `PATIENCE`.
        on_wait: called with the reason, in words, while it is.
    """

    def __init__(
        self,
        served: ServedEngine,
        lm: LanguageModel,
        *,
        patience: float | None = None,
        on_wait: Callable[[str], None] = lambda why: None,
    ) -> None:
        self.served = served
        self._lm, self._on_wait = lm, on_wait
        self._patience = PATIENCE if patience is None else patience
        self._expected = expected(lm)
        self._sampled = 0  # calls of `sample`

    @property
    def score(self) -> Score:
        """Which chains are scored by the model in hand."""
        return self.served.score

    @property
    def context_length(self) -> int:
        """Tokens of a chain with its prompt, at most: the model's, or the server's if less."""
        return min(self._lm.context_length, self.served.context_length or self._lm.context_length)

    def check(self, cancel: Callable[[], bool] = lambda: False) -> EngineCheck | None:
        """Compare the server's model with the one in hand; None when cancelled.

        Raises:
            EngineError: another model, no token ids, or no answer for all of the patience.
        """

        async def work(here: Here) -> EngineCheck:
            async with self._client(here) as client:
                texts = await self._compare(client)
                return EngineCheck(await version_of(client), texts)

        return carried_out(work, cancel)

    def sample(
        self,
        rows: Sequence[Row],
        sampler: Sampler,
        *,
        at_once: int,
        on_row: Callable[[int, Decoded], None] | None = None,
        cancel: Callable[[], bool] = lambda: False,
    ) -> list[Decoded] | None:
        """A chain for each of N rows, without statistics. Each is a request of its own, with the
        row's seed. First the model is compared on one text, each time another one: since the last
        call the server may have become another one.

        Args:
            rows: prompts and seeds; nothing is kept or forced.
            sampler: how tokens are drawn, and where a chain ends.
            at_once: most requests at a time.
            on_row: called with every chain as it ends.
            cancel: asked while waiting.

        Returns:
            N chains, in order; None when cancelled.

        Raises:
            SamplerError: as `check_sampler`.
            EngineError: no answer for all of the patience, a refusal, or another model.
        """
        check_sampler(sampler)
        assert not any(row.completion_ids or row.forced for row in rows)

        report = on_row or (lambda index, chain: None)

        async def work(here: Here) -> list[Decoded]:
            free, checking = asyncio.Semaphore(at_once), asyncio.Lock()

            async def one(index: int, row: Row) -> Decoded:
                async with free:
                    chain = await self._chain(client, checking, row, sampler)
                here(lambda: report(index, chain))
                return chain

            async with self._client(here) as client, asyncio.TaskGroup() as group:
                await self._compare(client, [self._sampled % len(self._expected)])
                tasks = [group.create_task(one(index, row)) for index, row in enumerate(rows)]
            return [task.result() for task in tasks]

        self._sampled += 1
        try:
            return carried_out(work, cancel)
        except ExceptionGroup as errors:
            raise errors.exceptions[0] from None

    def _client(self, here: Here) -> EngineClient:
        def on_wait(why: str) -> None:
            here(lambda: self._on_wait(why))

        return EngineClient(self.served.url, patience=self._patience, on_wait=on_wait)

    async def _chain(
        self, client: EngineClient, checking: asyncio.Lock, row: Row, sampler: Sampler
    ) -> Decoded:
        """A chain, in as many parts as the server ends it early: it may know other tokens or other
        bytes that end a completion."""
        limit = min(sampler.max_new_tokens, self.context_length - len(row.prompt_ids))
        ids: tuple[int, ...] = ()
        part = 0
        while (ending := end_of(self._lm, row.prompt_ids, ids, sampler, limit)) is None:
            request = completion_request(
                self.served.model,
                [*row.prompt_ids, *ids],
                sampler,
                seed=row.seed + (part << _PART),
                max_tokens=limit - len(ids),
                end_ids=self._lm.eos_ids,
            )
            answer = await self._answer(client, checking, request)
            if not answer.token_ids:
                raise EngineError(
                    "The server ended a chain at once, by a token or text that it doesn't give.",
                    "Start it without end tokens and stop strings of its own.",
                )
            ids = (*ids, *answer.token_ids)
            part += 1
        length, reason = ending
        return Decoded(0, ids[:length], TokenStatistics.empty(1), (False,) * length, reason, {})

    async def _answer(
        self, client: EngineClient, checking: asyncio.Lock, request: dict[str, Any]
    ) -> Answer:
        """The answer to a request, of a server that is still the one that was checked."""
        answer = await client.post(COMPLETIONS, request, self._read)
        async with checking:
            while client.was_interrupted:
                client.was_interrupted = False
                await self._compare(client)
        if answer.prompt_ids is not None and list(answer.prompt_ids) != request["prompt"]:
            raise EngineError(
                "The server read other prompt ids than it was given.",
                "Start it so that it takes a prompt's ids as they are.",
            )
        return answer

    async def _compare(
        self, client: EngineClient, which: Sequence[int] | None = None
    ) -> tuple[TextCheck, ...]:
        """Compare the models on all texts, or on some."""
        found = []
        for one in self._expected if which is None else [self._expected[i] for i in which]:
            request = completion_request(
                self.served.model, one.text, Sampler(), max_tokens=1, top=TOP
            )
            answer = await client.post(COMPLETIONS, request, self._read)
            found.append(compared(one, answer, self._lm.vocab_size))
        return tuple(found)

    def _read(self, body: bytes) -> Answer:
        return read_answer(body, self._lm.vocab_size)


def end_of(
    lm: LanguageModel,
    prompt_ids: Sequence[int],
    token_ids: Sequence[int],
    sampler: Sampler,
    limit: int,
) -> tuple[int, StopReason] | None:
    """Where a completion ends by the rules of `decode`: its length and why; None where it doesn't.

    Args:
        token_ids: (T,) the completion, which may go on beyond its end.
        sampler: with the stop strings.
        limit: most tokens.
    """
    stops = StopMatcher(lm.text, sampler.stop, prompt_ids) if sampler.stop else None
    if limit <= 0:
        return 0, StopReason.LENGTH
    for length, token_id in enumerate(token_ids, 1):
        if token_id in lm.eos_ids:
            return length, StopReason.EOS
        if stops is not None and stops.push(token_id):
            return length, StopReason.STOP
        if length >= limit:
            return length, StopReason.LENGTH
    return None
