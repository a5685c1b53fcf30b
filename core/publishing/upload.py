"""Upload an adapter or a merged model to the hub.

The token is huggingface_hub's: the environment variable HF_TOKEN, or that of its login. It is
neither stored nor shown here, and no message of the library is, which may quote a request.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx2
from huggingface_hub import HfApi, get_token
from huggingface_hub.errors import OfflineModeIsEnabled, RepositoryNotFoundError

from core.errors import ExplorerError, FileError, ModelError
from core.models.files import adapter_facts, check_model_folder, is_hub_id
from core.models.hub_files import ADAPTER_WEIGHTS
from core.models.hub_worker import fault_of
from core.publishing.source import AdapterSource
from core.system.json_text import json_text

CARD = "README.md"

_OF_A_MODEL = ("*.safetensors", "*.json", "*.jinja", "*.model", "*.txt", CARD)
_TOKENIZER = ("tokenizer*", "special_tokens_map.json", "added_tokens.json", "chat_template.*")
_OWN_TOKEN = "Set the environment variable HF_TOKEN to a token that may write, and start again."


@dataclass(frozen=True)
class Upload:
    """What is uploaded: the files of a folder, and their bytes by name."""

    folder: Path
    files: dict[str, int]

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(self.files.values())


@contextmanager
def staged_adapter(source: AdapterSource, card: str) -> Iterator[Upload]:
    """The files of an adapter in a folder of their own, with its card and a config that names the
    base by its hub id, and no folder of this machine.

    Raises:
        ModelError: the adapter's config can't be read.
        FileError: the temporary folder can't be written.
    """
    facts = adapter_facts(source.folder)
    facts["base_model_name_or_path"] = source.hub_base or source.base_name
    facts["revision"] = source.base.revision
    with TemporaryDirectory() as place:
        folder = Path(place)
        try:
            shutil.copy(source.folder / ADAPTER_WEIGHTS, folder)
            for kind in _TOKENIZER:
                for path in source.folder.glob(kind):
                    shutil.copy(path, folder)
            text = json_text(facts, indent=2)
            (folder / "adapter_config.json").write_text(text + "\n", encoding="utf-8")
            (folder / CARD).write_text(card, encoding="utf-8")
        except OSError as error:
            raise FileError(
                f"The files to upload can't be put together in {place} ({error.strerror}).",
                "Make room there, or set TMPDIR to a folder on another disk.",
            ) from error
        yield Upload(folder, _sizes(folder, ("*",)))


def merged_upload(folder: Path) -> Upload:
    """The files of a merged model, as `merge_adapter` wrote it.

    Raises:
        ModelError: not a whole model, or one without a card.
    """
    check_model_folder(folder)
    if not (folder / CARD).is_file():
        raise ModelError(
            f"The model in {folder} has no {CARD}.",
            "Upload a folder that `fork-explorer adapter merge` wrote, or write one.",
        )
    return Upload(folder, _sizes(folder, _OF_A_MODEL))


def push(upload: Upload, repository: str, *, public: bool = False, api: Any = None) -> str:
    """Upload files to a repository of the hub, which is made if there is none.

    Args:
        repository: owner/name.
        public: make a new repository public, or write to one that is.
        api: a `huggingface_hub.HfApi`, for another hub.

    Returns:
        The address of the repository.

    Raises:
        ModelError: an invalid name, no token, a repository that is public although `public` is
            false, or a hub that refuses or can't be reached.
    """
    check_repository(repository)
    hub = HfApi() if api is None else api
    if get_token() is None:
        raise ModelError("No token for the hub was found.", _OWN_TOKEN)
    try:
        _check_private(hub, repository, public)
        made = hub.create_repo(repository, private=not public, exist_ok=True)
        hub.upload_folder(
            repo_id=repository,
            folder_path=upload.folder,
            allow_patterns=sorted(upload.files),
            commit_message="Upload with Decision Fork Explorer",
        )
    except ExplorerError:
        raise
    except Exception as error:
        raise _explain(repository, error) from None  # the library's message may quote the request
    return str(made)


def check_repository(repository: str) -> None:
    """Reject a name that is not owner/name.

    Raises:
        ModelError: it isn't.
    """
    if "/" not in repository or not is_hub_id(repository):
        raise ModelError(
            f"{repository!r} is not the name of a repository.", "Give one such as owner/name."
        )


def _check_private(hub: Any, repository: str, public: bool) -> None:
    """Refuse to write to a public repository unless that is meant."""
    try:
        is_private = hub.repo_info(repository).private
    except RepositoryNotFoundError:
        return
    if not is_private and not public:
        raise ModelError(
            f"The repository {repository} is public.",
            "Give --public if everyone may see this adapter, or another repository.",
        )


def _sizes(folder: Path, kinds: tuple[str, ...]) -> dict[str, int]:
    found = {path for kind in kinds for path in folder.glob(kind) if path.is_file()}
    return {path.name: path.stat().st_size for path in sorted(found)}


def _explain(repository: str, error: Exception) -> ModelError:
    if isinstance(error, httpx2.TransportError | OfflineModeIsEnabled):
        return ModelError("The hub can't be reached.", "Check the network and HF_HUB_OFFLINE.")
    reply = fault_of(error)
    match reply["fault"]:
        case "bad_token":
            return ModelError("The hub does not accept your token.", _OWN_TOKEN)
        case "not_found" | "forbidden" | "gated":
            return ModelError(f"Your token may not write to {repository}.", _OWN_TOKEN)
        case "status":
            return ModelError(
                f"The hub can't take {repository} at the moment (status {reply['status']}).",
                "Try again later.",
            )
    return ModelError(
        f"The upload to {repository} failed ({type(error).__name__}).", "Try it again."
    )
