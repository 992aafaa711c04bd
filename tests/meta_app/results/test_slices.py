"""Slices drawn by the server: the right voxels, on the right side, from what was asked."""

import io

import matplotlib.image
import numpy as np
import pytest

from meta_app.results.domain import MAPS_BY_KEY
from meta_app.results.forms import SliceForm
from meta_app.results.overlay import beyond, display_top, reported_voxels, shown_scale, voxel_of
from meta_app.results.pictures import picture_of
from meta_app.results.selectors import read_result
from meta_app.results.slices import draw, placed
from sdm_core.spaces import AFFINE
from tests.meta_app.results.conftest import NEGATIVE_MM, POSITIVE_MM


def asked(**given):
    form = SliceForm({name: str(value) for name, value in given.items()})
    assert form.is_valid(), form.errors
    return form.cleaned_data


def pixels(run, **given):
    return matplotlib.image.imread(io.BytesIO(draw(picture_of(run, asked(**given)))))[..., :3]


def warm(image):
    """Where a picture is clearly orange."""
    return (image[..., 0] > 0.7) & (image[..., 2] < 0.35) & (image[..., 0] - image[..., 2] > 0.4)


def axial(image):
    """The quarter with the axial slice."""
    return image[image.shape[0] // 2 :, : image.shape[1] // 2]


def test_a_left_blob_is_on_the_left_and_on_the_right_in_radiological_convention(run):
    _, y, z = POSITIVE_MM
    columns = np.flatnonzero(warm(axial(pixels(run, x=0, y=y, z=z))).any(axis=0))
    mirrored = np.flatnonzero(warm(axial(pixels(run, x=0, y=y, z=z, side="radiological"))).any(axis=0))
    middle = pixels(run).shape[1] / 4
    assert columns.max() < middle < mirrored.min()


def test_a_higher_threshold_shows_fewer_voxels(run):
    low, high = (picture_of(run, asked(threshold=value)).overlay.values for value in (2.6, 4.0))
    assert 0 < np.count_nonzero(high > 0) < np.count_nonzero(low > 0)


def test_the_negative_threshold_follows_the_positive_one_unless_it_is_given(run):
    linked, own = picture_of(run, asked(threshold=3)), picture_of(run, asked(threshold=3, threshold_neg=-3.5))
    assert (linked.threshold_negative, own.threshold_negative) == (-3, -3.5)


def test_reported_clusters_only_is_the_start_and_all_voxels_on_request(run):
    only = picture_of(run, asked(map="tau2")).overlay.values
    every = picture_of(run, asked(map="tau2", clusters=0)).overlay.values
    sizes = sum(cluster.voxels for cluster in read_result(run).table().clusters)
    assert np.count_nonzero(only) == sizes < np.count_nonzero(every)


def test_reported_voxels_are_those_of_the_tables(run, blobs):
    maps = blobs.maps
    kept = reported_voxels(
        read_result(run).table().clusters[:1],
        maps["z"],
        maps["p_uncorrected"],
        maps["p_uncorrected_neg"],
        AFFINE,
        0.005,
    )
    assert kept.sum() == blobs.clusters[0].size_voxels
    assert kept[voxel_of(AFFINE, POSITIVE_MM)]
    assert not kept[voxel_of(AFFINE, NEGATIVE_MM)]


def test_p_is_shown_as_signed_log_p():
    shown = shown_scale(MAPS_BY_KEY["p"], [np.array([0.01, 0.9, 0.0]), np.array([0.99, 0.1, 0.0])])
    assert shown == pytest.approx([2, -1, 0])


def test_a_value_at_the_threshold_is_shown():
    assert list(beyond(np.array([3.0, 2.9, -3.0, -2.0]), 3, -3)) == [3, 0, -3, 0]


def test_an_all_zero_map_still_has_a_colour_bar():
    assert display_top("signed", np.zeros(5)) == 1


def test_a_volume_is_turned_so_that_each_axis_ascends():
    volume = np.arange(8.0).reshape(2, 2, 2)
    turned = placed(volume, np.diag([-2.0, 2, 2, 1]))
    assert list(turned.low) == [-2, 0, 0]
    assert turned.plane(0, -2)[0, 0] == volume[1, 0, 0]
    assert turned.plane(0, 40) is None


def test_the_same_question_gives_the_same_bytes(run, page, sign_in, viewer):
    client = sign_in(viewer)
    first, second = (client.get(page(run, "slices.png"), {"map": "g"}) for _ in range(2))
    assert first.content == second.content
    assert first.content.startswith(b"\x89PNG")
    assert first["Content-Type"] == "image/png"
    assert (
        client.get(page(run, "slices.png"), {"map": "g"}, headers={"If-None-Match": first["ETag"]}).status_code == 304
    )


@pytest.mark.parametrize("name", sorted(MAPS_BY_KEY))
def test_every_map_can_be_drawn(tested_run, page, sign_in, viewer, name):
    asked = {"map": name, "clusters": "0"}
    assert sign_in(viewer).get(page(tested_run, "slices.png"), asked).status_code == 200


def test_a_map_that_the_run_has_not_is_not_found(run, page, sign_in, viewer):
    assert sign_in(viewer).get(page(run, "slices.png"), {"map": "p_tfce"}).status_code == 404


def test_the_slices_show_the_clusters_of_the_chosen_correction(tested_run):
    told = read_result(tested_run)
    for correction in ("uncorrected", "voxel", "tfce"):
        shown = picture_of(tested_run, asked(correction=correction, map="tau2")).overlay.values
        assert np.count_nonzero(shown) == sum(cluster.voxels for cluster in told.table(correction).clusters)


def test_a_corrected_p_that_equals_the_threshold_is_shown_as_it_is_in_the_table(tested_run, tested):
    told = read_result(tested_run)
    (cluster,) = told.table("voxel").clusters
    shown = picture_of(tested_run, asked(correction="voxel", map="p_voxel")).overlay.values
    at_threshold = tested.maps["p_fwe_voxel"] == np.float32(2 / 40)
    assert at_threshold.any(), "of 40 permutations besides the data one reaches these voxels"
    assert np.count_nonzero(shown) == cluster.voxels


def test_inside_the_mask_a_p_of_1_is_a_reading_and_outside_there_is_none(tested_run):
    inside = picture_of(tested_run, asked(map="p_voxel", x=POSITIVE_MM[0] - 20, y=POSITIVE_MM[1], z=POSITIVE_MM[2]))
    assert "p 1 (either direction)" in inside.reading
    assert "outside the mask" in picture_of(tested_run, asked(map="p_voxel", x=0, y=0, z=-70)).reading


def test_a_result_with_nothing_significant_can_be_drawn(empty_run, page, sign_in, viewer):
    assert sign_in(viewer).get(page(empty_run, "slices.png")).status_code == 200


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("map", "../z"),
        ("x", "nan"),
        ("x", "91"),
        ("y", "-127"),
        ("z", "words"),
        ("threshold", "inf"),
        ("side", "up"),
        ("correction", "fdr"),
    ],
)
def test_what_makes_no_sense_is_refused_with_its_name(run, page, sign_in, viewer, name, value):
    answer = sign_in(viewer).get(page(run, "slices.png"), {name: value})
    assert answer.status_code == 400
    assert name in answer.content.decode()
