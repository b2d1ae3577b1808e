"""The strangers Postern is tested against, each run from a private directory on the loopback, and the helpers that drive them."""
