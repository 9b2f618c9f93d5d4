"""Credentials: where they come from. They never leave in a repr, a log or an error."""
