"""The experiments behind the story's second and fourth parts, on all of Oxford Pets. Each writes small files beside this one:

    python docs/results/experiments.py share RUN     was it the imbalance? (trains three networks; RUN gives the split)
    python docs/results/experiments.py faults        what the audit finds of the faults planted in the drawn sample
    python docs/results/experiments.py flips         how many wrong labels the audit finds
    python docs/results/experiments.py away RUN PATH who pays away from home (RUN holds probes, PATH has cat/ and dog/)
    python docs/results/experiments.py nopet RUN PATH what says "probably no pet" best (RUN holds a probe of breeds, PATH has a folder for each kind)
    python docs/results/experiments.py decisions RUN BUNDLE what an exported breed run decides about its own test pictures

PETCLF_DATA names the photographs.
"""

import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image, ImageDraw, ImageFont

from petclf.against import ask_bundle, decisions_table
from petclf.answers import load_bundle, pet_score
from petclf.audit import audit_data, doubt_labels, find_label_errors
from petclf.catalog import load_data
from petclf.engines import cores
from petclf.experiment import train_arms
from petclf.features import Body, body_file, expects, pretrained_network, take_features
from petclf.files import write_json, write_table
from petclf.pixels import normalise, resize
from petclf.probe import Probe
from petclf.recipe import Recipe
from petclf.run import Run
from petclf.sample.draw import draw_pet
from petclf.sample.pets import BREEDS
from petclf.stats import wilson

HERE = Path(__file__).parent
SHARES = (0.5, 0.32, 0.1)


def share(run):
    "Train from scratch at 64 px on as many pictures each, with different shares of cats; test pictures stay the same."
    run = Run.open(run)
    catalog, rng = run.catalog, np.random.default_rng(0)
    train = catalog[catalog.split == "train"]
    order = train.iloc[rng.permutation(len(train))]
    cats = (train.species == "cat").sum()
    n = int(cats / max(SHARES))  # as many as can be had of half cats
    rows = []
    for part in SHARES:
        wanted = {"cat": round(n * part), "dog": n - round(n * part)}
        kept = {file for species, count in wanted.items() for file in order.file[order.species == species][:count]}
        folder = run.folder.parent / f"share-{round(100 * part)}"
        # Pictures that are not trained on this time are left out by a note, as in any catalog.
        left = (catalog.split == "train") & ~catalog.file.isin(kept)
        write_table(
            folder / "data" / "catalog.csv",
            catalog.assign(split=catalog.split.mask(left, ""), note=catalog.note.mask(left, "not in this share")),
        )
        write_json(folder / "data" / "run.json", dict(data=dict(root=run.record["data"]["root"])))
        recipe = Recipe(size=64, epochs=5)
        done = train_arms(
            folder / "data" / "catalog.csv",
            ("scratch",),
            recipe,
            "species",
            "folders",
            out=folder / "run",
            look=False,
            progress=True,
            say=print,
        )
        for seed, figures in [
            (0, done.metrics("scratch")),
            *(
                (int(path.parent.name), json.loads(path.read_text()))
                for path in (done.arm("scratch") / "seeds").glob("*/metrics.json")
            ),
        ]:
            rows.append(
                dict(
                    cats=part,
                    seed=seed,
                    train=n,
                    test=figures["n"],
                    **{
                        f"{name}_{end}": value[end]
                        for name, value in (
                            ("accuracy", figures["accuracy"]),
                            ("balanced_accuracy", figures["balanced_accuracy"]),
                            ("recall_cat", figures["per_class"]["cat"]["recall"]),
                            ("recall_dog", figures["per_class"]["dog"]["recall"]),
                            ("roc_auc", figures["roc_auc"]),
                        )
                        for end in ("value", "low", "high")
                    },
                )
            )
    write_table(HERE / "share-of-cats-64px.csv", pd.DataFrame(rows))


def _lite0(pets):
    network, origin = pretrained_network("tf_efficientnet_lite0")
    readable = pets.facts[pets.facts.error == ""]
    return take_features(
        pets.root, dict(zip(readable.file, readable.sha256)), "tf_efficientnet_lite0", network, origin, progress=True
    )


