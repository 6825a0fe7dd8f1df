"""Rule `gate`: the verdicts and the package in; fails the title when a promise is broken."""

from pathlib import Path

from laddersmith.door import door
from laddersmith.errors import GateError
from laddersmith.jsonfile import read_json, write_json
from laddersmith.package import check_package
from laddersmith.provenance import versions


def main(verdicts: list[str], package: str, gate: str, title: str, config: dict) -> None:
    read = [read_json(path) for path in verdicts]
    joined = read_json(Path(package) / "ladder.json")
    problems = [
        f"{verdict['codec']} {rung['name']}: {problem}"
        for verdict in read
        for rung in verdict["rungs"]
        for problem in rung["problems"]
    ]
    problems += check_package(Path(package), joined, timeout_s=config["package"]["timeout_s"]).problems
    if problems:
        raise GateError(
            f"{title}: {len(problems)} promise(s) broken:\n" + "\n".join(f"  - {problem}" for problem in problems)
        )
    rungs = sum(len(verdict["rungs"]) for verdict in read)
    write_json(
        gate,
        {"schema": "laddersmith/gate/1", "title": title, "ok": True, "rungs": rungs, "versions": versions()},
    )


if __name__ == "__main__":
    door(main, snakemake)  # noqa: F821
