"""One function for each thing that a user can ask.

Only here do store, cache, queue and detection meet.
"""
