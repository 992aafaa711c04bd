"""Virtual distances and the bounds made of them, by hand and against scipy."""

import numpy as np
import pytest
from scipy import sparse

from sdm_core.effects import KernelGraph, PeakSources, source_voxels, study_bounds, virtual_distances
from sdm_core.spaces import NEIGHBOUR_OFFSETS, SHAPE, Mask, Template, voxel_to_mm
from sdm_core.studies import PeakTable, StudyTable

FWHM = 20.0
SIGMA = FWHM / (2 * np.sqrt(2 * np.log(2)))


def box_template(shape, rho=None, seed=0):
    """A box of voxels with constant (rho by neighbour type) or random correlations."""
    volume = np.zeros(SHAPE, dtype=bool)
    volume[tuple(slice(40, 40 + n) for n in shape)] = True
    mask, rng = Mask.from_volume(volume, "box"), np.random.default_rng(seed)
    correlations = np.full((13, mask.size), np.nan, dtype=np.float32)
    for k, offset in enumerate(NEIGHBOUR_OFFSETS):
        inside = mask.index_volume[tuple((mask.indices + offset).T)] >= 0
        values = rho ** np.abs(offset).sum() if rho else rng.uniform(0.7, 0.999, inside.sum())
        correlations[k, inside] = values
    return Template("box", correlations, mask)


def test_shortest_paths_agree_with_scipy_on_random_correlations():
    graph = KernelGraph.of(box_template((7, 8, 6)))
    rows, columns = np.nonzero(graph.neighbours >= 0)
    matrix = sparse.csr_matrix((graph.lengths[rows, columns], (rows, graph.neighbours[rows, columns])))
    for sources in ([0], [5, 100, 317]):
        expected = sparse.csgraph.dijkstra(matrix, indices=sources, min_only=True, limit=graph.limit)
        assert virtual_distances(graph, np.array(sources, dtype=np.int32)) == pytest.approx(expected, rel=1e-12)


def test_the_kernel_of_a_neighbour_is_its_correlation_at_full_anisotropy():
    template = box_template((3, 3, 3), rho=0.98)
    centre = template.mask.index_volume[41, 41, 41]
    distance = virtual_distances(KernelGraph.of(template), np.array([centre], dtype=np.int32))
    neighbour = template.mask.index_volume[42, 41, 41]
    assert np.exp(-(distance[neighbour] ** 2) / (2 * SIGMA**2)) == pytest.approx(0.98, rel=1e-6)


def test_at_full_anisotropy_distances_are_multiples_of_the_width_and_kernels_do_not_depend_on_it():
    template, first = box_template((7, 8, 6)), np.array([0], dtype=np.int32)

    def kernels(anisotropy, fwhm):
        graph = KernelGraph.of(template, anisotropy=anisotropy, fwhm_mm=fwhm)
        return np.exp(-(virtual_distances(graph, first) ** 2) / (2 * graph.sigma**2))

    assert kernels(1.0, 10.0) == pytest.approx(kernels(1.0, 20.0), rel=1e-12, abs=0)
    assert kernels(0.2, 10.0) != pytest.approx(kernels(0.2, 20.0), rel=0.1)


