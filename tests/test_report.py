"The page of a run: what the notebook cannot show well."

import re
import shlex
import subprocess
import sys
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
from fastcore.xml import to_xml
from PIL import Image

from petclf.cli import make_parser
from petclf.errors import PetclfError
from petclf.files import write_json, write_table
from petclf.levels import worst_pairs
from petclf.metrics import metrics
from petclf.report import (
    FOUND,
    WORST,
    audit_steps,
    bodies_side_by_side,
    gap_cell,
    how_to_repeat,
    next_steps,
    points,
    share,
    write_audit_page,
    write_report,
)
from petclf.run import Run, write_predictions
from petclf.stats import pictures_to_settle

HOSTILE = ["<script>alert(1)</script>", "\"'><svg onload=alert(1)>", "$x_{$ & ${}", "</td></table><h2>mine</h2>"]


class Seen(HTMLParser):
    "The tags, attributes and text that a browser would see."

    def __init__(self, html):
        super().__init__()
        self.tags, self.attributes, self.text = [], [], []
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.attributes += attributes

    def handle_data(self, data):
        self.text.append(data)


@pytest.fixture
def run(tmp_path):
    "A finished run of one arm whose classes, files, data set, licence and sentences are all hostile; a fifth of its pictures are wrong, one has no file."
    data, rng = tmp_path / "data", np.random.default_rng(0)
    data.mkdir()
    files = [f"{'<b>' if i % 2 else chr(34)}{i}.jpg" for i in range(40)]
    for file in files[1:]:
        Image.fromarray(rng.integers(0, 255, (40, 50, 3), dtype="uint8")).save(data / file)
    classes, truth = sorted(HOSTILE), [sorted(HOSTILE)[i % 4] for i in range(40)]
    predicted = [classes[(i + 1) % 4] if i % 5 == 0 else name for i, name in enumerate(truth)]
    predictions = pd.DataFrame(dict(file=files, split="test", truth=truth, predicted=predicted)).assign(
        **{f"p_{name}": [0.7 if answer == name else 0.1 for answer in predicted] for name in classes}
    )
    catalog = pd.DataFrame(
        dict(file=files, label=truth, breed="", species="", split="test", group=files, note="")
    ).astype("str")
    catalog.loc[len(catalog)] = ["bad.jpg", classes[0], "", "", "", "bad.jpg", "unreadable: <h2>bad</h2>"]
    run = Run(tmp_path / "runs" / "<em>run</em>".replace("/", "-"))
    write_table(run.folder / "catalog.csv", catalog)
    write_predictions(run.arm("pretrained") / "predictions.csv", predictions)
    write_json(
        run.arm("pretrained") / "metrics.json", metrics(predictions, "test", None, catalog.set_index("file").group)
    )
    recipe = dict(arch="resnet18", size=64, epochs=1)
    run.update(
        settings=dict(
            data="<i>data", target="label", split="stratified", seed=0, limit=None, arms=["pretrained", "scratch"]
        ),
        recipe=recipe,
        seed=0,
        versions=dict(petclf="0.1.0"),
        hardware=dict(name="<u>processor", cores=2, memory_gib=1, device="cpu", precision="full"),
        data=dict(
            name="<i>data",
            root=str(data),
            fingerprint="0",
            licence="</style><script>alert(2)</script>",
            pictures=41,
            left_out=1,
        ),
        target="label",
        classes=classes,
        positive=None,
        split="stratified",
        evaluated="test",
        weights=dict(source="the file <b>.pth", licence="<b>", sha256="0"),
        arms=dict(
            pretrained=dict(
                settings={**recipe, "initial_weights": "<b>"},
                parameters=1,
                trained_parameters=1,
                sanity=dict(passed=True, loss=1.0, loss_of_guessing=1.4),
            )
        ),
    )
    return run


