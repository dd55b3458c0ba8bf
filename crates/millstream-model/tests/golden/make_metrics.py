"""Writes metrics.json: predictions and what scikit-learn says of them.

Run with numpy and scikit-learn installed: python make_metrics.py > metrics.json
"""

import json
import warnings

import numpy as np
from sklearn import metrics as m

warnings.simplefilter("ignore")
random = np.random.default_rng(20)


def classes(name, labels, truth, predicted, scores=None, score_labels=None):
    """One case of a classifier; truth and predictions are positions in the labels."""
    truth, predicted = np.asarray(truth), np.asarray(predicted)
    expected = {"accuracy": m.accuracy_score(truth, predicted)}
    seen = sorted(set(truth) | set(predicted))
    for average in ("macro", "weighted"):
        values = m.precision_recall_fscore_support(truth, predicted, average=average)[:3]
        for metric, value in zip(("precision", "recall", "f1"), values):
            expected[f"{metric}_{average}"] = value
    for metric, values in zip(
        ("precision", "recall", "f1"), m.precision_recall_fscore_support(truth, predicted)[:3]
    ):
        for label, value in zip(seen, values):
            expected[f"{metric}[{labels[label]}]"] = value
    case = {"name": name, "labels": labels, "truth": truth.tolist()}
    case["predicted"] = predicted.tolist()
    case["scores"], case["score_labels"] = [], []
    if scores is not None:
        scores = np.asarray(scores)
        score_labels = list(range(scores.shape[1])) if score_labels is None else score_labels
        case["scores"], case["score_labels"] = scores.ravel().tolist(), score_labels
        if set(truth) <= set(score_labels):
            expected["log_loss"] = m.log_loss(truth, scores, labels=score_labels)
        if set(truth) == set(score_labels):
            if len(score_labels) == 2:
                expected["roc_auc"] = m.roc_auc_score(truth, scores[:, 1])
            else:
                expected["roc_auc"] = m.roc_auc_score(
                    truth, scores, multi_class="ovr", average="macro", labels=score_labels
                )
    case["confusion"] = m.confusion_matrix(truth, predicted).tolist()
    case["confusion_labels"] = [labels[label] for label in seen]
    case["expected"] = {key: float(value) for key, value in expected.items()}
    return case


def numbers(name, truth, predicted):
    """One case of a regression."""
    truth, predicted = np.asarray(truth, float), np.asarray(predicted, float)
    expected = {
        "rmse": m.root_mean_squared_error(truth, predicted),
        "mae": m.mean_absolute_error(truth, predicted),
    }
    if len(truth) > 1:
        expected["r2"] = m.r2_score(truth, predicted)
    expected = {key: float(value) for key, value in expected.items()}
    return {"name": name, "truth": truth.tolist(), "predicted": predicted.tolist(), "expected": expected}


def shares(rows, width, decimals=None):
    """Rows of scores that sum to 1; few decimals make ties."""
    scores = random.dirichlet(np.ones(width), rows)
    if decimals is not None:
        scores = np.floor(scores * 10**decimals) / 10**decimals
        scores[:, -1] = 1.0 - scores[:, :-1].sum(axis=1)
    return scores


abcd = ["a", "b", "c", "d"]
many = random.integers(0, 4, 60)
second = shares(50, 2, 1)
third = shares(60, 4, 1)
cases = {
    "classes": [
        classes("four labels", abcd, many, random.integers(0, 4, 60), shares(60, 4)),
        classes("four labels, ties", abcd, many, third.argmax(axis=1), third),
        classes("two labels", ["no", "yes"], random.integers(0, 2, 50), second.argmax(axis=1), second),
        classes("all scores equal", ["no", "yes"], [0, 1, 1, 0, 1], [0] * 5, [[0.5, 0.5]] * 5),
        classes("a label is never given", abcd, [0, 1, 2, 2, 3], [0, 0, 2, 2, 0]),
        classes("a label is given but never true", abcd, [0, 0, 1, 1], [0, 3, 1, 3]),
        classes("a label is in neither", abcd, [0, 0, 3, 3], [0, 3, 3, 0], shares(4, 4)),
        classes("nothing is right", ["no", "yes"], [0, 0, 1], [1, 1, 0]),
        classes("one true label", ["no", "yes"], [1, 1, 1], [1, 0, 1], shares(3, 2)),
        classes("sure and wrong", ["no", "yes"], [0, 1], [1, 1], [[0.0, 1.0], [0.0, 1.0]]),
        classes(
            "a label unknown to the scores", abcd, [0, 1, 2, 3], [0, 1, 1, 0], shares(4, 3), [0, 1, 3]
        ),
        classes("labels out of the first", abcd, [1, 3, 3, 1, 3], [1, 3, 1, 1, 3], shares(5, 2), [1, 3]),
    ],
    "numbers": [
        numbers("noise", random.normal(size=40), random.normal(size=40)),
        numbers("close", np.arange(30), np.arange(30) + random.normal(size=30) / 9),
        numbers("perfect", [1, 2, 3], [1, 2, 3]),
        numbers("the truth does not vary", [5, 5, 5], [5, 5, 6]),
        numbers("perfect, and does not vary", [5, 5], [5, 5]),
        numbers("one row", [3], [5]),
        numbers("large", [1e9, 1e9 + 1, 1e9 + 2], [1e9, 1e9, 1e9]),
    ],
}
print(json.dumps(cases, indent=1))
