"""Which jobs a changed key repeats: those of the stages that read it, and what follows from them."""

import json
import re

import pytest
from workplace import Workplace

JOBS = re.compile(r"^(\w+) +\d+$", re.MULTILINE)


def repeated(finished: Workplace, **changes: dict) -> set[str]:
    """The rules whose jobs a dry run would repeat with keys of the config's sections changed."""
    place = Workplace(finished.path, json.loads(json.dumps(finished.config)))
    for section, keys in changes.items():
        place.config[section] = place.config.get(section, {}) | keys
    said = place.run("-n", "ladders")
    return set(JOBS.findall(said)) - {"ladders", "total"}


@pytest.mark.parametrize(
    ("changes", "first"),
    [
        ({"ladder": {"rungs": 4}}, "choose"),
        ({"ladder": {"min_kbps": 2}}, "choose"),
        ({"ladder": {"max_jump": 50}}, "hull"),
        ({"ladder": {"max_buffer_s": 900}}, "ladder"),
        (
            {
                "fixed_ladder": {
                    "rungs": {"x264": [{"height": 54, "kbps": 30}, {"height": 90, "kbps": 150}], "x265": []}
                }
            },
            None,
        ),
        ({"package": {"segment_s": 4}}, "ladder"),
        ({"ladder": {"max_peak_ratio": 900}}, "choose"),
    ],
)
def test_a_changed_key_repeats_the_stages_that_read_it(finished, changes, first):
    order = ["hull", "choose", "encode", "score", "ladder"]
    assert repeated(finished, **changes) == set(order[order.index(first) :] if first else [])
