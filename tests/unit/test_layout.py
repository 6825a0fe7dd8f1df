"""The shape of the house: which room may use which, what a rule and its door must have, what may lie where."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ["source", "shots", "encode", "quality", "hull", "search", "ladder", "package", "report", "corpus"]
ROOMS += ["compare", "catalogue", "learn", "bench"]
FOLDERS = {"config", "docs", "envs", "model", "profiles", "rules", "scripts", "tests", ".ci", ".github"}
LINES = 500
LEFT_OPEN = re.compile(r"\b(TO" + "DO|FIX" + "ME|XX" + r"X)\b|NotImplemented")
HEAVY = {"numpy", "pandas", "pyarrow", "av", "cv2", "scenedetect", "altair", "numba", "onnxruntime", "matplotlib"}


def imported_names(module: Path, scripts: Path) -> Iterator[str]:
    """Absolute dotted names that a module imports, wherever in the module it does so."""
    package = module.relative_to(scripts).with_suffix("").parts[:-1]
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = list(package[: len(package) - node.level + 1]) if node.level else []
            base += node.module.split(".") if node.module else []
            yield from (".".join([*base, alias.name]) for alias in node.names)


def faults_of_imports(scripts: Path) -> list[str]:
    """Imports of the library that run against the order of the rooms, or know of Snakemake."""
    faults = []
    for module in sorted((scripts / "laddersmith").rglob("*.py")):
        inside = module.relative_to(scripts / "laddersmith")
        own = inside.parts[0] if len(inside.parts) > 1 else None
        if own is not None and own not in ROOMS:
            faults.append(f"{own}/ is no room of the design")
            continue
        for name in imported_names(module, scripts):
            parts = name.split(".")
            if parts[0] == "snakemake":
                faults.append(f"{inside} imports snakemake")
            if parts[0] != "laddersmith" or len(parts) < 2 or parts[1] not in ROOMS:
                continue
            if own is None:
                faults.append(f"{inside}, of the ground floor, imports the room {parts[1]}")
            elif ROOMS.index(parts[1]) > ROOMS.index(own):
                faults.append(f"{inside} imports {parts[1]}, which comes after {own}")
    return faults


def rules_of(text: str) -> dict[str, dict[str, str]]:
    """The rules of a .smk file: name to directive to what stands under it."""
    found = {}
    for kind, name, body in re.findall(r"^(rule|checkpoint) (\w+):\n((?:[ \t]+.*\n|\n)*)", text + "\n", re.MULTILINE):
        found[name] = dict(re.findall(r"^    (\w+):[ \t]*((?:.*\n)(?:^ {8,}.*\n|\n)*)", body, re.MULTILINE)) | {
            "kind": kind
        }
    return found


def faults_of_rules(root: Path) -> list[str]:
    """Rules that lack what every computing rule must have, and doors that no rule opens."""
    faults, doors = [], set()
    for file in sorted((root / "rules").glob("*.smk")):
        for name, rule in rules_of(file.read_text()).items():
            if rule["kind"] == "checkpoint":
                faults.append(f"{file.name}: {name} is a checkpoint; the DAG is static")
            if "run" in rule or "shell" in rule:
                faults.append(f"{file.name}: {name} computes in the rule itself, not through a door")
            if "script" not in rule:
                continue
            faults += [
                f"{file.name}: {name} has no {part}" for part in ("log", "benchmark", "message") if part not in rule
            ]
            door = (file.parent / rule["script"].strip().strip("\"'")).resolve()
            doors.add(door)
            if not door.is_file():
                faults.append(f"{file.name}: {name} runs {door.name}, which is not there")
    faults += [f"no rule runs {p.name}" for p in sorted((root / "scripts").glob("*.py")) if p.resolve() not in doors]
    return faults


def faults_of_files(root: Path, files: list[str]) -> list[str]:
    """Files in folders that the design does not name, files grown too long, and work left open."""
    faults = [f"{f}: not in a folder of the design" for f in files if "/" in f and f.split("/")[0] not in FOLDERS]
    for file in files:
        if not file.startswith(("scripts/", "rules/", "Snakefile")) or not file.endswith((".py", ".smk", "Snakefile")):
            continue
        lines = (root / file).read_text().splitlines()
        if len(lines) > LINES:
            faults.append(f"{file}: {len(lines)} lines, more than {LINES}")
        faults += [
            f"{file}:{n}: left open: {line.strip()}" for n, line in enumerate(lines, 1) if LEFT_OPEN.search(line)
        ]
    return faults


def files_of_project() -> list[str]:
    """Files that git tracks or would track; in a copy without git, every file outside caches and results."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("not a git checkout: which files belong to the project cannot be told")
    return [name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


def write(root: Path, **files: str) -> Path:
    """A made-up tree; in a name `__` stands for a slash and `_py`, `_smk` for the suffix."""
    for name, text in files.items():
        path = root / re.sub(r"_(py|smk)$", r".\1", name.replace("__", "/"))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def test_imports_run_one_way_and_know_nothing_of_snakemake():
    assert faults_of_imports(ROOT / "scripts") == []


@pytest.mark.parametrize(
    ("module", "text", "fault"),
    [
        ("hull__envelope_py", "from ..ladder import rungs", "hull/envelope.py imports ladder, which comes after hull"),
        ("hull__envelope_py", "from laddersmith.ladder.rungs import x", "imports ladder"),
        ("encode__codecs__x264_py", "from ...quality import score", "encode/codecs/x264.py imports quality"),
        ("source__frames_py", "def f():\n    import laddersmith.report", "source/frames.py imports report"),
        ("source__frames_py", "from .. import shots", "source/frames.py imports shots"),
        ("tables_py", "from .source import media", "tables.py, of the ground floor, imports the room source"),
        ("quality__engine_py", "from snakemake.script import snakemake", "quality/engine.py imports snakemake"),
        ("attic__old_py", "", "attic/ is no room"),
    ],
)
def test_an_import_against_the_order_is_found_out(tmp_path, module, text, fault):
    scripts = write(tmp_path, **{f"laddersmith__{module}": text})
    assert any(fault in found for found in faults_of_imports(scripts))


def test_imports_along_the_order_pass(tmp_path):
    write(
        tmp_path,
        laddersmith__ladder__rungs_py="from ..hull import a\nfrom . import spacing\nfrom ..tables import read",
    )
    assert faults_of_imports(tmp_path) == []


def test_every_rule_has_its_log_benchmark_message_and_door():
    assert faults_of_rules(ROOT) == []


def users_of_learn(scripts: Path) -> list[str]:
    """Doors and the command line, where they import the room whose needs the locked environment of a run lacks."""
    files = [*sorted(scripts.glob("*.py")), scripts / "laddersmith" / "__main__.py"]
    return [file.name for file in files if file.is_file() and "laddersmith.learn" in file.read_text()]


def test_no_job_makes_a_model():
    assert users_of_learn(ROOT / "scripts") == []


def test_a_door_that_makes_a_model_is_found_out(tmp_path):
    write(tmp_path, train_py="from laddersmith.learn import vmaf_models", score_py="from laddersmith import registry")
    assert users_of_learn(tmp_path) == ["train.py"]


GOOD_RULE = """rule hull:
    input:
        "a",
    log:
        "logs/hull.log",
    benchmark:
        "benchmarks/hull.tsv"
    message:
        "hull"
    script:
        "../scripts/hull.py"
"""


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (("", ""), None),
        (("    log:\n", "    params:\n"), "hull has no log"),
        (("    benchmark:\n", "    params:\n"), "hull has no benchmark"),
        (("    message:\n", "    params:\n"), "hull has no message"),
        (("hull.py", "null.py"), "hull runs null.py, which is not there"),
        (("hull.py", "null.py"), "no rule runs hull.py"),
        (("rule hull", "checkpoint hull"), "hull is a checkpoint"),
        (('script:\n        "../scripts/hull.py"', "run:\n        print()"), "computes in the rule itself"),
        (('script:\n        "../scripts/hull.py"', 'shell:\n        "true"'), "computes in the rule itself"),
    ],
)
def test_a_rule_that_lacks_something_is_found_out(tmp_path, change, fault):
    write(tmp_path, rules__hull_smk=GOOD_RULE.replace(*change), scripts__hull_py="")
    found = faults_of_rules(tmp_path)
    assert found == [] if fault is None else any(fault in one for one in found)


