"""The report of a title whose shots were measured at CRFs of their own."""

from laddersmith import tables
from laddersmith.hull import searched
from laddersmith.report.page import _measured
from laddersmith.report.plots import cloud
from report_inputs import inputs


def test_without_points_of_one_crf_the_allocations_are_drawn():
    given = inputs()
    apart = searched(given["hull"]).assign(allocation=tables.PER_SHOT)
    drawn = cloud(apart, given["ladder"]["rungs"], given["ladder"]["fixed"]).to_dict()
    rows = [row for table in drawn["datasets"].values() for row in table]
    assert sum(row["kind"] == "measured" for row in rows) == len(apart)
    said = _measured(apart, given["points"], given["shots"], given["ladder"])
    assert said.startswith(
        f"{len(given['points']):,} encodes of single shots, each of the 6 at CRFs of its own, to search"
    )


def test_without_any_point_of_the_title_the_rungs_are_drawn():
    given = inputs()
    drawn = cloud(given["hull"].iloc[:0], given["ladder"]["rungs"], given["ladder"]["fixed"]).to_dict()
    rows = [row for table in drawn["datasets"].values() for row in table]
    assert {row["kind"] for row in rows} == {"ladder", "fixed ladder"}
