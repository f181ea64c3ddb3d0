from serving.page.homepage import Homepage, PageQuery
from serving.page.limited_choice import limited_choice, smallest
from serving.page.messages import Sizes
from tests.serving.conftest import NOW_MS


def test_larger_pages_are_worth_more_and_less_and_less_so(home: Homepage) -> None:
    queries = [PageQuery(f"viewer-{n:03d}", NOW_MS) for n in range(5)]
    report = limited_choice(home, queries, [Sizes(rows, 6, 2) for rows in (6, 1, 3)])
    assert [each.num_slots for each in report] == [6, 18, 36]
    assert [each.share for each in report] == sorted(each.share for each in report)
    assert report[-1].share == 1
    assert smallest(report, loss=0.99) == report[0]
    assert smallest(report, loss=0.0).num_slots <= 36