def test_hostile_names_stay_text(run):
    seen = Seen(write_report(run).read_text(encoding="utf-8"))
    assert not {"script", "svg", "iframe", "object", "embed", "form", "b", "i", "u", "em"} & set(seen.tags)
    assert not [name for name, _ in seen.attributes if name.startswith("on")]
    assert all(value.startswith(("data:", "#")) for name, value in seen.attributes if name in ("src", "href"))
    text = " ".join(seen.text)
    for name in HOSTILE:
        assert name in text
    assert "alert(2)" in text and "unreadable: <h2>bad</h2>" in text
    assert any(name == "alt" and "<b>" in value for name, value in seen.attributes)


def test_hostile_sentences_stay_text(run):
    write_json(
        run.folder / "verdict.json",
        dict(chosen="pretrained", pairs=[], differences={}, conclusion=["<script>alert(3)</script>"]),
    )
    seen = Seen(write_report(run).read_text(encoding="utf-8"))
    assert "script" not in seen.tags and "<script>alert(3)</script>" in seen.text


def test_missing_picture_and_unfinished_arm_are_said(run):
    text = " ".join(Seen(write_report(run).read_text(encoding="utf-8")).text)
    assert "cannot be shown: no such file" in text
    assert "Not finished yet, and not on this page: scratch" in text


def test_same_run_same_page(run):
    first = write_report(run).read_bytes()
    assert write_report(str(run.folder)).read_bytes() == first


def test_no_finished_arm(run):
    (run.arm("pretrained") / "metrics.json").unlink()
    with pytest.raises(PetclfError, match="no arm is finished"):
        write_report(run)


def test_needs_neither_torch_nor_fastai(run):
    code = "import sys; from petclf.report import write_report; write_report(sys.argv[1]); print([name for name in ('torch', 'fastai') if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code, str(run.folder)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("width", [390, 1280])
