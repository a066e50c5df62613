"""FTRL-proximal against the paper's algorithm written out, its objective, and scikit-learn's optimum."""

from __future__ import annotations

import math
from collections import defaultdict
from types import ModuleType

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression


@pytest.fixture(scope="module")
def ftrl(module) -> ModuleType:
    return module("movie-ftrl", "ftrl")


def _data(ftrl: ModuleType, rows: int = 300):
    """Two features, a category that may be absent and a bag with duplicates: coordinates 1-3 and 4-8."""
    rng = np.random.default_rng(5)
    tensors = {"a": rng.integers(-1, 3, rows), "b": rng.integers(-1, 5, (rows, 3))}
    examples = ftrl.pack(tensors, {"a": 1, "b": 4})
    matrix = np.zeros((rows, 9))
    matrix[:, 0] = 1
    for row in range(rows):
        for name, offset in (("a", 1), ("b", 4)):
            for found in np.atleast_1d(tensors[name][row]):
                if found >= 0:
                    matrix[row, offset + found] += 1
    labels = (rng.random(rows) < 1 / (1 + np.exp(-matrix @ rng.normal(0, 1, 9)))).astype(float)
    return examples, matrix, labels


def test_packed_rows_are_the_rows_of_the_matrix(ftrl) -> None:
    examples, matrix, _ = _data(ftrl)
    for row in range(len(examples)):
        start = examples.ends[row - 1] if row else 0
        ids, values = examples.ids[start : examples.ends[row]], examples.values[start : examples.ends[row]]
        assert ids.tolist() == np.flatnonzero(matrix[row]).tolist()
        assert values.tolist() == matrix[row][matrix[row] > 0].tolist()


def test_two_examples_worked_out_by_hand(ftrl) -> None:
    """α 0.1, β 1, λ1 0.1, λ2 1; the same two coordinates, first a like, then none."""
    learner = ftrl.Ftrl(3, ftrl.Settings(alpha=0.1, beta=1.0, l1=0.1, l2=1.0))
    examples = ftrl.pack({"x": np.array([0, 0])}, {"x": 2})
    labels = np.array([1.0, 0.0])

    learner.learn(examples, labels, [0])  # p = 0.5, g = -0.5, σ = (0.5 - 0) / 0.1 = 5
    assert learner.z.tolist() == [-0.5, 0.0, -0.5]
    assert learner.n.tolist() == [0.25, 0.0, 0.25]
    assert learner.weights() == pytest.approx([0.4 / 16, 0, 0.4 / 16])  # (0.5 - 0.1) / ((1 + 0.5) / 0.1 + 1)

    learner.learn(examples, labels, [1])  # p = 1 / (1 + e^-0.05) = 0.512497396, σ = (0.715998310 - 0.5) / 0.1
    assert learner.n[2] == pytest.approx(0.25 + 0.512497396**2, abs=1e-9)
    assert learner.z[2] == pytest.approx(-0.5 + 0.512497396 - 2.15998310 * 0.025, abs=1e-8)
    assert learner.weights().tolist() == [0.0, 0.0, 0.0]  # |z| = 0.0415 is below λ1


