"""How pages write times where Django writes them: with their zone."""