def test_in_a_browser_nothing_runs_loads_or_sticks_out(run, chromium, width):
    page = chromium.new_page(viewport=dict(width=width, height=844))
    asked, said = [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("dialog", lambda dialog: (said.append(dialog.message), dialog.dismiss()))
    page.on("console", lambda message: said.append(message.text))
    page.goto(write_report(run).resolve().as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert not said and not [url for url in asked[1:] if not url.startswith("data:")]
    folded = page.locator("details").first
    folded.locator("summary").click()  # what is folded opens without a script
    assert folded.evaluate("element => element.open")
    broken = page.evaluate(
        "[...document.images].filter(image => !image.complete || image.naturalWidth === 0).map(image => image.alt)"
    )
    assert (
        page.locator("img").count() > 3
        and not broken
        and page.evaluate("[...document.images].every(image => image.alt)")
    )
    page.close()


def text_of(path):
    return " ".join(" ".join(Seen(path.read_text(encoding="utf-8")).text).split())


def difference(value, low, high):
    return dict(value=value, low=low, high=high, method="<b>")


@pytest.fixture
def many(run):
    "A run of twelve classes; the first four names are hostile, the rest long; half of the pictures are wrong, and the last class is never answered."
    names = sorted([*HOSTILE, *[f"a_very_long_name_of_class_number_{i}" for i in range(8)]])
    files = [path.name for path in sorted((run.folder.parents[1] / "data").glob("*.jpg"))][:36]
    truth = [names[i % 12] for i in range(36)]
    predicted = [
        names[(i + 1) % 11] if i % 2 else name if name != names[-1] else names[0] for i, name in enumerate(truth)
    ]
    answers = pd.DataFrame(dict(file=files, split="test", truth=truth, predicted=predicted)).assign(
        **{f"p_{name}": [0.45 if answer == name else 0.05 for answer in predicted] for name in names}
    )
    answers = pd.concat(
        [answers, answers.assign(file=[f"valid {file}" for file in files], split="valid")], ignore_index=True
    )
    catalog = pd.DataFrame(
        dict(
            file=answers.file,
            label=answers.truth,
            breed="",
            species=["cat" if names.index(name) < 5 else "dog" for name in answers.truth],
            split=answers.split,
            group=answers.file,
            note="",
        )
    ).astype("str")
    write_table(run.folder / "catalog.csv", catalog)
    write_predictions(run.arm("pretrained") / "predictions.csv", answers)
    write_json(run.arm("pretrained") / "metrics.json", metrics(answers))
    run.update(classes=names, settings=dict(arms=["pretrained"]))
    return run


def with_curve_and_bodies(run):
    write_table(
        run.arm("pretrained") / "learning_curve.csv",
        pd.DataFrame(
            [
                (each, draw, 12 * each, 1 - 0.5 * each**-0.4 + 0.01 * draw, 0.5, 36)
                for each in (2, 4, 8)
                for draw in range(2)
            ],
            columns=["per_class", "draw", "train", "accuracy", "balanced_accuracy", "n"],
        ),
    )
    write_table(
        run.folder / "bodies.csv",
        pd.DataFrame(
            [
                ("resnet18", "<b>torchvision", 224, 512, 21.4, 0.8, 0.75, 0.84, 0.79, None, False),
                ("<i>a_body_with_a_long_name_of_its_own", "<b>", 224, 1280, 33.0, 0.8512, 0.81, 0.89, 0.84, None, True),
            ],
            columns=[
                "arch",
                "weights",
                "size",
                "dimensions",
                "seconds",
                "accuracy",
                "accuracy_low",
                "accuracy_high",
                "balanced_accuracy",
                "species_accuracy",
                "chosen",
            ],
        ),
    )
    return run


SECTIONS_OF_MANY = [
    "Class by class",
    "Which are taken for each other",
    "As fine as it is sure",
    "Probes side by side",
    "Do I need more pictures?",
]


def test_many_classes_have_their_sections(many):
    page = write_report(with_curve_and_bodies(many))
    text, html, figures = text_of(page), page.read_text(encoding="utf-8"), many.metrics("pretrained")
    assert [
        heading for heading in re.findall(r"<h2>(.*?)</h2>", html) if heading in SECTIONS_OF_MANY
    ] == SECTIONS_OF_MANY
    for row in figures["per_class"].values():
        for kind in ("precision", "recall", "f1"):
            if row[kind]["value"] is not None:
                assert (
                    f"{share(row[kind]['value'])} {share(row[kind]['low']).removesuffix(' %')} to {share(row[kind]['high'])}"
                    in text
                )
    for row in worst_pairs(figures).itertuples():
        assert f"{row.truth} {row.predicted} {row[3]} of {row.of} {share(row.share)}" in text
    assert (
        "The curve is about the 36 validation pictures. With " in text
        and "Learning curves, on validation pictures. pretrained: " in html
    )
    assert (
        "were chosen on 36 validation pictures" in text and "85.1 % 81.0 to 89.0 % 84.0 %" in text
    )  # no out-of-fold predictions: the thresholds are chosen on validation pictures
    assert "species, by summing" not in text  # no body has it
    assert (
        sum(" beside " in " ".join(Seen(found).text) for found in re.findall(r"<figcaption>(.*?)</figcaption>", html))
        > 0
    )
    assert (
        f"In {share(figures['top_5_accuracy']['value'])} of the pictures the truth is among pretrained's five best answers."
        in text
    )
    assert not {"script", "svg", "b", "i", "u", "em"} & set(Seen(html).tags)


def test_thresholds_come_from_out_of_fold_predictions_where_there_are(many):
    table = many.predictions("pretrained")
    write_predictions(
        many.arm("pretrained") / "out_of_fold.csv", table[table.split == "valid"].assign(split="train").head(24)
    )
    assert "24 out-of-fold predictions of training pictures" in text_of(write_report(many))


def test_few_classes_have_no_such_sections(run):
    headings = re.findall(r"<h2>(.*?)</h2>", write_report(run).read_text(encoding="utf-8"))
    assert not set(SECTIONS_OF_MANY) & set(headings)


def test_classes_without_species_have_no_levels(many):
    catalog = many.catalog
    write_table(many.folder / "catalog.csv", catalog.assign(species=""))
    headings = re.findall(r"<h2>(.*?)</h2>", write_report(many).read_text(encoding="utf-8"))
    assert "As fine as it is sure" not in headings and "Class by class" in headings


@pytest.mark.parametrize("width", [390, 1280])
def test_many_classes_in_a_browser(many, chromium, width):
    page = chromium.new_page(viewport=dict(width=width, height=844))
    said = []
    page.on("console", lambda message: said.append(message.text))
    page.goto(write_report(with_curve_and_bodies(many)).resolve().as_uri())
    page.evaluate("document.querySelectorAll('details').forEach(element => element.open = true)")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert not said and not page.evaluate(
        "[...document.images].filter(image => !image.complete || image.naturalWidth === 0 || !image.alt).length"
    )
    if width == 390:  # a long name leaves room for the figures beside it
        assert (
            page.evaluate(
                "Math.max(...[...document.querySelectorAll('#class-by-class tbody th')].map(cell => cell.getBoundingClientRect().width))"
            )
            < 200
        )
    page.close()


def with_everything(run, arms=("pretrained",)):
    "Give a run an audit, a verdict with variants, seeds, splits, a leak, pictures from elsewhere and a checklist, with hostile words wherever words come from data."
    name, rng = HOSTILE[0], np.random.default_rng(1)
    files, record = run.catalog.file.tolist(), run.record
    kinds = [
        ("unreadable", "bad.jpg", "", 1.0, "error", "<h2>bad</h2>"),
        *[("label_error", file, "", 0.9 - 0.01 * i, "warning", f"called {name}") for i, file in enumerate(files[1:9])],
        ("exact_duplicate", files[1], files[2], 1.0, "warning", "<svg>the same bytes"),
        ("near_duplicate", files[3], files[4], 0.99, "warning", "the same picture, `other` shows 85% of it"),
        ("odd_size", files[5], "", 0.9, "warning", "1 x 1"),
    ]
    write_table(
        run.folder / "audit.csv",
        pd.DataFrame(kinds, columns=["kind", "file", "other", "score", "severity", "evidence"]),
    )
    counts = {kind: sum(row[0] == kind for row in kinds) for kind in FOUND if kind != "dark"}
    write_json(
        run.folder / "audit.json",
        dict(
            pictures=41,
            counts=counts,
            left_out=dict(dark="<em>no reason"),
            settings={},
            files=dict(format={"<u>": 40}, mode={}),
            animated=0,
        ),
    )
    first = run.predictions("pretrained")
    for arm in arms:
        figures = metrics(first, "test", None)
        one = lambda: dict(mean=float(rng.random()), spread=float(rng.random() / 10), values=rng.random(2).tolist())
        figures["seeds"] = dict(
            n=2,
            accuracy=one(),
            balanced_accuracy=one(),
            roc_auc=one(),
            per_class={label: dict(precision=one(), recall=one()) for label in figures["classes"]},
        )
        figures["leak"] = dict(
            n=40,
            leaked=2,
            accuracy=figures["accuracy"],
            accuracy_without=difference(0.7654, 0.61, 0.87),
            accuracy_of_leaked=difference(1, 0.34, 1),
            difference=difference(0.0123, -0.02, 0.05),
        )
        write_predictions(run.arm(arm) / "predictions.csv", first)
        write_json(run.arm(arm) / "metrics.json", figures)
    run.update(
        settings=dict(arms=list(arms), look=True),
        arms={
            arm: record["arms"]["pretrained"]
            | dict(settings={**record["arms"]["pretrained"]["settings"], "decision": arm})
            for arm in arms
        },
    )
    pairs = [
        dict(
            a=a,
            b=b,
            n=40,
            only_a_right=3,
            only_b_right=i,
            p_value=0.2,
            p_value_holm=0.2 / (1 + i * i * i),
            difference=difference(0.05, -0.01, 0.11),
        )
        for i, a in enumerate(arms)
        for b in arms[i + 1 :]
    ]
    tried = [
        dict(
            a=arm,
            b=arms[0],
            balanced_accuracy=difference(0.0321 + i / 100, -0.01, 0.09),
            recall={label: difference(-0.0456, -0.12, 0.02) for label in record["classes"]},
            helped=False,
        )
        for i, arm in enumerate(arms[1:])
    ]
    write_json(
        run.folder / "verdict.json",
        dict(
            chosen=arms[0],
            pairs=pairs,
            variants=tried,
            conclusion=["<script>alert(3)</script>"],
            differences={f"{a} and {b}": dict(decision=[a, b]) for i, a in enumerate(arms) for b in arms[i + 1 :]},
            repeated_splits=dict(
                splits=7,
                arms={
                    arms[0]: dict(
                        accuracy=dict(mean=0.8123, spread=0.0456), balanced_accuracy=dict(mean=0.7891, spread=0.0567)
                    )
                },
                pairs=[dict(a=arms[0], b=name, **difference(0.0234, -0.03, 0.08), p_value=0.34)],
            ),
        ),
    )
    folder = run.arm(arms[0]) / "outside" / "else"
    there = metrics(first.assign(split="outside"), "outside", None)
    write_json(folder / "metrics.json", there)
    write_json(
        folder / "away.json",
        dict(
            accuracy=difference(-0.1357, -0.2, -0.05),
            balanced_accuracy=difference(-0.0975, -0.2, 0.01),
            recall={label: difference(-0.0864, -0.3, 0.1) for label in record["classes"]},
            pays=name,
            sentence=f"{name} pays.",
            data="else",
            n=40,
            fingerprint="1",
            left_out=dict(unknown_label=5, unreadable=0),
        ),
    )
    write_json(
        run.arm(arms[0]) / "robustness.json",
        dict(
            split="valid",
            n=20,
            accuracy=difference(0.9, 0.7, 0.97),
            variants=dict(
                pad=dict(
                    changed=0.1503, accuracy=difference(0.7502, 0.53, 0.89), difference=difference(-0.1498, -0.35, 0.05)
                )
            ),
        ),
    )
    items = [
        ("groups_whole", "error", "fail"),
        ("outside_tried", "warning", "fail"),
        ("classes_counted", "error", "pass"),
        ("export_agrees", "warning", "not applicable"),
    ]
    write_json(
        run.folder / "checklist.json",
        dict(
            arm=arms[0],
            passed=False,
            items=[
                dict(
                    name=item,
                    severity=severity,
                    status=status,
                    evidence=f"evidence of {item} <b>",
                    remedy=f"remedy of {item}",
                )
                for item, severity, status in items
            ],
        ),
    )
    return run


def test_every_figure_is_that_of_the_files(run):
    run = with_everything(run, ("pretrained", "pretrained+weights"))
    page = write_report(run)
    text, html = text_of(page), page.read_text(encoding="utf-8")
    told = lambda figure, show: (
        f"{show(figure['value'])} {show(figure['low']).removesuffix(' %')} to {show(figure['high'])}" in text
    )
    verdict = run.verdict
    for one in verdict["variants"]:
        assert told(one["balanced_accuracy"], points) and all(told(recall, points) for recall in one["recall"].values())
    assert "The one variant did not clearly help." in text
    repeats = verdict["repeated_splits"]
    assert told(repeats["pairs"][0], points) and "0.34" in text and "drawn anew 7 times" in text
    for figure in repeats["arms"]["pretrained"].values():
        assert f"{share(figure['mean'])} spread {100 * figure['spread']:.1f}" in text
    for arm in run.arms:
        figures = run.metrics(arm)
        leak, seeds = figures["leak"], figures["seeds"]
        for name in ("accuracy", "accuracy_without", "accuracy_of_leaked"):
            assert told(leak[name], share)
        assert (
            told(leak["difference"], points) and "2 of 40 test pictures have a copy among the training pictures" in text
        )
        for mean in (
            seeds["accuracy"],
            seeds["balanced_accuracy"],
            *[row["recall"] for row in seeds["per_class"].values()],
        ):
            assert f"{share(mean['mean'])} spread {100 * mean['spread']:.1f}" in text
        assert (
            f"{figures['ece']['value']:.3f} {figures['ece']['perfect_mean']:.3f} ({figures['ece']['perfect_high']:.3f})"
            in text
        )
    assert "Trained with 2 seeds, pretrained gets" in text and "trained once" not in text
    assert (
        "−13.6 −20.0 to −5.0" in text
        and "−8.6 −30.0 to +10.0" in text
        and "5 with a label that the model does not know" in text
    )
    assert "padded with grey instead of cropped 15.0 % 75.0 % 53.0 to 89.0 % −15.0 −35.0 to +5.0" in text
    assert to_xml(gap_cell(difference(-0.1498, -0.35, 0.05)), indent=False) in html


def test_audit_is_told_and_shown(run):
    page = write_report(with_everything(run))
    text, seen = text_of(page), Seen(page.read_text(encoding="utf-8"))
    for words in (
        "1 file that cannot be read",
        "8 suspected wrong labels",
        "1 pair of exact copies",
        "Not looked for: dark pictures. <em>no reason",
        "40 <u>",
        f"Suspected wrong labels: the worst {WORST} of 8",
        "the second shows 85% of it",
    ):
        assert words in text
    assert "Nobody looked" not in text
    doubted = [value for name, value in seen.attributes if name == "alt" and "suspected wrong label" in value]
    assert len(doubted) == WORST  # the first of the kinds with pictures
    assert not {"script", "svg", "b", "i", "u", "em"} & set(seen.tags)  # whatever the evidence says


def test_checklist_is_seen_first(run):
    text = text_of(write_report(with_everything(run)))
    assert text.index("The checklist is not passed: pretrained fails at groups whole") < text.index(
        "What accuracy hides"
    )
    for words in (
        "pretrained has not passed. Of 4 items 1 hold, 1 error and 1 warning do not, and 1 do not apply",
        "evidence of export_agrees <b>",
        "→ remedy of groups_whole",
    ):
        assert words in text
    assert (
        text.index("evidence of groups_whole")
        < text.index("evidence of outside_tried")
        < text.index("evidence of classes_counted")
    )
    assert "remedy of classes_counted" not in text


def test_absence_is_news(run):
    run.update(settings=dict(look=False))
    text = text_of(write_report(run))
    assert "This run was made with --no-audit. Nobody looked at the data" in text
    assert (
        "Nobody has tried pretrained on pictures from elsewhere" in text
        and "--data PATH" in text
        and "--treatments" in text
    )
    for words in ("The checklist", "What balancing and thresholds changed", "How firm the figures are"):
        assert words not in text


def test_many_arms_stay_readable(run):
    arms = (
        "pretrained",
        *[
            f"pretrained+{name}"
            for name in ("weights", "oversample", "threshold", "prior", "weights+threshold", "weights+prior")
        ],
        "scratch",
        "finetuned",
    )
    page = write_report(with_everything(run, arms))
    text, html = text_of(page), page.read_text(encoding="utf-8")
    assert len(re.findall(r'class="card(?: baseline)?"', html)) == 4  # always, the chosen one, scratch and finetuned
    drawn = [
        value for name, value in Seen(html).attributes if name == "alt" and value.startswith("Confusion matrix of")
    ]
    assert [words.split()[3].rstrip(":") for words in drawn] == [
        arms[0],
        *arms[-2:],
        *arms[1:-2],
    ] and "<details><summary>Those of pretrained+weights," in html
    assert (
        "pretrained against the others" in text
        and "accuracy, points p, corrected" in text
        and "pretrained+weights and pretrained+oversample on the same pictures" not in text
    )
    assert "Only these differ in one thing: pretrained and pretrained+weights (decision)" in text
    assert "None of the 8 variants clearly helped." in text


def asked(lines):
    return [
        make_parser().parse_args(shlex.split(line)[1:]) for line in lines if line
    ]  # the command line takes what a page suggests


def suggested(steps):
    return asked(line for _, line in steps)


def repeating(run):
    return asked("".join(Seen(to_xml(part)).text).strip() for part in how_to_repeat(run).children if part.tag == "pre")


@pytest.mark.parametrize("arms, verb", [(["pretrained"], "train"), (["pretrained", "scratch"], "compare")])
def test_commands_suit_the_arms_and_name_the_weights(run, arms, verb, monkeypatch):
    monkeypatch.setattr("petclf.report.MOST_STEPS", 99)
    run.update(evaluated="valid", settings=dict(arms=arms))
    again = [
        options
        for options in suggested(next_steps(run))
        if options.verb in ("train", "compare") and options.recipe.endswith("run.json")
    ]
    assert [(options.verb, options.split, options.seed) for options in again] == [
        (verb, "stratified", None),
        ("compare", None, None),
        (verb, None, 1),
    ]  # the second is another comparison
    assert [options.weights for options in [*again, *repeating(run)]] == ["<b>.pth"] * 5
    run.update(weights=dict(source="torchvision"))
    assert not [
        options for options in [*suggested(next_steps(run)), *repeating(run)] if getattr(options, "weights", None)
    ]


def test_repeating_says_what_no_recipe_holds(run):
    run.update(settings=dict(look=False, bodies=["resnet18", "resnet34"]))
    _, by_hand = repeating(run)
    assert by_hand.no_audit and by_hand.bodies == "resnet18,resnet34"
    run.update(settings=dict(look=True, bodies=None, arms=["pretrained"]))
    _, by_hand = repeating(run)
    assert by_hand.verb == "train" and not by_hand.no_audit
    run.update(settings=dict(bodies=["resnet18"]))  # as --recipe run.json leaves them
    assert repeating(run)[1].verb == "train"


def test_only_what_can_be_mended_is_to_be_mended(run):
    catalog = run.catalog
    notes = [
        "not in the official lists",
        "its copy is in the official test part",
        "a copy of 1.jpg",
        "annotations/list.txt says dog",
        "no species known",
    ]
    more = pd.DataFrame([dict(catalog.iloc[-1], file=f"more {i}.jpg", note=note) for i, note in enumerate(notes)])
    write_table(run.folder / "catalog.csv", pd.concat([catalog, more]))
    run.update(data=dict(left_out=6))
    assert [sentence for sentence, line in next_steps(run) if line and line.startswith("petclf data")] == [
        "See why 3 pictures were left out, and mend or remove their files."
    ]
    write_table(run.folder / "catalog.csv", pd.concat([catalog.iloc[:-1], more.iloc[:3]]))
    assert not [line for _, line in next_steps(run) if line and line.startswith("petclf data")]


def test_several_pairs_are_corrected_for_and_p_is_what_it_is_called(run):
    run = with_everything(run, ("pretrained", "pretrained+weights", "scratch"))
    verdict = run.verdict
    for pair in verdict["pairs"]:
        pair |= dict(p_value=0.04, p_value_holm=0.12)
    verdict["repeated_splits"]["pairs"] = [
        dict(a=pair["a"], b=pair["b"], **difference(0.0234, 0.001, 0.08), p_value=p)
        for pair, p in zip(verdict["pairs"], (0.03, 0.04, 0.003))
    ]
    write_json(run.folder / "verdict.json", verdict)
    text = text_of(write_report(run))
    assert (
        "with probability p = 0.04 (exact McNemar test; corrected by Holm for 3 pairs, p = 0.12). The difference may well be chance."
        in text
    )
    assert "small enough to be chance (p = 0.12, corrected by Holm for 3 pairs)" in text
    assert (
        re.findall("As a recipe, (.*?) is better than (.*?)\\.", text) == [("pretrained+weights", "scratch")]
        and "p is corrected by Holm for 3 pairs" in text
        and "difference p, corrected" in text
    )
    first = verdict["pairs"][0]
    needed, loose = (
        pictures_to_settle(first["only_a_right"], first["only_b_right"], first["n"], significance=level)["pictures"]
        for level in (0.05 / 3, 0.05)
    )
    assert (
        needed > loose
        and re.search(f"pretrained and pretrained\\+weights \\S+ \\S+ to \\S+ \\d+ % {needed:,} ", text)
        and "at p below 0.017" in text
    )


def test_bodies_that_were_left_out_are_named(run):
    assert bodies_side_by_side(run) is None
    run.update(bodies_left_out={"resnet34": "no <b>weights"})
    assert "resnet34 was left out: no <b>weights." in text_of(write_report(run))
    text = text_of(write_report(with_curve_and_bodies(run)))
    assert (
        text.index("85.1 % 81.0 to 89.0 %")
        < text.index("resnet34 was left out: no <b>weights.")
        < text.index("Where their weights come from")
    )


def test_page_of_an_audit(run):
    with_everything(run)
    run.update(settings=dict(arms=[], audit=True, arch=None, weights=None))
    page = write_report(run)
    assert page.read_bytes() == write_audit_page(run.folder).read_bytes()
    text = text_of(page)
    assert re.findall(r"<h2>(.*?)</h2>", page.read_text(encoding="utf-8")) == [
        "Count first",
        "Look at the data first",
        "What to do next",
    ]
    assert "--apply" in text and "/cleaned/catalog.csv" in text and "unreadable: <h2>bad</h2>" in text
    (run.folder / "audit.json").unlink()
    with pytest.raises(PetclfError, match="the audit is not finished"):
        write_report(run)


def test_audit_with_a_file_of_weights_names_it_again(run):
    with_everything(run).update(settings=dict(arms=[], audit=True, arch="resnet34", weights="0"))
    steps = suggested(audit_steps(run))
    assert [(options.verb, options.arch, options.weights) for options in steps] == [
        ("audit", "resnet34", "<b>.pth"),
        ("audit", "resnet34", "<b>.pth"),
        ("compare", "resnet34", "<b>.pth"),
    ]
    write_json(run.folder / "audit.json", dict(counts={}, left_out={}))
    assert [(options.verb, options.weights) for options in suggested(audit_steps(run))] == [("compare", "<b>.pth")]
    run.update(weights=dict(source="torchvision"))
    assert [(options.arch, options.weights) for options in suggested(audit_steps(run))] == [(None, None)]


@pytest.mark.parametrize("found", [0, 1])
@pytest.mark.parametrize(
    "labels, said",
    [(["cat"], "all that can be used are “cat”"), ([""], "no usable picture has one"), (["cat", "dog"], None)],
)
def test_one_class_is_nothing_to_train_on(run, labels, said, found):
    with_everything(run).update(settings=dict(arms=[], audit=True, arch=None))
    catalog = run.catalog  # whose last picture cannot be read: its label is of no use
    write_table(run.folder / "catalog.csv", catalog.assign(label=[*(labels * len(catalog))[: len(catalog) - 1], "dog"]))
    write_json(run.folder / "audit.json", dict(counts=dict(exact_duplicate=found), left_out={}))
    steps = audit_steps(run)
    assert [(options.verb, options.target) for options in suggested(steps)] == [
        ("audit", None if said else "label")
    ] * found + [("compare", None)] * (said is None)
    assert said is None or said in steps[-1][0]


@pytest.mark.parametrize("audit", [False, True])
def test_with_everything_in_a_browser_on_a_telephone(run, chromium, audit):
    with_everything(run, ("pretrained", "pretrained+weights", "pretrained+threshold", "scratch", "finetuned"))
    if audit:
        run.update(settings=dict(arms=[], audit=True, arch=None, weights=None))
    page = chromium.new_page(viewport=dict(width=390, height=844))
    said = []
    page.on("dialog", lambda dialog: (said.append(dialog.message), dialog.dismiss()))
    page.on("console", lambda message: said.append(message.text))
    page.goto(write_report(run).resolve().as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.evaluate("document.querySelectorAll('details').forEach(element => element.open = true)")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert not said and not page.evaluate(
        "[...document.images].filter(image => !image.complete || image.naturalWidth === 0 || !image.alt).length"
    )
    page.close()
