# What jobs ask a cluster for: the resources mem_mb and runtime of the rules that work on pictures.

from laddersmith import needs


def picture_of(wildcards, input):
    """What is known of the title's picture when a job is sent: all, once the title is probed."""
    title = TITLES[wildcards.title]
    return needs.picture(str(input.facts), title.duration_s, heights_of(config, title))


def display_pixels(wildcards, picture):
    display = display_of(wildcards)
    if display == "source":
        return picture.pixels
    width, height = map(int, display.split("x"))
    return width * height


def limit(work):
    """The resource `runtime`, in minutes, of the seconds that work(wildcards, picture, threads) takes."""

    def runtime(wildcards, input, threads, attempt):
        return needs.minutes(
            work(wildcards, picture_of(wildcards, input), threads), attempt
        )

    return runtime


def points_of_round(wildcards, settings):
    """The most points of a shot at one height that a round asks for of a variant; in the last, of its codec."""
    if int(wildcards.round) == LAST:
        return config["ladder"]["rungs"]
    values = settings["crfs"] or settings["kbps"]
    if config["search"]["strategy"] == "adaptive":
        return max(len(values), config["search"]["max_points"])
    return len(values)


def codec_variants(wildcards):
    """The settings of the configured variants of a job's codec."""
    return [
        settings
        for settings in searched_variants(wildcards).values()
        if settings["codec"] == wildcards.codec
    ]


def encode_seconds(wildcards, picture, threads):
    """Of a batch at one height; the first batch has the fixed ladder too, which is of the whole title."""
    height, mine = int(wildcards.height), codec_variants(wildcards)
    pixels, frames = picture.pixels_in(height), picture.frames / batches_of(wildcards)
    points = max(points_of_round(wildcards, settings) for settings in mine)
    seconds = needs.encode_s(pixels, frames, mine, points)
    if int(wildcards.round) == LAST and int(wildcards.batch) == 0:
        fixed = fixed_rungs(wildcards).get(wildcards.codec, [])
        here = sum(rung["height"] == height for rung in fixed)
        seconds += needs.encode_s(pixels, picture.frames, mine[:1], here)
    return seconds / threads


def encode_mb(wildcards, input, threads, attempt):
    """The frames that the job keeps, Python, and an encoder for each thread."""
    pixels = picture_of(wildcards, input).pixels_in(int(wildcards.height))
    encoders = threads * needs.encoder_mb(pixels, codec_variants(wildcards))
    return attempt * (needs.PYTHON_MB + config["encode"]["frame_cache_mb"] + encoders)


def score_seconds(wildcards, picture, threads):
    """Of all encodes of a batch; in the first batch of the last round of the fixed ladder's, too."""
    last, heights = int(wildcards.round) == LAST, len(searched_heights(wildcards))
    variants = searched_variants(wildcards).values()
    if last:
        encodes = config["ladder"]["rungs"] * len(title_codecs(wildcards))
    elif config["search"]["strategy"] == "adaptive":
        encodes = sum(points_of_round(wildcards, settings) for settings in variants)
    else:
        encodes = heights * sum(
            points_of_round(wildcards, settings) for settings in variants
        )
    encodes = encodes / batches_of(wildcards)
    if last and int(wildcards.batch) == 0:
        encodes += sum(map(len, fixed_rungs(wildcards).values()))
    pixels, quality = display_pixels(wildcards, picture), config["quality"]
    seconds = needs.score_s(
        pixels, picture.frames, encodes, quality["engine"], quality["model"]
    )
    return seconds / threads


def score_mb(wildcards, input, threads, attempt):
    pixels = display_pixels(wildcards, picture_of(wildcards, input))
    cache_mb = config["encode"]["frame_cache_mb"]
    return attempt * needs.score_mb(pixels, cache_mb, threads)


def verify_seconds(wildcards, picture, threads):
    """By libvmaf, whatever searched; its float model where that is to verify."""
    floating = (
        config["verify"]["exact"] and config["quality"]["engine"] != "libvmaf"
    ) or "float" in config["quality"]["model"]
    seconds = needs.score_s(
        display_pixels(wildcards, picture),
        picture.frames,
        config["ladder"]["rungs"],
        "libvmaf",
        "float" if floating else "",
    )
    return seconds / threads


def look_seconds(wildcards, picture, threads):
    """Of reading every picture and asking the network about every one."""
    each = picture.pixels * needs.DECODE_S + needs.NETWORK_S
    return picture.frames * each / threads


def frame_seconds(wildcards, picture, threads):
    """Of what reads the tables of frames, or every picture once."""
    return picture.frames * (needs.FRAME_S + picture.pixels * needs.DECODE_S)
