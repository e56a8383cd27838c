"""Calls to addresses that tenants name: which may be called, at what cost, and how signed."""
