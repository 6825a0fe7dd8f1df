"""Rule `gate`: the verdicts and the package in; fails the title when a promise is broken."""

import json
from pathlib import Path

from laddersmith.door import door
from laddersmith.errors import GateError
from laddersmith.jsonfile import write_json
from laddersmith.package import check_package


def main(verdicts: list[str], package: str, gate: str, title: str) -> None:
    read = [json.loads(Path(path).read_text()) for path in verdicts]
    joined = json.loads((Path(package) / "ladder.json").read_text())
    problems = [
        f"{verdict['codec']} {rung['name']}: {problem}"
        for verdict in read
        for rung in verdict["rungs"]
        for problem in rung["problems"]
    ]
    problems += check_package(Path(package), joined).problems
    if problems:
        raise GateError(
            f"{title}: {len(problems)} promise(s) broken:\n" + "\n".join(f"  - {problem}" for problem in problems)
        )
    write_json(
        gate, {"schema": "laddersmith/gate/1", "title": title, "rungs": sum(len(v["rungs"]) for v in read), "ok": True}
    )


if __name__ == "__main__":
    door(main, snakemake)  # noqa: F821
