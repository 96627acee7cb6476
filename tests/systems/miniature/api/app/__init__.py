"""The miniature: a small API service with real dependencies, whose behaviour is set by its environment."""
