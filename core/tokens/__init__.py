"""Text and token ids: prompts, chat templates, bytes of tokens, thinking parts."""