@pytest.mark.parametrize(("l1", "l2"), [(0.0, 0.0), (0.7, 0.0), (0.0, 2.0), (0.7, 2.0)])
def test_the_state_is_that_of_the_paper_written_out(ftrl, l1: float, l2: float) -> None:
    examples, matrix, labels = _data(ftrl)
    order = np.random.default_rng(2).permutation(len(labels)).tolist()
    learner = ftrl.Ftrl(9, ftrl.Settings(0.2, 0.5, l1, l2))
    learner.learn(examples, labels, order)

    z, n = _algorithm_1(matrix, labels, order, alpha=0.2, beta=0.5, l1=l1, l2=l2)
    np.testing.assert_allclose(learner.z, z, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(learner.n, n, rtol=1e-10, atol=1e-12)


def _algorithm_1(matrix, labels, order, *, alpha, beta, l1, l2):
    """McMahan et al. 2013, algorithm 1, line by line, on scalars."""
    z, n = defaultdict(float), defaultdict(float)
    for t in order:
        present = [i for i in range(matrix.shape[1]) if matrix[t, i] != 0]
        w = {}
        for i in present:
            sign = -1.0 if z[i] < 0 else 1.0
            w[i] = 0.0 if abs(z[i]) <= l1 else -1 / ((beta + math.sqrt(n[i])) / alpha + l2) * (z[i] - sign * l1)
        p = 1 / (1 + math.exp(-sum(w[i] * matrix[t, i] for i in present)))
        for i in present:
            g = (p - labels[t]) * matrix[t, i]
            sigma = (math.sqrt(n[i] + g * g) - math.sqrt(n[i])) / alpha
            z[i] += g - sigma * w[i]
            n[i] += g * g
    return [z[i] for i in range(matrix.shape[1])], [n[i] for i in range(matrix.shape[1])]


def test_weights_minimise_the_objective_that_the_paper_states(ftrl) -> None:
    """argmin_w  Σ g_s·w + ½ Σ σ_s |w - w_s|² + λ1 |w| + ½ (λ2 + β/α) |w|², by its subgradient in every coordinate."""
    examples, matrix, labels = _data(ftrl)
    settings = ftrl.Settings(0.3, 1.0, 6.0, 1.0)
    learner = ftrl.Ftrl(9, settings)
    gradients, sigmas, centres = np.zeros(9), np.zeros(9), np.zeros(9)
    for row in range(len(labels)):
        before, squares = learner.weights(), learner.n.copy()
        gradients += (1 / (1 + np.exp(-matrix[row] @ before)) - labels[row]) * matrix[row]
        learner.learn(examples, labels, [row])
        sigma = (np.sqrt(learner.n) - np.sqrt(squares)) / settings.alpha
        sigmas, centres = sigmas + sigma, centres + sigma * before

    weights = learner.weights()
    slope = gradients + sigmas * weights - centres + (settings.l2 + settings.beta / settings.alpha) * weights
    moved = weights != 0
    assert 0 < moved.sum() < 9
    np.testing.assert_allclose(slope[moved], -settings.l1 * np.sign(weights[moved]), atol=1e-9)
    assert (np.abs(slope[~moved]) <= settings.l1).all()


def test_many_passes_end_at_scikit_learns_optimum(ftrl) -> None:
    """The penalties are on the whole sum, so that passes wash them out: the limit is the likelihood's optimum."""
    examples, matrix, labels = _data(ftrl)
    learner, rng = ftrl.Ftrl(9, ftrl.Settings(1.0, 1.0, 0.1, 0.1)), np.random.default_rng(0)
    for _ in range(300):
        learner.learn(examples, labels, rng.permutation(len(labels)).tolist())
    oracle = LogisticRegression(C=1e8, fit_intercept=False, tol=1e-10, max_iter=10_000).fit(matrix, labels)
    np.testing.assert_allclose(learner.predict(examples), oracle.predict_proba(matrix)[:, 1], atol=0.01)
    np.testing.assert_allclose(learner.weights(), oracle.coef_[0], atol=0.02)


def test_a_stronger_l1_leaves_fewer_weights(ftrl) -> None:
    examples, _, labels = _data(ftrl)
    kept = []
    for l1 in (0.0, 3.0, 10.0, 1e6):
        learner = ftrl.Ftrl(9, ftrl.Settings(0.3, 1.0, l1, 0.0))
        learner.learn(examples, labels, range(len(labels)))
        kept.append(np.count_nonzero(learner.weights()))
    assert kept[0] == 9
    assert kept == sorted(kept, reverse=True)
    assert kept[-1] == 0


def test_extreme_logits_stay_probabilities(ftrl) -> None:
    learner = ftrl.Ftrl(2, ftrl.Settings(0.1))
    learner.z[:] = [0.0, -1e6]
    assert learner.predict(ftrl.pack({"x": np.array([0])}, {"x": 1})).tolist() == [1.0]
    learner.z[:] = [0.0, 1e6]
    assert learner.predict(ftrl.pack({"x": np.array([0])}, {"x": 1})).tolist() == [0.0]
