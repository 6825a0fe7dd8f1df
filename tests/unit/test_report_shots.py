"""The shots of a report: their pictures, and which of them get a row."""

import base64
from fractions import Fraction

import cv2
import numpy as np
import pytest
from laddersmith import source
from laddersmith.report import shown, thumbnails
from laddersmith.report.shots import ROWS, shot_rows, spread
from laddersmith.shots import Settings, find_shots
from laddersmith.source import Media
from report_inputs import inputs


def test_a_thumbnail_is_the_middle_picture_of_its_shot(bikes):
    media = Media(str(bikes), 640, 272, "yuv420p", 8, Fraction(25), 250)
    shots = find_shots(media, Settings(detector="fixed", fixed_length_s=4))
    found = thumbnails(media, shots, [1])
    assert set(found) == {1}
    coded = np.frombuffer(base64.b64decode(found[1].split(",")[1]), np.uint8)
    seen = cv2.imdecode(coded, cv2.IMREAD_COLOR)
    assert seen.shape == (54, 128, 3)
    whole = next(iter(source.pictures(media, 150, 151))).to_ndarray(format="bgr24")
    small = cv2.resize(whole, (128, 54), interpolation=cv2.INTER_AREA)
    assert np.abs(seen.astype(float) - small).mean() < 8  # JPEG, another filter


def test_the_shares_of_a_rung_sum_to_all_of_it():
    given = inputs()
    rung = given["ladder"]["rungs"][0]
    rows = shot_rows(given["shots"], [rung], given["pictured"])
    assert [row["shot"] for row in rows] == list(range(6))
    assert sum(row["time_pct"] for row in rows) == pytest.approx(100)
    assert sum(row["rungs"][0]["bits_pct"] for row in rows) == pytest.approx(100)
    assert [row["rungs"][0]["crf"] for row in rows] == [point["crf"] for point in rung["points"]]


def test_of_a_thousand_shots_the_dearest_get_a_row():
    shots = inputs()["shots"]
    many = shots.loc[shots.index.repeat(200)].reset_index(drop=True).assign(shot=range(1200))
    points = [{"shot": shot, "bytes": 1000 + shot % 700} for shot in range(1200)]
    found = shown(many, {"rungs": [{"points": points}]})
    assert len(found) == ROWS and found == sorted(found)
    assert min(points[shot]["bytes"] for shot in found) >= sorted(p["bytes"] for p in points)[-ROWS]
    assert shown(shots, {"rungs": []}) == list(range(6))


def test_crfs_in_words():
    assert spread({"crf": "23", "points": [{"crf": "23"}, {"crf": "23"}]}) == "23"
    assert spread({"crf": "24.37", "points": [{"crf": "22"}, {"crf": "25.5"}]}) == "24.4 (22\N{EN DASH}25.5)"
