"""Micro-genres: names of tastes such as "Dark Thrillers About Revenge", each with titles that it truly describes."""
