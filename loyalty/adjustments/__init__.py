"""Points changed by hand: asked for, decided by others, and kept in a register."""
