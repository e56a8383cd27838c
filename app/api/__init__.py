"""The routes of the contract, a module for each resource; each handler calls one action."""
