"""The page at /docs: Swagger UI from its Python package, so that it works without a network."""

from __future__ import annotations

from typing import Final

from starlette.staticfiles import StaticFiles
from swagger_ui_bundle import swagger_ui_path

PAGE: Final = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>Marquee</title>
<link rel="icon" href="docs/static/favicon-32x32.png">
<link rel="stylesheet" href="docs/static/swagger-ui.css">
</head>
<body>
<div id="swagger-ui"></div>
<script src="docs/static/swagger-ui-bundle.js"></script>
<script>
// Swagger UI 4 accepts 3.0 only; the document uses nothing that 3.0 would read differently.
fetch("openapi.json").then(answer => answer.json()).then(spec => SwaggerUIBundle({
  spec: {...spec, openapi: "3.0.3"}, dom_id: "#swagger-ui", deepLinking: true, validatorUrl: null,
  defaultModelsExpandDepth: 0, tryItOutEnabled: true,
}));
</script>
</body>
</html>
"""


def static_files() -> StaticFiles:
    """Scripts and styles of Swagger UI."""
    return StaticFiles(directory=str(swagger_ui_path))
