"""Order: scores the candidates of one request with the behaviour and context of the moment."""
