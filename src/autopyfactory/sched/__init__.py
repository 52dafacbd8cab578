"""Rules: pure functions, one per file, and the chain that runs them."""
