"""Pages for people. So far one at `/`, and the list of routes at `/docs`."""
