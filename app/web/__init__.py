"""What every route shares: the application, its guard, authentication, formats, problems, OpenAPI."""