def faults():
    "Recall of each planted kind, and what was found that was not planted, over three samples."
    sorts, rows = ("resized", "re-encoded", "mirrored", "cropped", "turned", "recoloured", "overlaid"), []
    pair = lambda table: [tuple(sorted(two)) for two in zip(table.file, table.other)]
    for seed in range(3):
        pets = load_data("sample-faults", seed)
        truth = pd.read_csv(pets.root / "truth.csv", keep_default_na=False)
        findings, _ = audit_data(pets, pets.catalog, "species", _lite0(pets), seed=seed)
        planted = set(pair(truth))
        for name, kind in {
            "unreadable": "unreadable",
            "misnamed": "misnamed",
            "exact copy": "exact_duplicate",
            **dict.fromkeys(sorts, "near_duplicate"),
            "label error": "label_error",
        }.items():
            own = truth[(truth.kind == kind) & (truth.fault.str.startswith(name) if name in sorts else True)]
            found = findings[findings.kind == kind]
            met = set(found.file) if kind == "label_error" else set(pair(found))
            false = len(met - (set(own.file) if kind == "label_error" else planted))
            rows.append(
                dict(
                    planted=name,
                    pictures=len(own),
                    found=sum(one in met for one in (own.file if kind == "label_error" else pair(own))),
                    false=false,
                )
            )
    table = pd.DataFrame(rows).groupby("planted", sort=False).sum().reset_index()
    write_table(HERE / "audit-sample-faults.csv", table)
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
                wrong[chosen] = (
                    (truth[chosen] + rng.integers(1, len(breeds), len(chosen))) % len(breeds)
                    if kind == "random"
                    else alike[truth[chosen]]
                )
                flipped = catalog.assign(breed=breeds[wrong], label=breeds[wrong])
                probabilities = doubt_labels(flipped, features, "breed", seed=seed)
                found = find_label_errors(flipped, "breed", probabilities)
                hit = found.file.isin(set(catalog.file.iloc[chosen])).to_numpy()
                # Along the ranking: the longest list of which nine in ten are wrong.
                doubt = 1 - probabilities[np.arange(len(catalog)), wrong]
                order = np.argsort(-doubt, kind="stable")
                right = np.cumsum(np.isin(order, chosen))
                enough = np.flatnonzero(right / np.arange(1, len(order) + 1) >= 0.9)
                rows.append(
                    dict(
                        rate=rate,
                        flips=kind,
                        seed=seed,
                        planted=len(chosen),
                        found=int(hit.sum()),
                        listed=len(found),
                        recall=hit.sum() / len(chosen),
                        precision=float(hit.mean()) if len(hit) else np.nan,
                        recall_at_90_precision=right[enough[-1]] / len(chosen) if len(enough) else 0.0,
                    )
                )
                print(rows[-1], flush=True)
    write_table(HERE / "label-flips.csv", pd.DataFrame(rows))


def away(run, path):
    "Cats and dogs away from home: the probes of a run, and what the body itself said before it was shown one of these photographs."
    from petclf.outside import evaluate_elsewhere

    run, rows = Run.open(run), []
    for arm in run.arms:
        evaluate_elsewhere(run, arm, path, progress=True)
        for place, figures in (
            ("home", run.metrics(arm)),
            ("away", json.loads((run.arm(arm) / "outside" / Path(path).name / "metrics.json").read_text())),
        ):
            rows += [
                _row(
                    arm,
                    place,
                    species,
                    figures["per_class"][species]["support"],
                    figures["per_class"][species]["recall"],
                )
                for species in ("cat", "dog")
            ]
    network, origin = pretrained_network(run.record["recipe"]["arch"])
    test = run.catalog[run.catalog.split == "test"]
    for place, pets, kept in (("home", load_data("oxford-pets"), test.file), ("away", load_data(path), None)):
        catalog = pets.catalog[(pets.catalog.note == "") & pets.catalog.species.isin(["cat", "dog"])]
        if kept is not None:
            catalog = catalog[catalog.file.isin(kept)]
        digests = {
            file: digest for file, digest in zip(pets.facts.file, pets.facts.sha256) if file in set(catalog.file)
        }
        features = take_features(pets.root, digests, run.record["recipe"]["arch"], network, origin, progress=True)
        logits = features.imagenet[[features.files.index(file) for file in catalog.file]].astype(float)
        powers = np.exp(logits - logits.max(1, keepdims=True))
        dog, cat = powers[:, 151:269].sum(1), powers[:, 281:286].sum(1)
        for species, right in (("cat", cat > dog), ("dog", dog > cat)):
            own = (catalog.species == species).to_numpy()
            low, high = wilson(int(right[own].sum()), int(own.sum()))
            rows.append(
                _row(
                    "ImageNet's own answers",
                    place,
                    species,
                    int(own.sum()),
                    dict(value=float(right[own].mean()), low=low, high=high),
                )
            )
    write_table(HERE / "away-from-home.csv", pd.DataFrame(rows))


