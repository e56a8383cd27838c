"""How quick a history of ten million scores is, beside the same questions in plain SQL."""
