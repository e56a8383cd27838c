"""How good the verdicts are: the product's own streaming path over public labelled series."""
