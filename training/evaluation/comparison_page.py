"""A comparison as one HTML file that needs no network: tables, paired differences and learning curves as inline SVG."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from html import escape
from string import Template
from typing import Final

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from training.evaluation.comparison import Comparison
from training.evaluation.comparison_table import NOTE, letters, metric_cells, metric_header
from training.evaluation.figures import COLOURS, INK, finish

PAGE: Final = Template("""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>$title</title>
<style>
body { font: 15px/1.5 system-ui, sans-serif; color: #1f2933; max-width: 72rem; margin: 2.5rem auto; padding: 0 1.5rem; }
h1 { font-size: 1.5rem; margin: 0 0 1.2rem; }
h2 { font-size: 1.05rem; margin: 2.4rem 0 .6rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: .875rem; }
th, td { padding: .3rem 1.2rem .3rem 0; text-align: left; border-bottom: 1px solid #e4e7eb; vertical-align: top; }
th { font-weight: 600; color: #52606d; }
.figures td:not(:first-child), .figures th:not(:first-child) {
  text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
tr.clear td { font-weight: 600; }
p { color: #52606d; max-width: 46rem; }
svg { max-width: 100%; height: auto; display: block; }
code { font-size: .85em; }
</style>
</head>
<body>
<h1>$title</h1>
$body
</body>
</html>
""")


def as_page(comparison: Comparison) -> str:
    """The whole document."""
    names = [run.name for run in comparison.runs]
    title = " against ".join(names) if len(names) == 2 else f"{len(names)} runs compared"
    sections = [
        _section("Runs", _table(["", "name", "id", "started (UTC)", "tags"], _run_rows(comparison), "runs")),
        _section("Parameters that differ", _params(comparison)),
        _section("Paired differences", _differences(comparison)),
        _section("Metrics", _metrics(comparison)),
        _section("Learning curves", _curves(comparison)),
    ]
    return PAGE.substitute(title=escape(title), body="\n".join(sections))


def _run_rows(comparison: Comparison) -> Iterable[list[str]]:
    for letter, run in zip(letters(comparison), comparison.runs, strict=True):
        tags = ", ".join(f"{name}: {value[:16]}" for name, value in sorted(run.tags.items()))
        yield [letter, run.name, run.id, f"{run.started:%Y-%m-%d %H:%M}", tags]


def _params(comparison: Comparison) -> str:
    if not comparison.params:
        return "<p>None.</p>"
    rows = ([name, *values] for name, values in comparison.params.items())
    return _table(["parameter", *letters(comparison)], rows, "params")


def _metrics(comparison: Comparison) -> str:
    cells = [metric_cells(row) for row in comparison.metrics]
    equal = f"<p>{comparison.num_equal} metrics are equal in all runs. {escape(NOTE)}</p>"
    return _table(metric_header(comparison), cells, "figures") + equal


def _differences(comparison: Comparison) -> str:
    """Point and interval of every metric of the whole cut that has one, a colour for each run."""
    rows = [row for row in comparison.metrics if any(d is not None and np.isfinite(d.low) for d in row.differences)]
    rows = [row for row in rows if row.name.count("/") == 1] or rows
    if not rows:
        return "<p>No two runs answered the same queries, so there are no paired intervals.</p>"
    figure = Figure(figsize=(8, 0.9 + 0.42 * len(rows)), layout="constrained")
    axes = figure.subplots()
    for offset, letter in enumerate(letters(comparison)[1:]):
        for place, row in enumerate(rows):
            difference = row.differences[offset]
            if difference is not None and np.isfinite(difference.low):
                height = place + 0.18 * offset
                axes.plot([difference.low, difference.high], [height, height], color=COLOURS[offset % len(COLOURS)])
                axes.plot(difference.mean, height, "o", color=COLOURS[offset % len(COLOURS)])
        axes.plot([], [], "o-", color=COLOURS[offset % len(COLOURS)], label=f"{letter} - A")
    axes.axvline(0, color=INK, linewidth=0.8)
    axes.set_yticks(range(len(rows)), [row.name for row in rows])
    axes.invert_yaxis()
    figure.legend(frameon=False, loc="outside right upper")
    finish(axes, "difference to A, paired bootstrap, 95 %")
    return _svg(figure)


def _curves(comparison: Comparison) -> str:
    names = sorted({name for run in comparison.runs for name in run.curves})
    if not names:
        return "<p>No run has metrics of more than one step.</p>"
    num_columns = min(len(names), 3)
    num_lines = -(-len(names) // num_columns)
    figure = Figure(figsize=(4 * num_columns, 2.8 * num_lines), layout="constrained")
    panels = figure.subplots(num_lines, num_columns, squeeze=False).ravel()
    for axes, name in zip(panels, names, strict=False):
        for position, (letter, run) in enumerate(zip(letters(comparison), comparison.runs, strict=True)):
            if name in run.curves:
                colour = COLOURS[position % len(COLOURS)]
                axes.plot(run.curves[name].steps, run.curves[name].values, ".-", color=colour, label=letter)
        axes.legend(frameon=False)
        finish(axes, name)
    for axes in panels[len(names) :]:
        axes.set_visible(False)
    return _svg(figure)


def _section(heading: str, body: str) -> str:
    return f"<h2>{escape(heading)}</h2>\n{body}"


def _table(header: Sequence[str], rows: Iterable[Sequence[str]], kind: str) -> str:
    head = "".join(f"<th>{escape(cell)}</th>" for cell in header)
    body = "\n".join(_table_row(cells) for cells in rows)
    return f'<div class="wide"><table class="{kind}">\n<tr>{head}</tr>\n{body}\n</table></div>'


def _table_row(cells: Sequence[str]) -> str:
    kind = ' class="clear"' if any(cell.endswith("] *") for cell in cells) else ""
    return f"<tr{kind}>" + "".join(f"<td>{escape(cell)}</td>" for cell in cells) + "</tr>"


def _svg(figure: Figure) -> str:
    """The drawing alone, without the XML head that names a DTD on the network."""
    drawing = io.StringIO()
    with mpl.rc_context({"svg.hashsalt": "marquee"}):
        figure.savefig(drawing, format="svg", metadata={"Date": None, "Creator": None})
    text = drawing.getvalue()
    return text[text.index("<svg") :]
