"""Partners' machines: who they are, what they may do, and what proves it."""
