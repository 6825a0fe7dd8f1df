import ast
import json
import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from html.parser import HTMLParser
from pathlib import Path

import altair
import pandas as pd
import pytest
from laddersmith import tables
from laddersmith.ladder import savings
from laddersmith.report import plots, report_title, summarise, summary_facts
from laddersmith.report.notices import notices
from laddersmith.report.overview import all_ok, by_codec
from laddersmith.report.page import templates
from laddersmith.report.palette import DARK
from laddersmith.report.svg import inline, pdf, svg
from laddersmith.report.words import MINUS, NONE, number, rate, signed, size, span, told
from report_inputs import CUTS, HOSTILE, inputs

ROOM = Path(plots.__file__).parent
VOID = {"meta", "br", "link", "img", "input", "hr"}


class Page(HTMLParser):
    """Tags in the order they open, texts, and a check that every tag is closed where it should be."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict]] = []
        self.open: list[str] = []
        self.texts: list[str] = []
        self.feed(page)
        assert not self.open

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())

    def ids(self) -> list[str]:
        return [attributes["id"] for _, attributes in self.tags if "id" in attributes]


@pytest.fixture(scope="module")
def page() -> str:
    return report_title(**inputs())


def with_change(change) -> Page:
    given = inputs()
    change(given)
    return Page(report_title(**given))


def test_the_ladder_stands_in_the_page_with_its_numbers(page):
    shown, given = Page(page).text, inputs()
    for rung in given["ladder"]["rungs"]:
        assert number(rung["bitrate_kbps"]) in shown and number(rung["quality"], 2) in shown
        assert rung["reason"] in shown and rung["name"] in page
    for verdict in given["verdicts"]:
        assert all(number(rung["quality"], 3) in shown for rung in verdict["rungs"])
    for wanted in (
        size(640, 272),
        size(480, 204),
        "avc1.64001e",
        "hvc1.1.6.L63.90",
        "only 0.4 VMAF above the rung below",
    ):
        assert wanted in shown
    assert f"{signed(savings(given['ladder'])['x264']['bd_rate_pct'])} %" in shown
    assert "snakemake --profile profiles/local results/bikes/report.html" in shown


def test_the_same_inputs_give_the_same_bytes(page):
    assert report_title(**inputs()) == page
    assert not re.search(r"\b20\d\d-\d\d-\d\d\b", page)


def test_nothing_in_the_page_points_outside_it(page):
    shown = Page(page)
    links = [value for _, attributes in shown.tags for name, value in attributes.items() if name in ("href", "src")]
    links = [link for link in links if not link.startswith("data:image/jpeg;base64,")]  # thumbnails, inside the page
    assert links and all(link.startswith("#") for link in links)
    assert {link[1:] for link in links} <= set(shown.ids())
    outside = set(re.findall(r"[a-z]+://[^\s\"'<)]+", page))
    assert outside <= {"http://www.w3.org/2000/svg"}
    assert not {"script", "link", "iframe", "object"} & {tag for tag, _ in shown.tags}


def test_no_id_stands_twice_and_every_clip_path_is_there(page):
    ids = Page(page).ids()
    assert len(ids) == len(set(ids))
    assert set(re.findall(r"url\(#([^)]+)\)", page)) <= set(ids)


def test_every_colour_of_the_pictures_has_its_twin_in_the_dark(page):
    pictures = "".join(re.findall(r"<svg.*?</svg>", page, re.DOTALL))
    used = set(re.findall(r'(?:fill|stroke)="(#[0-9a-f]{6})"', pictures))
    assert used and used <= set(DARK)


def luminance(colour: str) -> float:
    """Relative luminance as WCAG 2.2 defines it."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return sum(weight * c for weight, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("scheme", [0, 1])
