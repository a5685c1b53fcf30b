"""A real vLLM server on this machine, for `make test-vllm`.

`python tests/real_vllm.py FOLDER` records its answers anew: FOLDER is tests/data/vllm.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx2

from core.engines.model_check import TEXTS, TOP
from core.engines.protocol import COMPLETIONS, completion_request
from core.models.language_model import fetch_model, load_language_model
from core.models.spec import ModelSpec
from core.records import Sampler

PYTHON = "FORK_EXPLORER_VLLM"
"""Environment variable with the interpreter that has vLLM."""

NAME = "smollm2"
_START_SECONDS = 600


class RealVllm:
    """A server of SmolLM2 in float32, as a process that can be killed and come back.

    Args:
        log: the file of its output.
    """

    def __init__(self, log: Path) -> None:
        self._log = log
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self._port}"
        self._folder = fetch_model(ModelSpec(NAME)).folder
        self.start()

    def start(self) -> None:
        """Start it; it answers a minute or two later."""
        environment = {
            **{name: each for name, each in os.environ.items() if name != "PYTHONPATH"},
            "VLLM_CPU_KVCACHE_SPACE": "2",
            "HF_HUB_OFFLINE": "1",
            "VLLM_NO_USAGE_STATS": "1",
        }
        command = [
            *(os.environ[PYTHON], "-m", "vllm.entrypoints.cli.main", "serve", str(self._folder)),
            *("--host", "127.0.0.1", "--port", str(self._port), "--served-model-name", NAME),
            *("--dtype", "float32", "--max-model-len", "1024"),
            "--enforce-eager",  # compiling takes minutes here
        ]
        with self._log.open("a") as log:
            self._process = subprocess.Popen(
                command, env=environment, stdout=log, stderr=log, start_new_session=True
            )

    def wait(self) -> None:
        """Until it answers."""
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline and self._process.poll() is None:
            try:
                if httpx2.get(f"{self.url}/health", trust_env=False).status_code == 200:
                    return
            except httpx2.TransportError:
                time.sleep(1)
        raise AssertionError(f"vLLM doesn't answer: {self._log.read_text()[-3000:]}")

    def kill(self) -> None:
        """SIGKILL for all of its processes."""
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()


def record(server: RealVllm, folder: Path) -> None:
    """Write what the server answers to some requests, without names of this machine and times."""
    folder.mkdir(exist_ok=True)
    lm = load_language_model(ModelSpec(NAME, dtype="float32"))
    prompt = lm.text.tokenise("Question: What is 3 + 4?\nAnswer: 7\n\nQuestion: 5 + 2?\nAnswer:")
    sampler = Sampler(stop=("\nQuestion:",))
    chain = completion_request(NAME, prompt, sampler, seed=1, max_tokens=60, end_ids=lm.eos_ids)
    requests = {
        "chain": chain,
        "check": completion_request(NAME, TEXTS[0], Sampler(), max_tokens=1, top=TOP),
        "no_such_model": {**chain, "model": "other"},
        "too_long": {**chain, "max_tokens": 5000},
    }
    with httpx2.Client(base_url=server.url, trust_env=False, timeout=300) as client:
        _write(folder / "models.json", client.get("/v1/models").json())
        _write(folder / "version.json", client.get("/version").json())
        for name, fields in requests.items():
            _write(folder / f"{name}.json", client.post(COMPLETIONS, json=fields).json())
            if name in ("chain", "check"):
                _write(folder / f"{name}_request.json", fields)


def _write(path: Path, answer: Any) -> None:
    path.write_text(json.dumps(_anonymous(answer), ensure_ascii=False) + "\n", encoding="utf-8")


def _anonymous(value: Any) -> Any:
    fixed = {"created": 0, "root": "model"}
    if isinstance(value, dict):
        named = {key: fixed.get(key, _anonymous(each)) for key, each in value.items()}
        is_random = str(named.get("id")).startswith(("cmpl", "modelperm"))
        return named | ({"id": "0"} if is_random else {})
    return [_anonymous(each) for each in value] if isinstance(value, list) else value


if __name__ == "__main__":
    recorded = Path(sys.argv[1])
    running = RealVllm(recorded.with_suffix(".log"))
    try:
        running.wait()
        record(running, recorded)
    finally:
        running.kill()
        recorded.with_suffix(".log").unlink()
