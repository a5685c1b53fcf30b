"""Base against teachers over a problem set (paper section 3)."""