def test_texts_have_the_contrast_that_wcag_asks_for(scheme):
    style = (ROOM / "templates" / "style.css").read_text()
    colours = dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6})", re.findall(r":root \{(.*?)\}", style, re.DOTALL)[scheme]))
    pairs = [(text, back) for text in ("ink", "muted", "link") for back in ("page", "card")]
    for text, back in [*pairs, ("good", "good-bg"), ("bad", "bad-bg"), ("warn", "warn-bg")]:
        assert contrast(colours[text], colours[back]) >= 4.5, (text, back)
    for light in (plots.INK, plots.MUTED):
        assert contrast([light, DARK[light]][scheme], colours["card"]) >= 4.5
    for light in (plots.FIXED, *plots.CODECS):
        assert contrast([light, DARK[light]][scheme], colours["card"]) >= 3


def test_what_strangers_wrote_is_text_wherever_it_stands():
    given = inputs(title=HOSTILE, path=f"/films/{HOSTILE}.mp4", language=HOSTILE, comment=HOSTILE)
    given["verdicts"][0]["rungs"][0]["problems"] = [HOSTILE]
    given["ladder"]["rungs"][0]["reason"] = HOSTILE
    given["ladder"]["missing"][0]["reason"] = HOSTILE
    given["package"]["warnings"] = [f"{HOSTILE}: {HOSTILE}"]
    left_out = {"kind": HOSTILE, "number": 0, "codec": HOSTILE, "language": HOSTILE, "reason": HOSTILE}
    given["package"]["left_out"] = [left_out]
    for html in (report_title(**given), summarise([given["package"]])):
        shown = Page(html)
        assert "script" not in {tag for tag, _ in shown.tags}
        assert not any(name.startswith("on") for _, attributes in shown.tags for name in attributes)
        assert HOSTILE in shown.text
    hrefs = [attributes["href"] for _, attributes in shown.tags if "href" in attributes]
    assert hrefs == ["a%22b%27%3Cscript%3Ealert%281%29%3C%2Fscript%3E%26%7B%7B%207%2A7%20%7D%7D/report.html"]


def test_names_of_variants_cannot_break_out_of_a_picture():
    given = inputs()
    given["hull"]["variant"] = given["hull"]["variant"].replace("x264", "<script>&\"'")
    pictures = ElementTree.fromstring(inline(plots.cloud(given["hull"], [], []), "cloud", HOSTILE))
    assert pictures.get("aria-label") == HOSTILE
    titles = [element.text for element in pictures.iter("{http://www.w3.org/2000/svg}title")]
    assert any(title.startswith("<script>&\"', 180p, CRF 20: ") for title in titles)


def test_a_sound_title_has_no_warnings_and_a_green_verdict(page):
    assert "✓ verified" in page and 'class="notices"' not in page


def test_a_broken_promise_stands_before_all_else():
    shown = with_change(broken).text
    top = shown[: shown.index("Rung Resolution")]
    assert "✗ broken promise" in top and "x264 180p_x264_crf36: frame 7 has VMAF 91.2" in top


def test_a_rung_without_a_score_is_shown_with_its_problem():
    shown = with_change(unscored).text
    assert (
        f"180p_x264_crf36 ✗ fails {NONE} 250 66.265 {NONE} {NONE} {NONE} {NONE} 180p_x264_crf36.mp4 does not" in shown
    )


def broken(given: dict) -> None:
    rung = given["verdicts"][0]["rungs"][0]
    rung |= {"ok": False, "problems": ["frame 7 has VMAF 91.2, predicted 93.0; a gap of 0.05 is allowed"]}
    given["verdicts"][0]["ok"] = False


def unscored(given: dict) -> None:
    rung = given["verdicts"][0]["rungs"][0]
    names = ("frames", "quality", "vmaf_mean", "gap_mean", "gap_frame", "psnr_cb", "psnr_cr", "zero_frames")
    rung |= {"ok": False, "problems": ["180p_x264_crf36.mp4 does not exist; run assemble again"]} | dict.fromkeys(names)
    given["verdicts"][0]["ok"] = False


def dull(given: dict) -> None:
    given["ladder"]["rungs"][0]["psnr_cb"] = 27.3


def zeros(given: dict) -> None:
    given["verdicts"][0]["rungs"][0]["zero_frames"] = 3


