"""Base against teacher, token by token: exactly what brute force finds, in little memory."""

from __future__ import annotations

import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from lookup_model import BASE, END, PROMPT, SEVEN, SO, TEACHER, THEN, THREE, lookup_model
from models import byte_level_tokenizer, random_qwen3, save_tiny_model, tiny_language_model
from peft import LoraConfig, get_peft_model
from scipy.spatial.distance import jensenshannon

from core.chains.generation import generate
from core.decoding.scoring import score
from core.disagreement.token_classes import TokenClass, disagree
from core.entropy import NATS_PER_BIT
from core.errors import ModelError, PositionError, PromptError
from core.models.language_model import LanguageModel, load_language_model, wrap
from core.models.prefix_store import PrefixStore
from core.models.spec import ModelSpec
from core.models.teacher import load_beside
from core.records import Problem, Sampler

PROMPT_IDS = [5, 9, 13]
TOKEN_IDS = np.random.default_rng(0).integers(0, 300, 60).tolist()


def logits_of(lm: LanguageModel, ids: list[int]) -> torch.Tensor:
    """(L, V) by one plain forward pass, in float64."""
    with torch.inference_mode():
        return lm.model(torch.tensor([ids])).logits[0].double()


def alike(lm: LanguageModel, padding: int) -> LanguageModel:
    """The same model with other last layers, as after a training, and a wider vocabulary."""
    torch.manual_seed(3)
    lm.model.resize_token_embeddings(lm.vocab_size + padding)
    for name, parameter in lm.model.named_parameters():
        if "layers.1" in name:
            parameter.data += 0.3 * torch.randn_like(parameter)
    return wrap(ModelSpec("alike"), lm.model, lm.tokenizer)


@pytest.mark.parametrize("padding", [0, 7], ids=["same width", "a wider teacher"])
@pytest.mark.parametrize("chunk", [1, 7, 10_000])
def test_everything_equals_brute_force(
    monkeypatch: pytest.MonkeyPatch, chunk: int, padding: int
) -> None:
    lm, teacher = tiny_language_model(seed=1), alike(tiny_language_model(seed=1), padding)
    monkeypatch.setattr(
        "core.disagreement.token_classes._LOGITS_BYTES", chunk * 4 * teacher.vocab_size
    )
    found = disagree(lm, teacher, PROMPT_IDS, TOKEN_IDS)
    ids = PROMPT_IDS + TOKEN_IDS
    base, other = (logits_of(each, ids)[len(PROMPT_IDS) - 1 : -1] for each in (lm, teacher))
    other = other[:, : lm.vocab_size]
    classes = []
    for t in range(len(TOKEN_IDS)):
        ours, theirs = int(base[t].argmax()), int(other[t].argmax())
        order = base[t].argsort(descending=True).tolist()
        rank = order.index(theirs) + 1
        assert (found.base_argmax[t], found.teacher_argmax[t]) == (ours, theirs)
        assert found.base_rank[t] == rank
        distributions = [each[t].softmax(-1).numpy() for each in (base, other)]
        expected = jensenshannon(*distributions) ** 2  # scipy's is the distance, in nats
        assert found.js_divergence[t] == pytest.approx(expected, abs=1e-6)
        classes.append("unshifted" if ours == theirs else "reranked" if rank <= 5 else "shifted")
    assert found.classes == classes
    assert set(classes) == set(TokenClass), "all three are tried"
    for each, of in ((found.base, lm), (found.teacher, teacher)):
        alone = score(of, PROMPT_IDS, TOKEN_IDS)
        np.testing.assert_allclose(each.entropy, alone.entropy, atol=1e-5)
        np.testing.assert_array_equal(each.top_ids, alone.top_ids)
        np.testing.assert_array_equal(each.rank, alone.rank)


def test_a_model_agrees_with_itself() -> None:
    lm = tiny_language_model()
    found = disagree(lm, lm, PROMPT_IDS, TOKEN_IDS)
    assert set(found.classes) == {TokenClass.UNSHIFTED}
    assert found.base_rank.tolist() == [1] * len(TOKEN_IDS)
    assert found.js_divergence.max() < 1e-7


def test_the_table_models_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    """The base says "so \\boxed{3}"; the teacher would begin with its second choice, "then", and
    after "so" put its second choice again."""
    monkeypatch.setattr(
        "core.disagreement.token_classes._LOGITS_BYTES", 1
    )  # a table gives one row at a time
    found = disagree(lookup_model(BASE), lookup_model(TEACHER), PROMPT, (SO, THREE, END))
    assert found.base_argmax.tolist() == [SO, THREE, END]
    assert found.teacher_argmax.tolist() == [THEN, SEVEN, END]
    assert found.base_rank.tolist() == [2, 2, 1]
    assert found.classes == ["reranked", "reranked", "unshifted"]
    assert found.js_divergence[2] == pytest.approx(0, abs=1e-7)
    p, q = BASE[()], TEACHER[()]
    means = {token: (p[token] + q[token]) / 2 for token in p}
    by_hand = sum(
        each[token] * math.log(each[token] / means[token]) / 2 for each in (p, q) for token in p
    )
    assert found.js_divergence[0] == pytest.approx(by_hand, abs=1e-6)


def test_certain_and_opposite_models_diverge_by_one_bit() -> None:
    tables = [{(-1,): {i: float(i == right) for i in range(5)}} for right in (SO, SEVEN)]
    base, teacher = (lookup_model(table) for table in tables)
    found = disagree(base, teacher, PROMPT, (SO,))
    assert found.js_divergence[0] / NATS_PER_BIT == pytest.approx(1, abs=1e-6)
    assert found.classes == ["reranked"]  # of five tokens, all are in the top 5


