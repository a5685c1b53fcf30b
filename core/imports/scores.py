"""What a model says of the rollouts of a kept file: one line a rollout, written as it is scored,
so that scoring that was stopped or killed continues where it was."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from core.errors import ResourceError
from core.imports.kept_files import SCORES, KeptFile
from core.imports.records import FieldMapping, Rollout
from core.imports.scoring import NotScored, ScoredRollout, score_rollouts
from core.models.file_identity import files_identity
from core.models.spec import ModelSpec
from core.records import Verdict, floats
from core.system.durable_files import append_line, disk_error
from core.system.json_text import json_text

if TYPE_CHECKING:
    from core.models.language_model import LanguageModel


@dataclass(frozen=True, eq=False)
class RolloutScore:
    """The numbers that are kept of a scored rollout.

    Attributes:
        entropy: (T,) nats, of the model; (0,) where the rollout can't be scored.
        ids: where the token ids are from, in words.
        doubt: why the ids of the file were not taken, or why the rollout can't be scored.
        unlikely: the model finds its tokens less likely than chance.
    """

    entropy: NDArray[np.float32]
    verdict: Verdict | None = None
    ids: str = ""
    doubt: str = ""
    unlikely: bool = False

    @staticmethod
    def of(item: ScoredRollout | NotScored) -> RolloutScore:
        """The numbers of a rollout that was scored, or couldn't be."""
        if isinstance(item, NotScored):
            return RolloutScore(np.zeros(0, np.float32), doubt=item.reason)
        encoded = item.encoded
        return RolloutScore(
            item.chain.entropy, item.outcome.verdict, str(encoded.ids), encoded.doubt, item.unlikely
        )


def scores_path(
    kept: KeptFile, mapping: FieldMapping, spec: ModelSpec, *, from_text: bool = False
) -> Path:
    """Where the scores of one reading of a kept file by one model are. An adapter that was written
    anew under its name is another model.

    Args:
        mapping: of the file's fields, since other fields make other rollouts.
        from_text: the text is tokenised even where the file has ids.
    """
    key = json_text([asdict(mapping), files_identity(spec), from_text]).encode()
    digest = hashlib.sha256(key).hexdigest()[:16]
    return kept.path.with_name(f"{SCORES}{digest}.jsonl")


class Scores:
    """The scores in a file, by the number of the rollout."""

    def __init__(self, path: Path) -> None:
        """Scores that are there are read; a line that is damaged is left out, and scored again.

        Raises:
            ResourceError: they can't be read.
        """
        self.path = path
        self.found: dict[int, RolloutScore] = dict(_read(path))

    def score_missing(
        self,
        lm: LanguageModel,
        rollouts: tuple[Rollout, ...],
        *,
        done: Callable[[], object] = lambda: None,
        cancel: Callable[[], bool] = lambda: False,
        from_text: bool = False,
    ) -> None:
        """Score the rollouts that have no score, in order, until `cancel` says so.

        Args:
            rollouts: all of the file.
            done: called after each.
            from_text: as of `scores_path`.

        Raises:
            ModelError: the model's logits are not finite.
            ResourceError: out of memory, a full disk, or the answer checker doesn't start.
        """
        missing = [number for number in range(len(rollouts)) if number not in self.found]
        items = score_rollouts(lm, (rollouts[number] for number in missing), from_text=from_text)
        for number, item in zip(missing, items, strict=True):
            score = RolloutScore.of(item)
            try:
                append_line(self.path, json_text(_to_json(number, score)).encode(), sync=False)
            except OSError as error:
                raise disk_error(self.path, error) from error
            self.found[number] = score
            done()
            if cancel():
                return


def _to_json(number: int, score: RolloutScore) -> dict[str, Any]:
    return {
        "number": number,
        "entropy_nats": floats(score.entropy),
        "verdict": score.verdict,
        "ids": score.ids,
        "doubt": score.doubt,
        "unlikely": score.unlikely,
    }


def _read(path: Path) -> list[tuple[int, RolloutScore]]:
    try:
        lines = path.read_bytes().splitlines()
    except FileNotFoundError:
        return []
    except OSError as error:
        raise ResourceError(
            f"The scores of this file can't be read ({error.strerror or error}).",
            f"Check the permissions of {path}.",
        ) from error
    return [found for line in lines if (found := _from_json(line)) is not None]


def _from_json(line: bytes) -> tuple[int, RolloutScore] | None:
    try:
        data: Mapping[str, Any] = json.loads(line)
        entropy = np.array(data["entropy_nats"], np.float32)
        if entropy.ndim != 1 or not np.isfinite(entropy).all():
            return None
        verdict = None if data["verdict"] is None else Verdict(data["verdict"])
        score = RolloutScore(
            entropy, verdict, str(data["ids"]), str(data["doubt"]), bool(data["unlikely"])
        )
        number = data["number"]
        return (number, score) if type(number) is int and number >= 0 else None
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
        return None  # cut off by a kill, or changed by hand