def left_out(given: dict) -> None:
    track = {"kind": "subtitle", "number": 1, "codec": "hdmv_pgs", "language": "fr", "reason": "it is made of bitmaps"}
    given["package"]["left_out"] = [track]


def high_peak(given: dict) -> None:
    given["package"]["warnings"] = ["x264 180p_x264_crf36: its peak is 2.4 times its average; cap the variant"]


def mezzanine(given: dict) -> None:
    given["facts"]["mezzanine"] = ["interlaced", "odd width 641"]


def high_range(given: dict) -> None:
    given["facts"]["hdr"] = {"transfer": "PQ"}


def unverified(given: dict) -> None:
    given["verdicts"] = given["verdicts"][:1]


def unexplained(given: dict) -> None:
    given["verdicts"][0]["ok"] = False


@pytest.mark.parametrize(
    ("change", "ok", "level", "wanted"),
    [
        (broken, False, "bad", "x264 180p_x264_crf36: frame 7 has VMAF 91.2"),
        (unscored, False, "bad", "x264 180p_x264_crf36: 180p_x264_crf36.mp4 does not exist"),
        (unexplained, False, "bad", "x264: the verdict is that a promise is broken"),
        (dull, True, "warn", "x264 180p_x264_crf36: chroma PSNR is 27.3 dB, below the alarm at 30 dB"),
        (zeros, True, "warn", "x264 180p_x264_crf36: 3 frame(s) have VMAF 0"),
        (left_out, True, "warn", "subtitle 1: not in the package (hdmv_pgs, language fr): it is made of bitmaps"),
        (high_peak, True, "warn", "x264 180p_x264_crf36: its peak is 2.4 times its average"),
        (mezzanine, True, "warn", "source: read through a lossless mezzanine: interlaced; odd width 641"),
        (high_range, True, "warn", "source: HDR (transfer PQ); a model made for SDR judges it outside its training"),
        (unverified, None, "warn", "x265: its renditions have not been verified"),
    ],
)
def test_what_needs_attention_is_noticed(change, ok, level, wanted):
    given = inputs()
    change(given)
    verdicts, package = given["verdicts"], given["package"]
    [notice] = notices(given["facts"], by_codec(given["ladder"], verdicts, package), verdicts, package, 30.0)
    assert notice["level"] == level and f"{notice['where']}: {notice['text']}".startswith(wanted)
    assert all_ok(given["ladder"], verdicts) is ok


def test_a_codec_without_rungs_is_shown_with_its_reason():
    def bare(given: dict) -> None:
        given["ladder"]["rungs"] = [r for r in given["ladder"]["rungs"] if r["codec"] == "x264"]
        given["verdicts"] = given["verdicts"][:1]
        given["package"]["savings"] = savings(given["ladder"])

    shown = with_change(bare)
    assert "Ladder of x265" in {a.get("aria-label") for _, a in shown.tags}
    assert "No BD-rate: the test curve has 0 rising point(s); a BD-rate needs 2." in shown.text


def test_a_codec_without_a_fixed_ladder_says_so():
    def bare(given: dict) -> None:
        given["ladder"]["fixed"] = []
        given["package"]["savings"] = savings(given["ladder"])

    shown = with_change(bare)
    assert shown.text.count("No rung of a fixed ladder was encoded for this codec.") == 2


def test_pictures_are_svg_and_pdf_for_papers():
    given = inputs()
    chart = plots.cloud(given["hull"], given["ladder"]["rungs"], given["ladder"]["fixed"])
    assert ElementTree.fromstring(svg(chart)).tag == "{http://www.w3.org/2000/svg}svg"
    assert pdf(chart).startswith(b"%PDF-")


def test_every_measured_point_and_rung_is_a_mark_of_the_cloud():
    given = inputs()
    hull, ladder = given["hull"], given["ladder"]
    picture = inline(plots.cloud(hull, ladder["rungs"], ladder["fixed"]), "cloud", "all")
    titles = re.findall(r"<title>(.*?)</title>", picture)
    measured = [t for t in titles if not t.endswith(("rung", "fixed ladder"))]
    assert len(measured) == (~hull["variant"].str.contains("@")).sum()
    assert sum(t.endswith("on the hull") for t in titles) == hull["on_hull"].sum()
    assert sum(t.endswith(", rung") for t in titles) == len(ladder["rungs"])
    assert sum(t.endswith(", fixed ladder") for t in titles) == len(ladder["fixed"])