def _row(arm, place, species, n, recall):
    return dict(
        arm=arm, place=place, species=species, n=n, recall=recall["value"], low=recall["low"], high=recall["high"]
    )


QUANTILE = 0.01  # of the validation pictures, which all show a pet, are refused
MADE = 60  # pictures of each kind that is made here


def nopet(run, path):
    "How many pictures of each kind four scores refuse, each at the threshold that refuses 1 % of the validation pictures."
    run = Run.open(run)
    recipe, kept, catalog = Recipe(**run.record["recipe"]), run.record["arms"]["probe"], run.catalog
    network, origin = pretrained_network(recipe.arch)

    def take(pets, files):
        readable = pets.facts[(pets.facts.error == "") & pets.facts.file.isin(files)]
        return take_features(
            pets.root,
            dict(zip(readable.file, readable.sha256)),
            recipe.arch,
            network,
            origin,
            kept["size"],
            kept["engine"],
            kept["precision"],
            progress=True,
        )

    def part(features, files):
        place = {file: row for row, file in enumerate(features.files)}
        rows = [place[file] for file in files if file in place]
        return features.features[rows], features.imagenet[rows]

    pets, outside = load_data(run.record["settings"]["data"]), load_data(path)
    home, away = take(pets, catalog.file), take(outside, outside.facts.file)
    kinds = {"test pets at home": part(home, catalog.file[catalog.split == "test"])}
    for kind in sorted({file.split("/")[0] for file in away.files}):
        kinds[kind] = part(away, [file for file in away.files if file.split("/")[0] == kind])
    expected, body = (
        expects(recipe.arch),
        Body(body_file(recipe.arch, network, origin, kept["size"]), kept["engine"], kept["precision"]),
    )
    for kind, make in {"drawings": _drawing, "screenshots": _screenshot, "drawn pets": _drawn_pet}.items():
        pixels = np.stack([resize(make(i, np.random.default_rng([7, i])), kept["size"]) for i in range(MADE)])
        kinds[kind] = tuple(
            np.concatenate(found)
            for found in zip(
                *(body(normalise(some, expected.mean, expected.std)) for some in np.array_split(pixels, MADE // 15))
            )
        )
    probe, unit = (
        Probe.load(run.arm("probe") / "checkpoint"),
        lambda features: features / np.linalg.norm(features, axis=1, keepdims=True),
    )
    train = unit(part(home, catalog.file[catalog.split == "train"])[0])
    logits = probe.logits
    # Of each score, more speaks for a pet.
    scores = {
        "largest softmax": lambda features, _: probe(features).max(1),
        "energy": lambda features, _: np.logaddexp.reduce(logits(features), 1),
        "10th nearest neighbour": lambda features, _: np.sort(unit(features) @ train.T, 1)[:, -10],
        "ImageNet's own answers": lambda _, imagenet: pet_score(imagenet),
    }
    valid, rows = part(home, catalog.file[catalog.split == "valid"]), []
    for name, score in scores.items():
        threshold = float(np.quantile(score(*valid), QUANTILE, method="lower"))
        for kind, seen in kinds.items():
            refused, n = int((score(*seen) < threshold).sum()), len(seen[0])
            low, high = wilson(refused, n)
            rows.append(dict(score=name, kind=kind, n=n, refused=refused / n, low=low, high=high, threshold=threshold))
    table = pd.DataFrame(rows)
    write_table(HERE / "no-pet-scores.csv", table)
    print(
        table.assign(refused=(100 * table.refused).round(1))
        .pivot(index="kind", columns="score", values="refused")
        .loc[list(kinds), list(scores)]
        .to_string()
    )


def _drawing(i, rng):
    "Houses, trees, people of sticks, suns and shapes: lines alone, or filled."
    image = Image.new("RGB", (480, 480), "white" if i % 3 else tuple(rng.integers(180, 256, 3).tolist()))
    pen, ink, width = ImageDraw.Draw(image), tuple(rng.integers(0, 90, 3).tolist()), int(rng.integers(2, 9))
    fill = (lambda: tuple(rng.integers(60, 256, 3).tolist())) if i % 2 else (lambda: None)

    def house(x, y, s):
        pen.rectangle((x, y - s, x + s, y), fill(), ink, width)
        pen.polygon([(x - s / 8, y - s), (x + s / 2, y - 1.6 * s), (x + 9 * s / 8, y - s)], fill(), ink, width)
        pen.rectangle((x + 0.4 * s, y - 0.5 * s, x + 0.6 * s, y), fill(), ink, width)
        pen.rectangle((x + 0.1 * s, y - 0.8 * s, x + 0.3 * s, y - 0.6 * s), fill(), ink, width)

    def tree(x, y, s):
        pen.rectangle((x + 0.4 * s, y - 0.6 * s, x + 0.55 * s, y), fill(), ink, width)
        if rng.random() < 0.5:
            pen.ellipse((x, y - 1.5 * s, x + s, y - 0.5 * s), fill(), ink, width)
        else:
            pen.polygon([(x, y - 0.5 * s), (x + s / 2, y - 1.6 * s), (x + s, y - 0.5 * s)], fill(), ink, width)

    def person(x, y, s):
        pen.ellipse((x + 0.3 * s, y - 1.5 * s, x + 0.7 * s, y - 1.1 * s), fill(), ink, width)
        for line in (
            (0.5, 1.1, 0.5, 0.5),
            (0.1, 0.9, 0.9, rng.uniform(0.7, 1.1)),
            (0.5, 0.5, 0.2, 0),
            (0.5, 0.5, 0.8, 0),
        ):
            pen.line((x + line[0] * s, y - line[1] * s, x + line[2] * s, y - line[3] * s), ink, width)

    def sun(x, y, s):
        for turn in np.arange(8) * np.pi / 4:
            pen.line((x + s / 2, y - s, x + s / 2 + 0.7 * s * np.cos(turn), y - s + 0.7 * s * np.sin(turn)), ink, width)
        pen.ellipse((x + 0.1 * s, y - 1.4 * s, x + 0.9 * s, y - 0.6 * s), fill() or "white", ink, width)

    def shape(x, y, s):
        turns = rng.uniform(0, 7) + np.arange(n := int(rng.integers(3, 9))) * 2 * np.pi / n
        pen.polygon(
            [(x + s / 2 + s / 2 * np.cos(turn), y - s / 2 + s / 2 * np.sin(turn)) for turn in turns], fill(), ink, width
        )

    if i % 4:
        pen.line((0, 400, 480, 400 + int(rng.integers(-30, 30))), ink, width)
    for one in rng.choice([house, tree, person, sun, shape], int(rng.integers(1, 6))):
        one(rng.uniform(20, 330), rng.uniform(250, 440), rng.uniform(80, 180))
    return image


WORDS = "the of and to in that for with report total month page index value open file of edit view help save name date price order size status new all sum mean error time week plan team list note".split()


def _screenshot(i, rng):
    "In turn a page of text, a table, a chart and an application's window; every third is dark."
    width, height = [(1280, 800), (1024, 768), (480, 900), (800, 800)][int(rng.integers(4))]
    dark = i % 3 == 0
    paper, ink, grey = ("#1e1e1e", "#dddddd", "#3a3a3a") if dark else ("#ffffff", "#222222", "#e4e4e8")
    image, colour = Image.new("RGB", (width, height), paper), tuple(rng.integers(40, 220, 3).tolist())
    pen, size = ImageDraw.Draw(image), int(rng.integers(13, 24))
    font, words = ImageFont.load_default(size), lambda n: " ".join(rng.choice(WORDS, n))

    def text(left, top, right, bottom):
        for y in range(top, bottom - size, round(1.5 * size)):
            if rng.random() < 0.9:
                pen.text((left, y), words(max(1, int((right - left) * rng.uniform(0.5, 0.9) / size / 2.6))), ink, font)

    def table(left, top, right, bottom):
        columns, step = int(rng.integers(3, 8)), 2 * size
        pen.rectangle((left, top, right, top + step), colour)
        for y in range(top, bottom - step, step):
            pen.line((left, y + step, right, y + step), grey, 2)
            for x in np.linspace(left, right, columns, endpoint=False):
                pen.text(
                    (x + 6, y + size // 2),
                    str(rng.choice(WORDS)) if y == top else f"{rng.uniform(0, 999):.1f}",
                    ink,
                    font,
                )

    def chart(left, top, right, bottom):
        figure = Figure(((right - left) / 100, (bottom - top) / 100), dpi=100, facecolor=paper)
        axes, kind = figure.add_subplot(facecolor=paper), int(rng.integers(4))
        if kind == 0:
            axes.plot(rng.normal(size=(50, int(rng.integers(1, 4)))).cumsum(0))
        elif kind == 1:
            axes.bar(range(8), rng.uniform(1, 9, 8), color=np.array(colour) / 255)
        elif kind == 2:
            axes.scatter(*rng.normal(size=(2, 90)), c=rng.uniform(size=90))
        else:
            axes.pie(rng.uniform(1, 5, 5), labels=rng.choice(WORDS, 5), textprops=dict(color=ink))
        axes.set_title(words(3), color=ink)
        axes.tick_params(colors=ink)
        canvas = FigureCanvasAgg(figure)
        canvas.draw()
        image.paste(Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB"), (left, top))

    def window(left, top, right, bottom):
        pen.rectangle((0, 0, width, 2 * size), colour)
        pen.text((10, size // 2), "File   Edit   View   Help", "white", font)
        pen.rectangle((0, 2 * size, width // 4, height), grey)
        text(10, 3 * size, width // 4, bottom)
        rng.choice([text, table, chart])(width // 4 + 30, 4 * size, right, 2 * height // 3)
        for x in (width // 2, 3 * width // 4):
            pen.rounded_rectangle((x, height - 5 * size, x + 6 * size, height - 3 * size), 8, colour)
            pen.text((x + size, height - round(4.6 * size)), str(rng.choice(WORDS)), "white", font)

    [text, table, chart, window][i % 4](30, 30, width - 30, height - 30)
    return image


def _drawn_pet(i, rng):
    "A pet of the drawn sample, a third of them cats. These are pets: to refuse them is a mistake."
    breeds = [breed for breed in BREEDS if BREEDS[breed].species == ("dog" if i % 3 else "cat")]
    return draw_pet(breeds[i // 3 % len(breeds)], f"0/{i + 1}")


def decisions(run, bundle):
    "The decisions of a bundle about the test pictures of the run that it comes from, by species."
    run, bundle = Run.open(run), load_bundle(bundle, callers=cores())
    pets = load_data(run.record["settings"]["data"], run.record["seed"])
    pets.catalog = pets.catalog[pets.catalog.file.isin(run.catalog.file[run.catalog.split == "test"])]
    table = decisions_table(ask_bundle(bundle, pets, progress=True), run.record["target"], by="species")
    write_table(HERE / "breeds-probe" / "decisions-home.csv", table.rename_axis("species").reset_index())


if __name__ == "__main__":
    {"share": share, "faults": faults, "flips": flips, "away": away, "nopet": nopet, "decisions": decisions}[
        sys.argv[1]
    ](*sys.argv[2:])
