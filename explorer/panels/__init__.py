"""Parts of screens: each reads widgets, calls core, draws."""