def test_the_legend_of_the_cloud_names_each_kind_once_and_in_full():
    given = inputs()
    picture = svg(plots.cloud(given["hull"], given["ladder"]["rungs"], given["ladder"]["fixed"]))
    words = re.findall(r">([^<>]+)</text>", picture)
    assert [words.count(kind) for kind in plots.KINDS] == [1, 1, 1, 0]
    assert not [word for word in words if word.endswith("…")]


def test_a_film_of_any_length_draws_as_many_corners_as_a_screen_shows():
    film = pd.DataFrame({"time_s": [i / 24 for i in range(100_000)], "vmaf": [90 + i % 7 for i in range(100_000)]})
    film.loc[77_777, "vmaf"] = 12.0
    picture = inline(plots.frame_quality({"1080p": film}), "film", "all")
    assert len(picture) < 100_000 and ">12.0<" in picture


def test_more_rows_than_altair_lets_through_are_drawn():
    rows = pd.DataFrame({"x": range(6000), "y": range(6000)})
    assert "<path" in svg(altair.Chart(rows).mark_line().encode(x="x:Q", y="y:Q"))


def test_the_timeline_steps_at_the_cuts():
    given = inputs()
    chart = plots.timeline(given["shots"], given["ladder"]["rungs"][:1]).to_dict()
    rows = [row for data in chart["datasets"].values() for row in data if row.get("column") == "bitrate_kbps"]
    assert [row["time_s"] for row in rows] == [cut / 25 for cut in CUTS]
    points = given["ladder"]["rungs"][0]["points"]
    assert [row["value"] for row in rows] == [p["bitrate_kbps"] for p in [*points, points[-1]]]


def test_a_single_shot_of_one_frame_has_a_page():
    given = inputs()
    for name in ("shots", "points", "frames"):
        given[name] = given[name][given[name]["shot"] == 0].reset_index(drop=True)
    given["shots"].loc[0, ["end", "end_s"]] = [1, 0.04]
    given["frames"] = given["frames"][given["frames"]["frame"] == 0].reset_index(drop=True)
    for rung in given["ladder"]["rungs"]:
        rung["points"] = rung["points"][:1]
    assert Page(report_title(**given)).text.count("Lowest frame") == 2


def test_the_summary_has_a_row_per_title_and_links_to_its_report():
    packages = [inputs(title)["package"] for title in ("zebra", "été 1")]
    packages[0]["rungs"][0]["verified"] |= {"ok": False, "gap_mean": 0.7}
    packages[1]["rungs"][0]["verified"]["gap_mean"] = None
    shown = Page(summarise(packages))
    assert [a["href"] for _, a in shown.tags if "href" in a] == ["zebra/report.html", "%C3%A9t%C3%A9%201/report.html"]
    assert "2 titles, 1 with a broken promise." in shown.text and "0.7000" in shown.text
    assert summarise(packages[::-1]) == summarise(packages)


def test_the_summary_in_json():
    package = inputs()["package"]
    facts = summary_facts([package])
    assert json.loads(json.dumps(facts, allow_nan=False)) == facts and facts["schema"] == "laddersmith/summary/1"
    [title] = facts["titles"]
    rungs = [rung for rung in package["rungs"] if rung["codec"] == "x264"]
    assert (
        title["ok"]
        and title["worst_gap"] == 0.0031
        and title["codecs"][0]
        == {
            "codec": "x264",
            "rungs": len(rungs),
            "missing": 1,
            "min_kbps": min(rung["bitrate_kbps"] for rung in rungs),
            "max_kbps": max(rung["bitrate_kbps"] for rung in rungs),
            "min_quality": min(rung["quality"] for rung in rungs),
            "max_quality": max(rung["quality"] for rung in rungs),
            "bd_rate_pct": package["savings"]["x264"]["bd_rate_pct"],
        }
    )


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        (number(1234.5), "1,234"),
        (number(None), NONE),
        (number(float("nan")), NONE),
        (signed(-7.66), f"{MINUS}7.7"),
        (signed(3.0), "+3.0"),
        (signed(-0.01), "0.0"),
        (signed(None), NONE),
        (rate("30000/1001"), "29.97"),
        (rate("25/1"), "25"),
        (span([]), NONE),
        (span([3.0, 1.0]), f"1{NONE}3"),
        (told({"peak_nits": 1000.0, "on": True, "of": [1, 2]}), "peak (cd/m²) 1,000, on yes, of 1; 2"),
        (told(1234567), "1,234,567"),
    ],
)
def test_numbers_read_well(said, wanted):
    assert said == wanted


