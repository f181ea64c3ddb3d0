"""Micro-genres: names of tastes such as "Dark Thrillers About Revenge", each with the titles that it truly describes."""
