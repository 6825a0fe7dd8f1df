"""The report in a real browser that cannot reach any host."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from laddersmith.report import report_title, summarise
from report_inputs import HOSTILE, inputs

pytestmark = pytest.mark.system

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
QUIET = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    "--host-resolver-rules=MAP * ~NOTFOUND",
)
# Written by the page itself, in a copy for the test: how far its content reaches beyond the window, and what is drawn.
PROBE = """<script>
document.title = JSON.stringify([document.documentElement.scrollWidth - innerWidth,
  [...document.querySelectorAll("svg.plot")].filter(s => s.getBoundingClientRect().width > 0).length,
  getComputedStyle(document.querySelector("svg.plot [fill='#1f2328']")).fill]);
</script>"""


def browse(folder: Path, html: str, *more: str) -> tuple[str, str]:
    """The page's DOM after loading, and what the browser logged of it."""
    assert CHROMIUM, "no Chromium here; install Debian's package chromium"
    file = folder / "page.html"
    file.write_text(html, encoding="utf-8")
    command = [CHROMIUM, *QUIET, f"--user-data-dir={folder / 'profile'}", "--enable-logging=stderr", "--v=0", *more]
    done = subprocess.run([*command, "--dump-dom", file.as_uri()], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout, "\n".join(line for line in done.stderr.splitlines() if "CONSOLE" in line)


@pytest.mark.parametrize("title", ["bikes", HOSTILE])
def test_the_report_opens_without_a_network_and_without_a_complaint(tmp_path, title):
    dom, console = browse(tmp_path, report_title(**inputs(title, path=f"{title}.mp4", comment=title)))
    assert console == ""
    assert dom.count("<table") >= 8 and dom.count("<svg") == 14 and "avc1.64001e" in dom
    assert "<script" not in dom
    assert set(re.findall(r"https?://[^\s\"'<)]+", dom)) <= {"http://www.w3.org/2000/svg"}


def test_the_summary_opens_without_a_network_and_without_a_complaint(tmp_path):
    dom, console = browse(tmp_path, summarise([inputs(HOSTILE)["package"]]))
    assert console == "" and "<script" not in dom and 'href="a%22b' in dom


@pytest.mark.parametrize(
    ("more", "ink"),
    [
        (("--window-size=1400,900",), "rgb(31, 35, 40)"),
        (
            ("--window-size=1400,900", "--force-dark-mode", "--blink-settings=preferredColorScheme=0"),
            "rgb(230, 233, 237)",
        ),
    ],
)
def test_the_page_fits_its_window_in_light_and_dark(tmp_path, more, ink):
    assert measured(tmp_path, report_title(**inputs()), more) == (0, 7, ink)


def test_the_page_fits_a_telephone(tmp_path):
    frame = f'<iframe srcdoc="{escaped(probed(report_title(**inputs())))}" width="360" height="740"></iframe>'
    script = "<script>onload = () => { document.title = frames[0].document.title; };</script>"
    dom, _ = browse(tmp_path, f"<!doctype html><title></title>{frame}{script}")
    found = re.search(r"<title>\[(-?\d+),(\d+),", dom)
    assert found and int(found[1]) <= 0 and int(found[2]) == 7


def measured(folder: Path, html: str, more: tuple[str, ...]) -> tuple[int, int, str]:
    """Pixels beyond the window, pictures drawn, and the colour of the pictures' ink."""
    dom, _ = browse(folder, probed(html), *more)
    found = re.search(r'<title>\[(-?\d+),(\d+),"([^"]+)"\]</title>', dom)
    assert found, dom[:2000]
    return int(found[1]), int(found[2]), found[3]


def probed(html: str) -> str:
    """The page with a probe in it, which its own content policy would not let run."""
    return re.sub(r"<meta http-equiv[^>]+>", "", html).replace("</body>", f"{PROBE}</body>")


def escaped(html: str) -> str:
    return html.replace("&", "&amp;").replace('"', "&quot;")
