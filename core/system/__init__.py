"""The machine: crash-safe files, child processes, folders, versions."""
