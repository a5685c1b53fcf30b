# The app on a processor, without CUDA. docs/deploy.md says how to run it.
#     docker build --tag fork-explorer .
#     docker run --rm --publish 127.0.0.1:8501:8501 --volume fork-explorer:/data fork-explorer
FROM python:3.11-slim AS build

ENV PIP_NO_CACHE_DIR=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv /opt/venv
ENV PATH=/opt/venv/bin:$PATH

WORKDIR /build
COPY constraints.txt .
# torch first, from PyTorch's index of wheels for processors: smaller by gigabytes.
RUN pip install --constraint constraints.txt \
    --extra-index-url https://download.pytorch.org/whl/cpu torch
COPY pyproject.toml README.md LICENSE ./
COPY core core
COPY explorer explorer
COPY pages pages
COPY sample_data sample_data
RUN pip install --constraint constraints.txt ".[gguf,hub-datasets,pictures]"

FROM python:3.11-slim

# Hugging Face Spaces run a container as the user 1000.
RUN useradd --create-home --uid 1000 explorer \
    && mkdir /data \
    && chown explorer /data
COPY --from=build /opt/venv /opt/venv

# Sessions, runs and fetched models; without a volume they end with the container.
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    FORK_EXPLORER_HOME=/data \
    HF_HOME=/data/huggingface
VOLUME /data
USER explorer
WORKDIR /home/explorer

EXPOSE 8501
HEALTHCHECK --interval=30s --timeout=5s --start-period=90s \
    CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:8501/_stcore/health', timeout=4)"]
# Browsers may call it localhost; other names come from FORK_EXPLORER_ALLOW_HOST.
CMD ["fork-explorer", "app", "--address", "0.0.0.0", "--port", "8501", "--headless"]
