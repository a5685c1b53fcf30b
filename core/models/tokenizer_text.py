"""Display text of a model's tokens from its tokenizer alone, without weights."""

from __future__ import annotations

from core.errors import ModelError
from core.models.fetching import is_here, small_folder
from core.models.files import check_model_folder
from core.models.language_model import explain, load_tokenizer
from core.models.spec import ModelSpec
from core.tokens.token_text import TokenText


def load_token_text(spec: ModelSpec) -> TokenText:
    """Display text of a model's tokens; takes a fraction of the time of the model. Nothing is
    downloaded.

    Raises:
        ModelError: the model's files aren't here, or its tokenizer is damaged.
        ResourceError: the disk is full or can't be read.
    """
    if not is_here(spec):
        raise ModelError(
            f"The tokenizer of {spec.model} isn't on this computer, so the text of its chains "
            "can't be shown.",
            "Load the model in the sidebar once, which fetches it.",
        )
    with small_folder(spec, report=None, cancelled=None) as (folder, _):
        check_model_folder(folder, weights=False)
        try:
            return TokenText(load_tokenizer(spec, folder))
        except (OSError, ValueError, ImportError, RuntimeError, KeyError) as error:
            raise explain(spec, error) from error
