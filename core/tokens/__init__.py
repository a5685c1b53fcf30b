"""Text and token ids: prompts, chat templates, the bytes of tokens, thinking parts."""
