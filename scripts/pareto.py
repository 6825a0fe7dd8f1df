"""Rule `title_pareto`: a title's points in, those that no other beats in bitrate, time and quality out."""

from laddersmith.compare.curves import costed
from laddersmith.compare.fronts import pareto_facts, pareto_picture
from laddersmith.door import door
from laddersmith.hull import AXES
from laddersmith.jsonfile import write_json, write_text
from laddersmith.report.svg import svg
from laddersmith.tables import POINTS, TITLE_POINTS, read


def main(points: str, hull: str, facts: str, picture: str) -> None:
    table = costed(read(hull, TITLE_POINTS), read(points, POINTS))
    found = pareto_facts(table, list(AXES))
    write_json(facts, found)
    write_text(picture, svg(pareto_picture(table, found).properties(background="white", padding=14)))


if __name__ == "__main__":
    door(main, snakemake)  # noqa: F821
