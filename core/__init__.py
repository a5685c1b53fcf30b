"""The engine of the Decision Fork Explorer: token ids in, records out. Never imports streamlit."""

import os

# Threads that wait at a barrier give their core to other processes instead of spinning: two
# models at work at once would slow each other ten times. OpenMP reads it when torch is imported.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
