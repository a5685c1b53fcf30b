"""The screen of the papers' claims, checked on the model in hand."""