def test_the_greedy_chain_s_own_tokens_are_the_base_s_argmax() -> None:
    lm, teacher = tiny_language_model(seed=1), tiny_language_model(seed=2)
    problem = Problem("p", "How many cuts?", None)
    (chain,) = generate(lm, [problem], Sampler(max_new_tokens=20), seeds=[0])
    found = disagree(lm, teacher, chain.prompt_ids, chain.token_ids)
    assert tuple(found.base_argmax.tolist()) == chain.token_ids


def test_no_token_has_no_disagreement() -> None:
    assert len(disagree(tiny_language_model(), tiny_language_model(seed=1), PROMPT_IDS, [])) == 0


def test_what_prompts_share_is_read_once_and_changes_nothing() -> None:
    """The second chain costs each model only the tokens that the first didn't have."""
    lm, teacher = tiny_language_model(), tiny_language_model(seed=1)
    shared = list(range(100, 180))
    first, second = [*shared, 5, 6], [*shared, 7, 8, 9]
    plain = [disagree(lm, teacher, prompt, TOKEN_IDS) for prompt in (first, second)]
    read: list[int] = []
    for each in (lm, teacher):
        each.model.get_input_embeddings().register_forward_hook(
            lambda module, inputs, output: read.append(inputs[0].numel())
        )
    stores = PrefixStore(), PrefixStore()
    found = [disagree(lm, teacher, prompt, TOKEN_IDS, stores=stores) for prompt in (first, second)]
    assert sum(read) == 2 * (len(first) + len(second) - len(shared) + 2 * (len(TOKEN_IDS) - 1))
    for one, other in zip(found, plain, strict=True):
        assert (one.teacher_argmax == other.teacher_argmax).all()
        assert (one.base_rank == other.base_rank).all()
        np.testing.assert_allclose(one.js_divergence, other.js_divergence, atol=1e-6)
        np.testing.assert_allclose(one.base.entropy, other.base.entropy, atol=1e-5)


def test_what_can_not_be_compared_is_refused() -> None:
    lm = tiny_language_model()
    tokenizer = byte_level_tokenizer(300, eos="<end>")
    other = wrap(ModelSpec("other"), random_qwen3(len(tokenizer)), tokenizer)
    with pytest.raises(ModelError, match="another vocabulary"):
        disagree(lm, other, PROMPT_IDS, TOKEN_IDS)
    with pytest.raises(PromptError, match="The prompt is empty"):
        disagree(lm, lm, [], TOKEN_IDS)
    with pytest.raises(PromptError, match="context holds 512"):
        disagree(lm, lm, PROMPT_IDS, [7] * 510)
    with pytest.raises(PositionError):
        disagree(lm, lm, PROMPT_IDS, [10_000])


def save_adapters(model: Path, folder: Path) -> list[Path]:
    """Two adapters of a model, of different ranks and modules."""
    kinds = [(2, ["q_proj", "v_proj"]), (4, ["o_proj", "down_proj"])]
    for number, (rank, targets) in enumerate(kinds):
        torch.manual_seed(number)
        config = LoraConfig(r=rank, target_modules=targets, init_lora_weights=False)
        tuned = get_peft_model(load_language_model(ModelSpec(str(model))).model, config)
        tuned.save_pretrained(folder / str(number))
    return [folder / "0", folder / "1"]


def test_adapters_on_one_copy_of_the_weights_equal_models_loaded_apart(tmp_path: Path) -> None:
    folder = save_tiny_model(tmp_path / "model")
    specs = [ModelSpec(str(folder), str(each)) for each in save_adapters(folder, tmp_path)]
    base = load_language_model(ModelSpec(str(folder)))
    before = logits_of(base, TOKEN_IDS)
    beside = [load_beside(base, spec) for spec in specs]
    for lm, spec in zip(beside, specs, strict=True):
        apart = load_language_model(spec)
        assert torch.equal(logits_of(lm, TOKEN_IDS), logits_of(apart, TOKEN_IDS))
        assert not torch.equal(logits_of(lm, TOKEN_IDS), before)
    assert torch.equal(logits_of(base, TOKEN_IDS), before)
    bare = load_beside(beside[0], ModelSpec(str(folder)))
    assert torch.equal(logits_of(bare, TOKEN_IDS), before)
    second = load_beside(beside[0], specs[1])
    assert torch.equal(logits_of(second, TOKEN_IDS), logits_of(beside[1], TOKEN_IDS))
    own = {p.data_ptr() for p in base.model.parameters()}
    for lm in (*beside, bare, second):
        others = {p.data_ptr() for n, p in lm.model.named_parameters() if "lora_" not in n}
        assert others == own, "the weights are there once"
    assert load_beside(base, base.spec) is base


LIMIT_MIB = 300
MEASURE = """
import resource, sys
sys.path.insert(0, "tests")
import torch
from models import byte_level_tokenizer, random_qwen3
from core.disagreement.token_classes import disagree
from core.models.language_model import ModelSpec, wrap
torch.set_num_threads(1)
tokenizer = byte_level_tokenizer()
pair = []
for seed in (0, 1):
    model = random_qwen3(150_000, seed=seed, hidden=16, layers=1)
    model.config.max_position_embeddings = 4096
    pair.append(wrap(ModelSpec(str(seed)), model, tokenizer))
disagree(*pair, [1, 2, 3], [5] * 4)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
found = disagree(*pair, [1, 2, 3], list(range(800)))
assert len(found) == 800
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="ru_maxrss is in KiB on Linux only")
def test_a_long_chain_over_a_large_vocabulary_stays_small() -> None:
    """800 tokens x 150,000 ids would be 458 MiB for one model's logits alone."""
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run(
        [sys.executable, "-c", MEASURE], cwd=root, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) < LIMIT_MIB
