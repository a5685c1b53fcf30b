"""The Streamlit shell: screens over the `core` engine."""
