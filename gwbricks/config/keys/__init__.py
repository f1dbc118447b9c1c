"""The keys that a config may have: one tree of them, its checks, and its page."""
