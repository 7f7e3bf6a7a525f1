"""The experiments behind the story's second part, on all of Oxford Pets. Each writes small files beside this one:

    python docs/results/experiments.py share RUN     was it the imbalance? (trains three networks; RUN gives the split)
    python docs/results/experiments.py faults        what the audit finds of the faults planted in the drawn sample
    python docs/results/experiments.py flips         how many wrong labels the audit finds
    python docs/results/experiments.py away RUN PATH who pays away from home (RUN holds probes, PATH has cat/ and dog/)

PETCLF_DATA names the photographs.
"""
import json, sys
from pathlib import Path

import numpy as np
import pandas as pd

from petclf.audit import find_label_errors
from petclf.backbone import pretrained_network, take_features
from petclf.catalog import load_data
from petclf.compare import audit_data, doubt_labels, train_arms
from petclf.evaluate import wilson
from petclf.files import write_json, write_table
from petclf.run import Run
from petclf.train import Recipe

HERE = Path(__file__).parent
SHARES = (0.5, 0.32, 0.1)


def share(run):
    "Train from scratch at 64 px on as many pictures each, with different shares of cats; test pictures stay the same."
    run = Run.open(run)
    catalog, rng = run.catalog, np.random.default_rng(0)
    train = catalog[catalog.split == "train"]
    order = train.iloc[rng.permutation(len(train))]
    cats = (train.species == "cat").sum()
    n = int(cats / max(SHARES)) # as many as can be had of half cats
    rows = []
    for part in SHARES:
        wanted = {"cat": round(n * part), "dog": n - round(n * part)}
        kept = {file for species, count in wanted.items() for file in order.file[order.species == species][:count]}
        folder = run.folder.parent/f"share-{round(100 * part)}"
        # Pictures that are not trained on this time are left out by a note, as in any catalog.
        left = (catalog.split == "train") & ~catalog.file.isin(kept)
        write_table(folder/"data"/"catalog.csv", catalog.assign(split=catalog.split.mask(left, ""), note=catalog.note.mask(left, "not in this share")))
        write_json(folder/"data"/"run.json", dict(data=dict(root=run.record["data"]["root"])))
        recipe = Recipe(size=64, epochs=5)
        done = train_arms(folder/"data"/"catalog.csv", ("scratch",), recipe, "species", "folders", out=folder/"run", look=False, progress=True, say=print)
        for seed, figures in [(0, done.metrics("scratch")), *((int(path.parent.name), json.loads(path.read_text())) for path in (done.arm("scratch")/"seeds").glob("*/metrics.json"))]:
            rows.append(dict(cats=part, seed=seed, train=n, test=figures["n"], **{f"{name}_{end}": value[end] for name, value in
                        (("accuracy", figures["accuracy"]), ("balanced_accuracy", figures["balanced_accuracy"]), ("recall_cat", figures["per_class"]["cat"]["recall"]), ("recall_dog", figures["per_class"]["dog"]["recall"]),
                         ("roc_auc", figures["roc_auc"])) for end in ("value", "low", "high")}))
    write_table(HERE/"share-of-cats-64px.csv", pd.DataFrame(rows))


def _lite0(pets):
    network, origin = pretrained_network("tf_efficientnet_lite0")
    readable = pets.facts[pets.facts.error == ""]
    return take_features(pets.root, dict(zip(readable.file, readable.sha256)), "tf_efficientnet_lite0", network, origin, progress=True)


def faults():
    "Recall of each planted kind, and what was found that was not planted, over three samples."
    sorts, rows = ("resized", "re-encoded", "mirrored", "cropped", "turned", "recoloured", "overlaid"), []
    pair = lambda table: [tuple(sorted(two)) for two in zip(table.file, table.other)]
    for seed in range(3):
        pets = load_data("sample-faults", seed)
        truth = pd.read_csv(pets.root/"truth.csv", keep_default_na=False)
        findings, _ = audit_data(pets, pets.catalog, "species", _lite0(pets), seed=seed)
        planted = set(pair(truth))
        for name, kind in {"unreadable": "unreadable", "misnamed": "misnamed", "exact copy": "exact_duplicate", **dict.fromkeys(sorts, "near_duplicate"), "label error": "label_error"}.items():
            own = truth[(truth.kind == kind) & (truth.fault.str.startswith(name) if name in sorts else True)]
            found = findings[findings.kind == kind]
            met = set(found.file) if kind == "label_error" else set(pair(found))
            false = len(met - (set(own.file) if kind == "label_error" else planted))
            rows.append(dict(planted=name, pictures=len(own), found=sum(one in met for one in (own.file if kind == "label_error" else pair(own))), false=false))
    table = pd.DataFrame(rows).groupby("planted", sort=False).sum().reset_index()
    write_table(HERE/"audit-sample-faults.csv", table)
    print(table)


