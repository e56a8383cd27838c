"""What every route shares: application, guard, authentication, formats, problems, OpenAPI."""
