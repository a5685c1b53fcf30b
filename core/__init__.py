"""The engine of the Decision Fork Explorer: token ids in, records out. Never imports streamlit."""
