"""`sync`: many images between repositories and folders, as one list."""