def test_pages_are_the_same_after_a_manifest_was_written():
    from xml.etree import ElementTree

    given = inputs()
    before = report_title(**given)
    ElementTree.register_namespace("", "urn:mpeg:dash:schema:mpd:2011")
    assert report_title(**given) == before


def test_a_template_that_names_what_is_not_there_fails():
    from jinja2 import UndefinedError

    with pytest.raises(UndefinedError, match="'titles' is undefined"):
        templates().get_template("summary.html.j2").render()


def test_the_doors_write_pages(tmp_path, bikes):
    given = inputs()
    given["facts"]["media"]["path"] = str(bikes)
    folder = tmp_path / "results" / "bikes"
    (folder / "package").mkdir(parents=True)
    for name in ("facts", "ladder"):
        (folder / f"{name}.json").write_text(json.dumps(given[name]))
    (folder / "package" / "ladder.json").write_text(json.dumps(given["package"]))
    for verdict in given["verdicts"]:
        (folder / f"{verdict['codec']}.json").write_text(json.dumps(verdict))
    for name, schema in (
        ("shots", tables.SHOTS),
        ("points", tables.POINTS),
        ("hull", tables.TITLE_POINTS),
        ("frames", tables.FRAMES),
    ):
        tables.write(folder / f"{name}.parquet", given[name], schema)
    doors = {name: door_of(name) for name in ("report", "summary")}
    doors["report"](
        **{name: str(folder / f"{name}.json") for name in ("facts", "ladder")},
        **{name: str(folder / f"{name}.parquet") for name in ("shots", "points", "hull")},
        frames=[str(folder / "frames.parquet")],
        verdicts=[str(folder / f"{codec}.json") for codec in ("x265", "x264")],
        package=str(folder / "package"),
        page=str(folder / "report.html"),
        title="bikes",
        chroma_alarm_db=30.0,
        config={"probe": {"timeout_s": 600}},
    )
    shown = Page((folder / "report.html").read_text())
    assert f"snakemake --profile profiles/local {folder / 'report.html'}" in shown.text
    assert (folder / "report.html").read_text().count('<img src="data:image/jpeg;base64,/9j/') == 6
    page, facts = folder.parent / "summary.html", folder.parent / "summary.json"
    doors["summary"](packages=[str(folder / "package")], page=str(page), facts=str(facts))
    assert json.loads(facts.read_text()) == summary_facts([given["package"]])
    assert page.read_text() == summarise([given["package"]])
    assert not list(tmp_path.rglob("*.partial*"))


def door_of(name: str):
    """The `main` of a door, loaded from its file as Snakemake does it."""
    import importlib.util

    spec = importlib.util.spec_from_file_location(f"door_{name}", ROOM.parent.parent / f"{name}.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.main


def test_only_the_rooms_that_make_pages_load_the_plotting_library():
    imported = [
        path
        for path in ROOM.parent.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Import | ast.ImportFrom)
        and {"altair", "vl_convert"}
        & {(getattr(node, "module", None) or alias.name).split(".")[0] for alias in node.names}
    ]
    assert {path.parent for path in imported} == {ROOM, ROOM.parent / "compare", ROOM.parent / "catalogue"}
    code = "import sys, laddersmith.ladder, laddersmith.package; sys.exit('altair' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOM.parent.parent).returncode == 0
