"""The homepage: rows of titles in a personal order, each with its reason."""
