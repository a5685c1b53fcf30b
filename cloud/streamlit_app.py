"""What Streamlit Community Cloud starts: the app, with the settings and packages beside this file.

On any other machine, start `fork-explorer app` or `streamlit run explorer/app.py`.
"""

from __future__ import annotations

import runpy
from pathlib import Path

runpy.run_path(str(Path(__file__).resolve().parents[1] / "explorer" / "app.py"))
