"""OpenAPI: one document per model, of what its dialects tell."""