def test_no_path_leads_further_than_one_and_a_half_fwhm():
    template = box_template((25, 1, 1), rho=0.9)
    graph = KernelGraph.of(template, fwhm_mm=FWHM)
    distance = virtual_distances(graph, np.array([0], dtype=np.int32))
    step = np.sqrt(2 * SIGMA**2 * np.log(1 / np.float32(0.9)))
    reached = int(30 // step)
    assert np.isfinite(distance).sum() == reached + 1
    assert distance[reached] == pytest.approx(reached * step)


def test_without_anisotropy_distances_are_straight_lines():
    template = box_template((5, 5, 5), rho=0.8)
    distance = virtual_distances(KernelGraph.of(template, anisotropy=0), np.array([0], dtype=np.int32))
    mm = voxel_to_mm(template.mask.indices)
    assert distance == pytest.approx(np.linalg.norm(mm - mm[0], axis=1))


def bounds_of(template, starts, t, threshold=3.0, offsets=None):
    voxels = np.array(starts, dtype=np.int32)
    offsets = np.zeros(len(voxels)) if offsets is None else np.array(offsets)
    sources = PeakSources(voxels, offsets, np.arange(len(voxels) + 1))
    graph = KernelGraph.of(template)
    lower, upper = study_bounds(graph, sources, np.array(t), np.arange(len(t)), threshold)
    return graph, lower, upper


def test_one_peak_pins_its_voxel_and_leaves_far_ones_at_the_threshold():
    graph, lower, upper = bounds_of(box_template((40, 1, 1), rho=0.95), [0], [5.0])
    k = np.exp(-(virtual_distances(graph, np.array([0], np.int32)) ** 2) / (2 * SIGMA**2))
    assert (lower[0], upper[0]) == (5.0, 5.0)
    assert (lower[-1], upper[-1]) == (-3.0, 3.0)
    assert lower == pytest.approx(-3 + k * (5 + 3))
    assert upper == pytest.approx(3 + k * (5 - 3))


def test_two_peaks_are_averaged_by_inverse_squared_distance():
    template = box_template((9, 1, 1), rho=0.95)
    graph, lower, upper = bounds_of(template, [0, 8], [5.0, -4.0])
    d1, d2 = (virtual_distances(graph, np.array([s], np.int32))[3] for s in (0, 8))
    k1, k2 = (np.exp(-(d**2) / (2 * SIGMA**2)) for d in (d1, d2))
    w1, w2 = 1 / d1**2, 1 / d2**2
    assert lower[3] == pytest.approx((w1 * (-3 + k1 * 8) + w2 * (-3 + k2 * -1)) / (w1 + w2))
    assert upper[3] == pytest.approx((w1 * (3 + k1 * 2) + w2 * (3 + k2 * -7)) / (w1 + w2))
    assert (lower <= upper).all()


def test_peaks_at_the_same_voxel_share_their_mean():
    _, lower, upper = bounds_of(box_template((3, 1, 1), rho=0.95), [1, 1], [5.0, 4.0])
    assert (lower[1], upper[1]) == (4.5, 4.5)


def test_paths_start_with_the_distance_from_the_coordinate_to_the_voxel():
    _, lower, upper = bounds_of(box_template((9, 1, 1), rho=0.95), [0], [5.0], offsets=[1.5])
    step = np.sqrt(2 * SIGMA**2 * np.log(1 / np.float32(0.95)))
    assert (lower[0], upper[0]) == (5.0, 5.0)
    assert 1 - (upper[1:] - lower[1:]) / 6 == pytest.approx(
        np.exp(-((1.5 + step * np.arange(1, 9)) ** 2) / (2 * SIGMA**2)), rel=1e-5
    )


def test_a_voxel_as_near_as_a_coordinate_can_be_takes_the_peaks_value():
    for rho, same in ((0.9795, True), (0.979, False)):
        assert bool(2 * SIGMA**2 * np.log(1 / rho) <= 3) is same
        _, lower, upper = bounds_of(box_template((3, 1, 1), rho=rho), [0], [5.0])
        assert bool(lower[1] == upper[1] == 5.0) is same


def test_between_two_near_peaks_a_voxel_takes_the_value_of_the_nearest():
    _, lower, upper = bounds_of(box_template((3, 1, 1), rho=0.99), [0, 2], [5.0, 4.0], offsets=[0.0, 0.1])
    assert lower.tolist() == upper.tolist() == [5.0, 5.0, 4.0]


def peaks_at(*mm):
    studies = StudyTable.from_rows([{"study": "s", "n1": 20, "t_thr": 3}])
    count = len(mm)
    return PeakTable(np.zeros(count, int), np.array(mm, float), np.full(count, 4.0), np.ones(count, np.int8)), studies


@pytest.mark.parametrize(
    ("mm", "truncate", "count"),
    [
        ((0, 0, 0), False, 1),
        ((1, 0, 0), False, 2),
        ((1, 1, -1), False, 8),
        ((1.7, 0, 0), False, 1),
        ((1.7, 0, 0), True, 2),
    ],
)
def test_a_peak_starts_from_all_voxels_within_one_millimetre(mm, truncate, count):
    peaks, studies = peaks_at(mm)
    sources, warnings = source_voxels(peaks, studies, Mask.from_volume(np.ones(SHAPE), "all"), truncate=truncate)
    assert len(sources.voxels) == count
    assert sources.offsets == pytest.approx(np.full(count, np.sqrt(np.log2(count))))
    assert not warnings


def test_a_peak_outside_the_mask_moves_up_to_ten_millimetres():
    mask = box_template((3, 3, 3), rho=0.9).mask
    edge = voxel_to_mm([40, 41, 41])
    peaks, studies = peaks_at(edge + np.array([8, 0, 0]), edge + np.array([12, 0, 0]))
    sources, warnings = source_voxels(peaks, studies, mask)
    assert list(sources.voxels) == [mask.index_volume[40, 41, 41]]
    assert list(sources.starts) == [0, 1, 1]
    assert sources.offsets == pytest.approx([8.0])
    assert "starts from the nearest voxel" in warnings[0].message
    assert "left out" in warnings[1].message