def test_files_lie_where_the_design_says_and_none_has_grown_past_its_room():
    assert faults_of_files(ROOT, files_of_project()) == []


def test_a_stray_folder_a_long_file_and_open_work_are_found_out(tmp_path):
    left = "# TO" + "DO: later\n"
    write(
        tmp_path,
        scripts__a_py="x = 1\n" * (LINES + 1),
        rules__b_smk=left,
        tools__c_py="",
        Snakefile="raise NotImplementedError\n",
    )
    assert faults_of_files(tmp_path, ["scripts/a.py", "rules/b.smk", "tools/c.py", "Snakefile"]) == [
        "tools/c.py: not in a folder of the design",
        f"scripts/a.py: {LINES + 1} lines, more than {LINES}",
        "rules/b.smk:1: left open: " + left[:-1],
        "Snakefile:1: left open: raise NotImplementedError",
    ]


def heavy_after(code: str) -> set[str]:
    """Heavy packages that are loaded once a fresh Python has run `code` beside the library."""
    code += "\nimport sys; print(' '.join(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT / "scripts", capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return HEAVY & set(done.stdout.split())


def test_the_snakefile_imports_nothing_heavy():
    files = [ROOT / "Snakefile", *sorted((ROOT / "rules").glob("*.smk"))]
    statement = re.compile(r"^(?:from|import) (?:[^(\n]*\([^)]*\)|.*)$", re.MULTILINE)
    found = [line for file in files for line in statement.findall(file.read_text())]
    imports = [line for line in found if "snakemake" not in line]
    assert any("laddersmith" in line for line in imports)
    assert heavy_after("\n".join(imports)) == set()


def test_looking_a_model_up_imports_nothing_heavy():
    assert heavy_after("from laddersmith import registry; registry.entry('vmaf_v0.6.1')") == set()


def test_a_heavy_import_is_found_out():
    assert heavy_after("import laddersmith.tables") >= {"pandas", "numpy", "pyarrow"}
