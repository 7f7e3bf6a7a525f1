"Predictions that nobody's network gave: invented by seed, to show and to test what is made of predictions."

import numpy as np
import pandas as pd
from scipy import special

from petclf.names import TABLES


def story_predictions() -> pd.DataFrame:  # 1,478 rows: `file`, `split`, `truth`, `predicted`, `p_cat`, `p_dog`
    "The answers of the story's first network: its author's counts, with invented probabilities."
    rng = np.random.default_rng(0)
    cats, dogs = 479, 999
    counts = {("cat", "cat"): cats - 162, ("cat", "dog"): 162, ("dog", "cat"): 44, ("dog", "dog"): dogs - 44}
    rows = [(truth, predicted) for (truth, predicted), n in counts.items() for _ in range(n)]
    table = pd.DataFrame(rows, columns=["truth", "predicted"], dtype="str")
    sure = np.where(
        table.truth == table.predicted,
        0.5 + 0.5 * rng.beta(3, 1.2, len(table)),
        0.5 + 0.5 * rng.beta(1.5, 2, len(table)),
    )
    p_cat = np.where(table.predicted == "cat", sure, 1 - sure)
    table = table.assign(p_cat=p_cat, p_dog=1 - p_cat)
    return pd.DataFrame({"file": [f"{i}.jpg" for i in range(len(table))], "split": "test"}, dtype="str").join(table)


def better_predictions() -> pd.DataFrame:
    "Another network's answers about the story's pictures: all right but for two cats and two dogs."
    table = story_predictions()
    cats, dogs = (table.index[table.truth == name] for name in ("cat", "dog"))
    slips = table.index.isin(cats[-2:]) | table.index.isin(dogs[:2])
    side = np.where((table.truth == "cat") != slips, 1, -1)
    p_cat = side * np.maximum(0.2, np.abs(table.p_cat - 0.5)) + 0.5
    predicted = np.where(p_cat > 0.5, "cat", "dog")
    return table.assign(p_cat=p_cat, p_dog=1 - p_cat, predicted=predicted).astype({"predicted": "str"})


def answers_with(
    luck: np.ndarray,  # (n,), 0 to 1
    recall: float | np.ndarray,  # 0 to 1, one for all or one for each
    truth: np.ndarray,  # (n,), `cat` or `dog`
) -> np.ndarray:  # (n,)
    "Answers that are right where `luck` is less than `recall`."
    return np.where(luck < recall, truth, np.where(truth == "cat", "dog", "cat"))


def with_answers(
    table: pd.DataFrame,  # predictions about cats and dogs
    predicted: np.ndarray,  # (n,)
) -> pd.DataFrame:
    "A table of predictions with these answers, given with 80 % probability."
    probabilities = {f"p_{name}": np.where(predicted == name, 0.8, 0.2) for name in ("cat", "dog")}
    return table.assign(predicted=predicted, **probabilities).astype({"predicted": "str"})


def two_class_predictions(
    cats: int,  # pictures of cats
    dogs: int,  # pictures of dogs
    split: str = "valid",
    trained_cats: float = 0.324,  # the share of cats that the probabilities are true for
    apart: float = 2.5,  # how far the two classes lie from each other, in standard deviations
    sharpness: float = 1,  # of the probabilities; 1 is calibrated
    seed: int = 0,
) -> pd.DataFrame:
    "Predictions about cats and dogs, true for that share of cats where `sharpness` is 1."

    truth = np.repeat(["cat", "dog"], [cats, dogs])
    x = np.random.default_rng(seed).normal(size=cats + dogs) + apart * (truth == "cat")
    p_cat = 1 / (1 + np.exp(-sharpness * (apart * x - apart**2 / 2 + np.log(trained_cats / (1 - trained_cats)))))
    columns = {
        "file": [f"{split} {i}.jpg" for i in range(len(truth))],
        "split": split,
        "truth": truth,
        "predicted": np.where(p_cat >= 0.5, "cat", "dog"),
    }
    return pd.DataFrame(columns, dtype="str").assign(p_cat=p_cat, p_dog=1 - p_cat)


def many_class_predictions(
    names: list[str],  # of the classes
    n: int = 400,  # pictures
    seed: int = 0,
) -> pd.DataFrame:  # about `valid` pictures
    "Answers about `n` pictures of the classes `names`."
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, len(names), n)
    p = rng.dirichlet(np.full(len(names), 0.3), n) + 1.5 * np.eye(len(names))[truth] * rng.random((n, 1))
    p /= p.sum(1, keepdims=True)
    columns = {
        "file": [f"{i:04}.jpg" for i in range(n)],
        "split": "valid",
        "truth": np.array(names)[truth],
        "predicted": np.array(names)[p.argmax(1)],
    }
    table = pd.DataFrame(columns, dtype="str")
    return table.assign(**{f"p_{name}": p[:, i] for i, name in enumerate(names)})


def breed_predictions(
    split: str = "test",
    each: int = 100,  # pictures of each breed
    seed: int = 0,
) -> pd.DataFrame:
    "Answers about 37 breeds: some look like others of the same coat, or like their neighbour in the alphabet."
    known = pd.read_csv(TABLES / "breeds.csv", index_col="breed", dtype="str", keep_default_na=False)
    rng, names = np.random.default_rng(seed), known.index.to_numpy(dtype=str)
    truth = np.repeat(np.arange(len(names)), each)
    alike = (
        2.2 * (known.species.to_numpy()[:, None] == known.species.to_numpy())
        + 1.2 * (known.coat.to_numpy()[:, None] == known.coat.to_numpy())
        + 1.5 * (np.abs(np.subtract.outer(*[np.arange(len(names))] * 2)) == 1)
    )
    scores = alike[truth] + rng.gumbel(size=(len(truth), len(names))) * 1.1
    scores[np.arange(len(truth)), truth] += rng.normal(6, 3, len(truth))
    p = special.softmax(scores, axis=1)
    columns = {
        "file": [f"{split}_{i:04}.jpg" for i in range(len(truth))],
        "split": split,
        "truth": names[truth],
        "predicted": names[p.argmax(1)],
    }
    table = pd.DataFrame(columns, dtype="str")
    return table.assign(**{f"p_{name}": p[:, i] for i, name in enumerate(names)})
