"""A server on localhost that completes prompts as vLLM does, over a tiny model: its answers have
the form of those in tests/data/vllm, which the real one gave.

It decodes by itself, token by token with plain transformers, and ends a completion by vLLM's rules:
end tokens, stop strings in the text, the limit. It can be busy, broken, silent, another model, or
gone and back on the same port, and it remembers every request.
"""

from __future__ import annotations

import json
import socket
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import torch
from transformers import DynamicCache

from core.models.language_model import LanguageModel


@dataclass(frozen=True)
class Fault:
    """What a request for a completion gets instead of an answer."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    half: bool = False  # the connection ends after half of the answer


Fields = dict[str, Any]
Change = Callable[[Fields], None]


class ServedModel:
    """A running server.

    Args:
        lm: what it serves.
        names: of its models; the second and later ones are adapters.
    """

    def __init__(self, lm: LanguageModel, *names: str) -> None:
        self.lm, self.names = lm, names or ("tiny",)
        self.version: str | None = "0.32.0"
        self.context_length: int = lm.context_length
        self.faults: deque[Fault] = deque()
        self.key: str | None = None  # that every request below /v1 must have
        self.change: Change = lambda answer: None  # what it does to its answers before it sends
        self.after = 0  # answered completions
        self.dies_after: int | None = None  # completions, then it is gone
        self.requests: list[Fields] = []
        self.most_at_once = self._at_once = 0
        self._lock, self._model_lock = threading.Lock(), threading.Lock()
        self._port = 0
        self.start()

    @property
    def url(self) -> str:
        """Where it is, also while it is gone."""
        return f"http://127.0.0.1:{self._port}"

    def start(self) -> None:
        """Come up, on the same port as before."""
        self._server = _Server(("127.0.0.1", self._port), _handler(self))
        self._port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self) -> None:
        """Go, with all connections."""
        self._server.shutdown()
        self._server.server_close()
        self._server.end_connections()

    def is_gone(self) -> bool:
        """Whether this completion is beyond the last one that it answers; then it goes."""
        with self._lock:
            self.after += 1
            if self.dies_after is None or self.after <= self.dies_after:
                return False
            self.dies_after = None
        threading.Thread(target=self.stop).start()
        return True

    @contextmanager
    def one_more(self) -> Iterator[None]:
        """Counts the requests that are answered at a time."""
        with self._lock:
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
        try:
            yield
        finally:
            with self._lock:
                self._at_once -= 1

    def models(self) -> Fields:
        base = self.names[0]
        cards = [
            {
                "id": name,
                "object": "model",
                "created": 0,
                "owned_by": "vllm",
                "root": "model" if name == base else "adapter",
                "parent": None if name == base else base,
                "max_model_len": self.context_length if name == base else None,
                "permission": [],
            }
            for name in self.names
        ]
        return {"object": "list", "data": cards}

    def completion(self, asked: Fields) -> Fields:
        """The answer to a request, as vLLM words it."""
        tokenizer = self.lm.tokenizer
        prompt = asked["prompt"]
        with self._model_lock:
            if isinstance(prompt, str):
                adds = asked.get("add_special_tokens", True)
                prompt = tokenizer.encode(prompt, add_special_tokens=adds)
            ids, reason, stop, tops = self._decoded(prompt, asked)
            text = tokenizer.decode(ids)
        logprobs = None
        if asked.get("logprobs") is not None:
            logprobs = {
                "text_offset": [0] * len(ids),
                "token_logprobs": [max(top.values()) for top in tops],
                "tokens": [tokenizer.decode([i]) for i in ids],
                "top_logprobs": tops,
            }
        choice = {
            "index": 0,
            "text": text,
            "logprobs": logprobs,
            "finish_reason": reason,
            "stop_reason": stop,
            "token_ids": ids if asked.get("return_token_ids") else None,
            "prompt_logprobs": None,
            "prompt_token_ids": prompt if asked.get("return_token_ids") else None,
            "routed_experts": None,
        }
        usage = {
            "prompt_tokens": len(prompt),
            "total_tokens": len(prompt) + len(ids),
            "completion_tokens": len(ids),
            "prompt_tokens_details": None,
            "completion_tokens_details": None,
        }
        return {
            "id": "cmpl-0",
            "object": "text_completion",
            "created": 0,
            "model": asked["model"],
            "choices": [choice],
            "service_tier": None,
            "system_fingerprint": "vllm-0.32.0-tiny",
            "usage": usage,
            "kv_transfer_params": None,
            "ec_transfer_params": None,
            "metrics": None,
        }

    def _decoded(
        self, prompt: list[int], asked: Fields
    ) -> tuple[list[int], str, int | str | None, list[dict[str, float]]]:
        generator = torch.Generator().manual_seed(asked["seed"])
        ends = {*self.lm.eos_ids, *asked["stop_token_ids"]}
        ids: list[int] = []
        tops = []
        cache, fresh = DynamicCache(), prompt
        with torch.inference_mode():
            while len(ids) < asked["max_tokens"]:
                logits = self.lm.model(
                    input_ids=torch.tensor([fresh]), past_key_values=cache, use_cache=True
                ).logits[0, -1]
                logprobs = logits.float().log_softmax(-1)
                token_id = _drawn(logits, asked, generator)
                if asked.get("logprobs") is not None:
                    best = logprobs.topk(asked["logprobs"]).indices.tolist()
                    shown = dict.fromkeys([token_id, *best])
                    tops.append({f"<{i}>": float(logprobs[i]) for i in shown})
                ids.append(token_id)
                fresh = [token_id]
                if token_id in ends:
                    return ids, "stop", None if token_id in self.lm.eos_ids else token_id, tops
                text = self.lm.tokenizer.decode(ids)
                for stop in asked["stop"]:
                    if stop in text:
                        return ids, "stop", stop, tops
        return ids, "length", None, tops


def _drawn(logits: torch.Tensor, asked: Fields, generator: torch.Generator) -> int:
    if asked["temperature"] == 0:
        return int(logits.argmax())
    probabilities = (logits.float() / asked["temperature"]).softmax(-1)
    sorted_ones, ids = probabilities.sort(descending=True)
    sorted_ones[sorted_ones.cumsum(0) - sorted_ones >= asked["top_p"]] = 0
    return int(ids[torch.multinomial(sorted_ones, 1, generator=generator)])


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, *given: Any) -> None:
        self._open: list[Any] = []
        super().__init__(*given)

    def get_request(self) -> Any:
        request = super().get_request()
        self._open.append(request[0])
        return request

    def handle_error(self, *_: Any) -> None:
        """The client went away, or this server ended."""

    def end_connections(self) -> None:
        for each in self._open:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)


def _handler(model: ServedModel) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: Any) -> None:
            pass

        def do_GET(self) -> None:
            if self._is_refused():
                return
            if self.path == "/v1/models":
                self._send(200, model.models())
            elif self.path == "/version" and model.version is not None:
                self._send(200, {"version": model.version})
            else:
                self._send(404, {"detail": "Not Found"})

        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if self._is_refused():
                return
            if self.path != "/v1/completions":
                self._send(404, {"detail": "Not Found"})
                return
            model.requests.append(asked)
            if model.is_gone():
                self.close_connection = True
                return
            if model.faults:
                self._fail(model.faults.popleft(), asked)
                return
            if asked["model"] not in model.names:
                self._error(404, f"The model `{asked['model']}` does not exist.")
                return
            with model.one_more():
                answer = model.completion(asked)
            model.change(answer)
            self._send(200, answer)

        def _is_refused(self) -> bool:
            key = self.headers.get("Authorization")
            if model.key is None or key == f"Bearer {model.key}" or self.path == "/version":
                return False
            self._send(401, {"error": "Unauthorized"})
            return True

        def _fail(self, fault: Fault, asked: Fields) -> None:
            body = fault.body
            if fault.half:
                body = json.dumps(model.completion(asked)).encode()
            self.send_response(fault.status)
            for name, value in fault.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[: len(body) // 2] if fault.half else body)
            self.close_connection = fault.half

        def _error(self, status: int, message: str) -> None:
            error = {"message": message, "type": "Error", "param": None, "code": status}
            self._send(status, {"error": error})

        def _send(self, status: int, answer: Fields) -> None:
            body = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    return Handler
