"""Models that the server shares: kept while there is room, let go for one that needs it."""

from __future__ import annotations

import gc
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from models import save_tiny_model

from core.chains.session import Session
from core.decoding.shared_batch import SharedBatch
from core.errors import ResourceError
from core.models import language_model, teacher
from core.models.language_model import LanguageModel, load_language_model
from core.models.spec import ModelSpec
from explorer import workbench
from explorer.explore import forcing
from explorer.tasks import Task
from explorer.workbench import Workbench


@pytest.fixture(scope="module")
def specs(tmp_path_factory: pytest.TempPathFactory) -> list[ModelSpec]:
    folders = [tmp_path_factory.mktemp("model") for _ in range(3)]
    return [ModelSpec(str(save_tiny_model(folder))) for folder in folders]


def test_two_models_are_kept_and_the_least_recently_used_leaves(specs: list[ModelSpec]) -> None:
    bench = Workbench()
    first, second, third = specs
    kept = bench.model(first)
    bench.model(second)
    assert bench.model(first) is kept
    bench.model(third)
    assert bench.loaded(first) is kept
    assert bench.loaded(second) is None
    assert bench.facts(second) is None
    facts = bench.facts(first)
    assert facts is not None
    assert facts.name == first.model


def test_a_model_whose_files_were_written_anew_is_loaded_again(specs: list[ModelSpec]) -> None:
    bench, spec = Workbench(), specs[0]
    before = bench.model(spec)
    save_tiny_model(Path(spec.model))
    assert bench.loaded(spec) is None
    assert bench.model(spec) is not before


def test_a_model_without_room_takes_that_of_the_others(
    specs: list[ModelSpec], monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = Workbench()
    first, large, too_large = specs
    bench.model(first)

    def crowded(spec: ModelSpec, files: object = None) -> LanguageModel:
        if spec == too_large or bench.loaded(first) is not None:
            raise ResourceError("It does not fit.", "Close something.")
        return load_language_model(spec)

    monkeypatch.setattr(workbench, "load_language_model", crowded)
    lm = bench.model(large)
    assert bench.loaded(large) is lm
    assert bench.loaded(first) is None
    with pytest.raises(ResourceError):
        bench.model(too_large)


def test_what_the_libraries_brought_in_is_not_searched_for_garbage_after_every_click() -> None:
    gc.unfreeze()  # conftest.py has excluded it, too
    gc.collect()
    before = len(gc.get_objects())
    task = Task("Loading the demo model", Workbench().warm_up)
    assert task.wait(300)
    assert task.error is None
    assert len(gc.get_objects()) < before / 10


@pytest.mark.parametrize(("others", "seconds"), [(1, 0.2), (4, 0.8), (40, 1.5)])
def test_a_page_waits_for_its_work_the_longer_the_more_others_work(
    others: int, seconds: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited: list[float] = []
    opened: Any = SimpleNamespace(busy=True, task=SimpleNamespace(wait=waited.append))
    monkeypatch.setattr(
        forcing, "workbench", lambda: SimpleNamespace(others_at_work=lambda _: others)
    )
    forcing.wait_beside_others(SimpleNamespace(opened=opened))  # type: ignore[arg-type]
    assert waited == [pytest.approx(seconds)]
    opened.busy = False
    forcing.wait_beside_others(SimpleNamespace(opened=opened))  # type: ignore[arg-type]
    assert len(waited) == 1


def test_other_sessions_that_work_or_did_lately_are_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench, ended = Workbench(), threading.Event()
    first, second = (bench.new_session(Session(), tmp_path) for _ in range(2))
    assert bench.others_at_work(second) == 0
    first.start("Waiting", lambda _: ended.wait(60) and None, None)
    assert (bench.others_at_work(second), bench.others_at_work(first)) == (1, 0)
    ended.set()
    assert first.task is not None
    assert first.task.wait(60)
    assert bench.others_at_work(second) == 1
    monkeypatch.setattr(workbench, "_LATELY", -1.0)
    assert bench.others_at_work(second) == 0


def test_a_loaded_model_is_shared_by_the_sessions(specs: list[ModelSpec]) -> None:
    assert isinstance(Workbench().model(specs[0]).joint, SharedBatch)


def test_a_teacher_that_has_to_be_fetched_is_loaded_once(
    specs: list[ModelSpec], monkeypatch: pytest.MonkeyPatch
) -> None:
    fetched: set[ModelSpec] = set()
    fetch = workbench.fetch_model

    def fetch_and_note(spec: ModelSpec, **how: Any) -> Any:
        fetched.add(spec)
        return fetch(spec, **how)

    for place in (workbench, language_model, teacher):
        monkeypatch.setattr(place, "fetch_model", fetch_and_note)
    monkeypatch.setattr(workbench, "files_identity", lambda spec: str(spec in fetched))
    bench, (first, second, _) = Workbench(), specs
    base = bench.model(first)
    assert bench.teacher(base, second) is bench.teacher(base, second)
