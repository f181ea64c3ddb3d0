"""Routes of the HTTP server, one module a feature; `serving/app.py` lists them."""