def flips():
    "Flip labels by seed, at random and to the breed that is most like it, and count what the audit finds."
    pets = load_data("oxford-pets")
    catalog, features = pets.catalog, _lite0(pets)
    said = doubt_labels(catalog, features, "breed", progress=True)
    breeds = np.array(sorted(catalog.breed.unique()))
    truth = np.searchsorted(breeds, catalog.breed)
    confused = np.zeros((len(breeds), len(breeds)))
    np.add.at(confused, truth, np.nan_to_num(said))
    np.fill_diagonal(confused, 0)
    alike, rows = confused.argmax(1), []
    for rate in (0.01, 0.03, 0.1):
        for kind in ("random", "look-alike"):
            for seed in range(3):
                rng = np.random.default_rng(seed)
                chosen = rng.choice(len(catalog), round(rate * len(catalog)), replace=False)
                wrong = truth.copy()
                wrong[chosen] = (truth[chosen] + rng.integers(1, len(breeds), len(chosen))) % len(breeds) if kind == "random" else alike[truth[chosen]]
                flipped = catalog.assign(breed=breeds[wrong], label=breeds[wrong])
                probabilities = doubt_labels(flipped, features, "breed", seed=seed)
                found = find_label_errors(flipped, "breed", probabilities)
                hit = found.file.isin(set(catalog.file.iloc[chosen])).to_numpy()
                # Along the ranking: the longest list of which nine in ten are wrong.
                doubt = 1 - probabilities[np.arange(len(catalog)), wrong]
                order = np.argsort(-doubt, kind="stable")
                right = np.cumsum(np.isin(order, chosen))
                enough = np.flatnonzero(right / np.arange(1, len(order) + 1) >= 0.9)
                rows.append(dict(rate=rate, flips=kind, seed=seed, planted=len(chosen), found=int(hit.sum()), listed=len(found), recall=hit.sum() / len(chosen), precision=float(hit.mean()) if len(hit) else np.nan,
                                 recall_at_90_precision=right[enough[-1]] / len(chosen) if len(enough) else 0.0))
                print(rows[-1], flush=True)
    write_table(HERE/"label-flips.csv", pd.DataFrame(rows))


def away(run, path):
    "Cats and dogs away from home: the probes of a run, and what the body itself said before it was shown one of these photographs."
    from petclf.compare import evaluate_elsewhere
    run, rows = Run.open(run), []
    for arm in run.arms:
        evaluate_elsewhere(run, arm, path, progress=True)
        for place, figures in (("home", run.metrics(arm)), ("away", json.loads((run.arm(arm)/"outside"/Path(path).name/"metrics.json").read_text()))):
            rows += [_row(arm, place, species, figures["per_class"][species]["support"], figures["per_class"][species]["recall"]) for species in ("cat", "dog")]
    network, origin = pretrained_network(run.record["recipe"]["arch"])
    test = run.catalog[run.catalog.split == "test"]
    for place, pets, kept in (("home", load_data("oxford-pets"), test.file), ("away", load_data(path), None)):
        catalog = pets.catalog[(pets.catalog.note == "") & pets.catalog.species.isin(["cat", "dog"])]
        if kept is not None: catalog = catalog[catalog.file.isin(kept)]
        digests = {file: digest for file, digest in zip(pets.facts.file, pets.facts.sha256) if file in set(catalog.file)}
        features = take_features(pets.root, digests, run.record["recipe"]["arch"], network, origin, progress=True)
        logits = features.imagenet[[features.files.index(file) for file in catalog.file]].astype(float)
        powers = np.exp(logits - logits.max(1, keepdims=True))
        dog, cat = powers[:, 151:269].sum(1), powers[:, 281:286].sum(1)
        for species, right in (("cat", cat > dog), ("dog", dog > cat)):
            own = (catalog.species == species).to_numpy()
            low, high = wilson(int(right[own].sum()), int(own.sum()))
            rows.append(_row("ImageNet's own answers", place, species, int(own.sum()), dict(value=float(right[own].mean()), low=low, high=high)))
    write_table(HERE/"away-from-home.csv", pd.DataFrame(rows))


def _row(arm, place, species, n, recall): return dict(arm=arm, place=place, species=species, n=n, recall=recall["value"], low=recall["low"], high=recall["high"])


if __name__ == "__main__": {"share": share, "faults": faults, "flips": flips, "away": away}[sys.argv[1]](*sys.argv[2:])
