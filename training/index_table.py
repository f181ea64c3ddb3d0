"""The choice of an index as text for a terminal of 120 columns."""

from __future__ import annotations

from index.build import BuildReport
from index.filter_plan import FilterReport


def as_text(report: BuildReport, filters: FilterReport | None, seconds: float) -> str:
    """The curve, the choice, and how filtered searches fare. seconds: of the whole contest."""
    chosen = report.chosen
    lines = [
        f"{report.num_items:,} vectors, {report.num_queries} queries, recall@{report.k} at least {report.recall_floor}",
        "",
        f"  {'kind':14}{'effort':>7}{'recall':>9}{'us a query':>12}{'build s':>10}{'MB':>9}",
    ]
    for point in report.curve:
        mark = "*" if point == chosen else " "
        lines.append(
            f"{mark} {point.kind:14}{point.effort:7}{point.recall:9.4f}{point.us_a_query:12.0f}{point.build_s:10.2f}"
            f"{point.num_bytes / 1e6:9.1f}"
        )
    lines += ["", f"chosen: {chosen.kind}, effort {chosen.effort}, recall {chosen.recall:.4f}; {seconds:.1f} s in all"]
    return "\n".join([*lines, *_filters(report.num_items, filters)])


def _filters(num_items: int, filters: FilterReport | None) -> list[str]:
    if filters is None:
        return []
    share = filters.exact_allowed / num_items
    lines = [
        "",
        f"up to {filters.exact_allowed:,} allowed items ({share:.1%}) by brute force, more of them by the index:",
        "",
        f"  {'allowed':>8}  {'layout':10}{'way':14}{'recall':>8}{'us a query':>12}",
    ]
    points = (
        f"  {point.share:8.1%}  {point.layout:10}{point.way:14}{point.recall:8.4f}{point.us_a_query:12.0f}"
        for point in filters.points
    )
    return [*lines, *points]
