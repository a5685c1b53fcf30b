"""The preset that a fine-tune of the model in the sidebar begins with."""

from __future__ import annotations

from core.models.catalogue import MODELS
from core.models.placement import has_accelerator
from core.models.spec import DEMO
from core.reasonmaxxer.recipe import suited_preset
from explorer.state import BrowserState
from explorer.workbench import workbench


def preset_for(state: BrowserState) -> str:
    """Its name."""
    spec = state.opened.spec
    facts = workbench().facts(spec)
    offered = (each.parameters for each in MODELS if each.model == spec.model)
    on_cpu = spec.device == "cpu" or (spec.device == "auto" and not has_accelerator())
    return suited_preset(
        is_demo=spec.model == DEMO,
        parameters=next(offered, None) if facts is None else facts.parameters,
        on_cpu=on_cpu if facts is None else facts.device == "cpu",
        other="careful",
    )
