"""The machine: files that a crash leaves whole, child processes, folders, versions."""
