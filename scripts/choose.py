"""Rule `choose`: the hull in, the rungs out, and the last round's plan: their points and the fixed ladder's."""

from laddersmith import tables
from laddersmith.door import door
from laddersmith.encode import box, boxes
from laddersmith.jsonfile import write_json
from laddersmith.ladder import Asked, Rules, Segments, choose_answers, choose_points
from laddersmith.search import within_heights
from laddersmith.source import display_size, load_media


def main(
    facts: str,
    shots: str,
    points: str,
    hull: str,
    looks: list[str],
    plan: str,
    choice: str,
    title: str,
    rules: dict,
    search: dict,
    display: str,
    pooling: str,
    variants: dict,
    fixed: dict,
    heights: list[int],
    segments: dict | None,
    config: dict,
    limits: dict[str, list[int]] | None = None,
) -> None:
    media = load_media(facts)
    measured = tables.read(points, tables.POINTS)
    places = {height: box(media.width, media.height, height) for height in sorted(set(measured["height"]))}
    table = tables.read(shots, tables.SHOTS)
    at_hand, step = measured, search["crf_step"]
    if search["strategy"] == "adaptive":
        from laddersmith.search.looks import known_in_full, with_looks
        from laddersmith.search.memory import recall
        from laddersmith.search.outlook import Film, foresee

        size = display_size(media, display)
        tried = boxes(media.width, media.height, search["heights"])
        film = Film(title, table, size, search["variants"], tried, step)
        path = config["search"]["known_shots"]
        known = recall(path, film, model=config["quality"]["model"], pooling=pooling) if path else None
        fps = float(media.frame_rate)
        at_hand = with_looks(film, measured, tables.read_all(looks, tables.LOOKS), pooling, fps)
        at_hand, step = known_in_full(foresee(film, at_hand, fps, known), measured), None
    if limits:
        at_hand = within_heights(at_hand, limits)
    numbers = table["shot"].tolist()
    same = {
        "variants": variants,
        "boxes": boxes(media.width, media.height, heights) | places,
        "crf_step": step,
        "pooling": pooling,
        "duration_s": media.duration_s,
        "fixed": fixed,
        "title": title,
    }
    if search["target"]:
        asked = Asked(**search["target"])
        wanted, chosen = choose_answers(numbers, at_hand, asked, allocation=rules["allocation"], **same)
    else:
        wanted, chosen = choose_points(
            numbers,
            at_hand,
            tables.read(hull, tables.TITLE_POINTS),
            rules=Rules(**rules),
            segments=segments and Segments.of(segments, media.frame_rate),
            **same,
        )
    tables.write(plan, wanted, tables.PLAN)
    write_json(choice, chosen)


if __name__ == "__main__":
    door(main, snakemake)  # noqa: F821
