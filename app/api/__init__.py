"""The routes of the contract, a module for each resource; a handler says what it does and calls an action."""
