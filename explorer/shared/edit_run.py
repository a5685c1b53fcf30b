"""Put the settings of a run back into the fields of a form."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from pydantic import BaseModel

from core.chains.few_shot import built_in_examples
from core.chains.prompting import PromptSettings
from core.records import Problem
from core.runs.run import Run
from core.system.setting import Setting, setting, setting_names, typed_lines, typed_values
from explorer.form import Form
from explorer.shared.prompt_panel import put_prompt
from explorer.shared.run_facts import OF_A_RUN, problems_source
from explorer.state import BrowserState

_OF_PROMPT = {"prompt_style", "template", "examples", "prompt_date", "stop", "keep_run_on"}


def put_settings(
    form: Form,
    prefix: str,
    settings: BaseModel,
    *,
    keys: Mapping[str, str] | None = None,
    leave: Collection[str] = (),
) -> None:
    """Put settings into the fields that `SettingFields` draws for them; the prompt's are left to
    `put_prompt`.

    Args:
        form: of the session.
        prefix: as of `SettingFields`.
        settings: of a run.
        keys: of fields that have another key than the prefix and their name.
        leave: names of settings without a field.
    """
    for name in setting_names(settings):
        if name in _OF_PROMPT or name in leave or name == "preset":
            continue
        key = (keys or {}).get(name) or f"{prefix} {name}".strip()
        form.put(key, field_value(setting(settings, name)))


def field_value(found: Setting) -> Any:
    """The value of a setting, as its field has it."""
    value = found.default
    if found.choices:
        return str(value)
    if found.by_line:
        return typed_lines(value)
    if found.kind is tuple:
        return list(typed_values(value or ()))
    if found.kind is str:
        return value or ""
    return value


def put_problems(
    state: BrowserState, run: Run, sets: Mapping[str, Sequence[Problem]], purpose: str = ""
) -> tuple[str, int]:
    """The set of a run's problems, by its name in this session, and their number. Problems of no
    set of this session become one.

    Raises:
        ProblemError: the run's problems can't be read.
    """
    name = problems_source(state, run, purpose)
    problems = run.problems(purpose)
    if name is None or name not in sets:
        name = f"{OF_A_RUN}{run.config.name or run.id}"
        state.opened.problem_sets[name] = problems
    return name, len(problems)


def put_choice(
    state: BrowserState, run: Run, page: str, sets: Mapping[str, Sequence[Problem]]
) -> None:
    """Put a run's problems into the two fields of `choose_problems`.

    Raises:
        ProblemError: the run's problems can't be read.
    """
    name, count = put_problems(state, run, sets)
    size = len(sets[name]) if name in sets else count
    state.form.put(f"{page} set", name)
    state.form.put(f"{page} count of {name} {size}", count)


def put_asked(form: Form, key: str, settings: PromptSettings) -> None:
    """Put the prompt of a run into the fields of `prompt_fields`."""
    examples = settings.examples
    known = built_in_examples()
    count = len(examples or ())
    typed = "" if examples is None else str(count) if examples == known[:count] else None
    put_prompt(form, key, settings, typed)
