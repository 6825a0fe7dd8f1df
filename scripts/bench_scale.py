"""Rule `bench_scale`: a catalogue played over ever more nodes, out: figures and their picture."""

from laddersmith.bench.scale import bench_scale
from laddersmith.catalogue.scaling_plot import picture as draw
from laddersmith.door import door
from laddersmith.jsonfile import write_json, write_text
from laddersmith.report.svg import svg


def main(facts: str, picture: str) -> None:
    found = bench_scale()
    write_json(facts, found)
    write_text(picture, svg(draw(found["rows"])))


if __name__ == "__main__":
    door(main, snakemake)  # noqa: F821
