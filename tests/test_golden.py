"""Runs of before the modules were rebuilt, judged with today's code: no number may move.

`golden/` holds what petclf 0.1.0 wrote (its README.md says how). Everything that follows from those files is computed
again here and compared with what stood there. Two more ways, for the machine that the files were made on:
`PETCLF_GOLDEN=exact` compares bit for bit, `PETCLF_GOLDEN=again` also audits and trains again (a minute more).
"""

import copy
import itertools
import json
import math
import os
import re
import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

# Everything of petclf that is needed here. Modules move and names change: this is the list to change with them.
from petclf.answers import level_scores
from petclf.audit import apply_audit, apply_findings, audit, audit_record, list_changes
from petclf.bundle import choose_levels, export_sentences, model_card, steering
from petclf.catalog import FACTS, Pets, class_table, limit_catalog, load_data
from petclf.checklist import check, write_checklist
from petclf.copies import check_groups, group_copies
from petclf.experiment import audit_run, evaluate_arm, train_arms
from petclf.levels import across_species, answer_levels, at_levels, levels_table, summed_to_species, worst_pairs
from petclf.metrics import (
    away,
    found_least,
    hidden,
    kinds_of_errors,
    learning_curve_points,
    metrics,
    paired,
    paired_bootstrap,
    paired_recalls,
    summary,
    what_more_brings,
    worst_errors,
)
from petclf.plots import order_by_similarity
from petclf.recipe import Recipe
from petclf.report import write_audit_page, write_report
from petclf.run import Run, read_predictions, read_text_table
from petclf.split import leaks, split_catalog
from petclf.stats import pictures_for_interval, pictures_to_settle
from petclf.thresholds import (
    at_threshold,
    calibrate,
    choose_threshold,
    correct_prior,
    fit_temperature,
    threshold_interval,
)
from petclf.verdict import judge

GOLDEN = Path(__file__).parent / "golden"
RUNS = ("species", "breed", "leak", "finetuned")
BUNDLES = ("species", "breed", "leak")
EXACT = os.environ.get("PETCLF_GOLDEN") in ("exact", "again")

# What has another name today: the name in the frozen files -> today's. Holds for keys of JSON, for columns of tables,
# and for strings that are names themselves (a kind of finding, an item of the checklist, a level).
RENAMED = {}
# Files of a run folder that have another name today: the frozen one -> today's.
FILES = {}
# Keys whose values are sentences for people. Their words may change, the numbers in them may not.
WORDS = ("conclusion", "sentence", "evidence", "remedy", "words")


# ## Comparing


def is_close(before, now, rel=1e-9):
    "Whether two floats are the same, but for their last digits: processors (and their BLAS) add up in other orders."
    return before == now if EXACT else math.isclose(before, now, rel_tol=rel, abs_tol=1e-12)


def numbers(text):
    "The numbers in a text, and how often each of them is there."
    return Counter(re.findall(r"\d[\d,]*(?:\.\d+)?(?:e-?\d+)?", text))


def lost_numbers(before, now):
    "Numbers of `before` that `now` does not have."
    as_text = [text if isinstance(text, str) else "\n".join(text) for text in (before, now)]
    return numbers(as_text[0]) - numbers(as_text[1])


def moved(before, now, where="", rel=1e-9):
    "Where `now` is not what `before` was, a line each. What `now` has beyond it (keys, named items) is fine."
    if where.rsplit(".", 1)[-1] in WORDS and before and now:
        lost = lost_numbers(before, now)
        return [f"{where}: {', '.join(lost)} stood in {before!r}, not in {now!r}"] if lost else []
    if type(before) is type(now) is dict:
        return moved_in_dict(before, now, where, rel)
    if type(before) is type(now) is list:
        return moved_in_list(before, now, where, rel)
    if type(before) is type(now) is float:
        alike = is_close(before, now, rel)
    else:
        alike = type(before) is type(now) and (before == now or isinstance(before, str) and now == RENAMED.get(before))
    return [] if alike else [f"{where}: {before!r} became {now!r}"]


def moved_in_dict(before, now, where, rel):
    lines = []
    for key, value in before.items():
        key_now = key if key in now else RENAMED.get(key, key)
        found = moved(value, now[key_now], f"{where}.{key_now}", rel) if key_now in now else [f"{where}.{key} is gone"]
        lines += found
    return lines


def moved_in_list(before, now, where, rel):
    if before and isinstance(before[0], dict) and "name" in before[0]:
        by_name = [{item["name"]: item for item in items} for items in (before, now)]
        return moved_in_dict(*by_name, where, rel)
    if len(before) != len(now):
        return [f"{where}: {len(before)} entries became {len(now)}"]
    pairs = enumerate(zip(before, now, strict=True))
    return [line for place, pair in pairs for line in moved(*pair, f"{where}[{place}]", rel)]


def plain(value):
    "A value as JSON would give it back; tables as a list of rows, what is missing as None."
    if isinstance(value, pd.DataFrame):
        return [plain(row) for row in value.reset_index(drop=value.index.name is None).to_dict("records")]
    if isinstance(value, pd.Series):
        return plain(value.to_dict())
    if isinstance(value, dict):
        return {str(key): plain(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(one) for one in value]
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, np.generic):
        return plain(value.item())
    if value is pd.NA or value is None or isinstance(value, float) and math.isnan(value):
        return None
    return value


def same(before, now, where, rel=1e-9):
    "Assert that nothing moved."
    lines = moved(plain(before), plain(now), where, rel)
    assert not lines, f"{len(lines)} places moved:\n" + "\n".join(lines[:20])


def moved_in_table(before, now, where, rel=1e-9):
    "Where a table of text is not what it was, a line each; new columns are fine."
    if len(before) != len(now):
        return [f"{where}: {len(before)} rows became {len(now)}"]
    lines = []
    for column in before:
        column_now = column if column in now else RENAMED.get(column, column)
        if column_now not in now:
            lines.append(f"{where}: the column {column} is gone")
            continue
        for place, (one, other) in enumerate(zip(before[column], now[column_now], strict=True)):
            if not (one == other or other == RENAMED.get(one) or are_close_texts(one, other, rel)):
                lines.append(f"{where}, row {place}, {column}: {one!r} became {other!r}")
    return lines


def are_close_texts(one, other, rel):
    try:
        return is_close(float(one), float(other), rel)
    except ValueError:
        return False


def same_table(before, now, where, rel=1e-9):
    "Assert that a CSV file, or a table that would be written as one, says what the one of before says."
    tables = [table if isinstance(table, pd.DataFrame) else read_text_table(table) for table in (before, now)]
    lines = moved_in_table(*(as_written(table) for table in tables), where, rel)
    assert not lines, f"{len(lines)} places moved:\n" + "\n".join(lines[:20])


def as_written(table):
    "A table as text, floats with all their digits."
    return table.map(lambda value: "" if value is None or value != value else str(value)).reset_index(drop=True)


# ## What stood there


def read(path):
    return json.loads(path.read_text(encoding="utf-8"))


def today(name):
    "A file's name today."
    return FILES.get(name, name)


def frozen_verdict(run, form):
    "The verdict of before, its differences (keys glued from two names) in the form that they have today."
    verdict = read(GOLDEN / run / "verdict.json")
    if isinstance(form, list):
        glued = [(*names.split(" and "), changed) for names, changed in verdict["differences"].items()]
        verdict["differences"] = [dict(a=a, b=b, changed=changed) for a, b, changed in glued]
    return verdict


def arms_of(run):
    return read(GOLDEN / run / "run.json")["settings"]["arms"]


def seen_in(name):
    "A frozen run; nothing may be written into it."
    return Run.open(GOLDEN / name)


def groups_of(run):
    return run.catalog.set_index("file").group


def judged_of(run, arm):
    "The predictions that the metrics are about."
    return run.predictions(arm)[lambda table: table.split == run.record["evaluated"]].reset_index(drop=True)


ARMS = [(run, arm) for run in RUNS for arm in arms_of(run)]
OUTSIDE = [
    (folder.parts[-5], folder.parts[-3], folder)
    for folder in sorted(path.parent for path in GOLDEN.glob("*/arms/*/outside/*/away.json"))
]


@pytest.fixture(scope="module", params=RUNS)
def judged_again(request, tmp_path_factory):
    "A frozen run with everything that follows from predictions removed and computed again."
    folder = tmp_path_factory.mktemp("golden") / request.param
    shutil.copytree(GOLDEN / request.param, folder)
    run = Run.open(folder)
    for path in [*folder.glob("arms/*/metrics.json"), *folder.glob("arms/*/seeds/*/metrics.json")]:
        path.unlink()
    for name in ("verdict.json", "checklist.json"):
        (folder / name).unlink(missing_ok=True)
    for path in folder.glob("arms/*/seeds/*/predictions.csv"):
        values = metrics(read_predictions(path), run.record["evaluated"], run.record["positive"], groups_of(run))
        (path.parent / today("metrics.json")).write_text(json.dumps(plain(values)))
    for arm in run.record["settings"]["arms"]:
        evaluate_arm(run, arm)
    if len(run.arms) > 1:
        judge(run)
    return request.param, run


# ## From predictions to the verdict


def test_metrics(judged_again):
    "metrics.json of every arm and seed, the mean over seeds and what leaks cost among them."
    name, run = judged_again
    paths = sorted((GOLDEN / name).glob("arms/**/metrics.json"))
    paths = [path for path in paths if "outside" not in path.parts]
    assert len(paths) >= len(arms_of(name))
    for path in paths:
        inside = path.relative_to(GOLDEN / name)
        same(read(path), read(run.folder / inside.with_name(today(inside.name))), str(inside))
    assert name != "species" or "seeds" in run.metrics("pretrained")
    assert name != "leak" or run.metrics("probe")["leak"]["leaked"]


def test_plots_are_drawn(judged_again):
    name, run = judged_again
    for arm in arms_of(name):
        drawn = {path.stem for path in run.arm(arm).glob("*.png")}
        assert {"confusion", "reliability"} <= drawn
        assert run.record["positive"] is None or {"roc", "precision_recall"} <= drawn
        assert ("history" in drawn) == (run.arm(arm) / "history.csv").is_file()


def test_verdict(judged_again):
    name, run = judged_again
    if not (GOLDEN / name / "verdict.json").is_file():
        pytest.skip("one arm has no verdict")
    now = read(run.folder / today("verdict.json"))
    same(frozen_verdict(name, now["differences"]), now, "verdict.json")


def test_checklist(judged_again):
    "Status, severity and the numbers of the evidence of the chosen arm (of other arms: test_said_about_run)."
    name, run = judged_again
    write_checklist(run)
    same(read(GOLDEN / name / "checklist.json"), read(run.folder / today("checklist.json")), "checklist.json")


def test_page(judged_again):
    "Every number that the page showed without pictures is on today's page."
    name, run = judged_again
    write_checklist(run, arms_of(name)[0])
    lost = Counter(expected()[f"page {name}"]) - page_numbers(write_report(run.folder))
    assert not lost, f"numbers that the page does not say any more: {dict(lost)}"


def page_numbers(path):
    "The numbers that a page says, and how often: no style, no drawing, no markup."
    text = Path(path).read_text(encoding="utf-8")
    text = re.sub(r"<(style|script|svg)\b.*?</\1>", " ", text, flags=re.DOTALL)
    return numbers(re.sub(r"<[^>]*>", " ", text))


@pytest.mark.parametrize("run, arm", ARMS)
def test_decisions(run, arm):
    "Temperature, prior and threshold, fitted again and applied again."
    run = seen_in(run)
    about, predictions = run.record["arms"][arm], run.predictions(arm)
    table, fitted_on = steering(run, arm)
    temperature = about["temperature"]
    assert (fitted_on, len(table)) == (temperature["fitted_on"], temperature["n"])
    # A minimum is flat: a search finds it only to the root of what a float can tell apart.
    same(temperature["value"], fit_temperature(table), f"temperature of {arm}", rel=1e-6)
    uncalibrated = predictions[[column for column in predictions if not column.startswith("q_")]]
    if prior := about.get("prior"):
        other = next(name for name in run.record["classes"] if name != prior["positive"])
        shares = ({prior["positive"]: share, other: 1 - share} for share in (prior["trained"], prior["world"]))
        same_table(
            uncalibrated.drop(columns="predicted"),
            correct_prior(run.predictions(about["decided_from"]), *shares),
            f"prior of {arm}",
        )
    again = calibrate(uncalibrated, temperature["value"])
    if threshold := about.get("threshold"):
        positive, column = threshold["positive"], threshold["column"]
        calibrated = calibrate(table, temperature["value"])
        value = choose_threshold(calibrated, positive, threshold["how"], column=column)
        same(threshold["value"], value, f"threshold of {arm}")
        again = at_threshold(again, positive, threshold["value"], column=column)
    same_table(predictions, again, f"predictions of {arm}")


@pytest.mark.parametrize("run, arm, folder", OUTSIDE, ids=lambda value: getattr(value, "name", value))
def test_outside(run, arm, folder):
    "An arm on pictures from elsewhere, and what it loses there."
    run = seen_in(run)
    before, predictions = read(folder / "away.json"), read_predictions(folder / "predictions.csv")
    home = run.metrics(arm)
    if before["target"] != run.record["target"]:
        species_of = dict(zip(run.catalog[run.record["target"]], run.catalog.species, strict=True))
        summed = summed_to_species(judged_of(run, arm), species_of)
        home = metrics(summed, run.record["evaluated"], groups=groups_of(run))
    there = metrics(predictions, "outside", home["positive"])
    same(read(folder / "metrics.json"), there, "metrics.json outside")
    same(before["home"], {key: home[key] for key in before["home"]}, "home")
    same({key: before[key] for key in ("accuracy", "balanced_accuracy", "recall")}, away(home, there), "away.json")
    same(before["sentence"], away(home, there)["sentence"], "sentence")


# ## What the functions of the package said about these runs, kept in expected.json


def expected():
    return read(GOLDEN / "expected.json")


def said_about(name):
    "What functions say about a run beyond what stands in its folder: question to answer."
    run = seen_in(name)
    catalog, record, groups = run.catalog, run.record, groups_of(run)
    said = {}
    for arm in run.arms:
        values, judged = run.metrics(arm), judged_of(run, arm)
        said |= {
            f"hidden {name} {arm}": [hidden(values), found_least(values)],
            f"worst errors {name} {arm}": worst_errors(judged, 3),
            f"kinds of errors {name} {arm}": kinds_of_errors(judged, catalog),
            f"worst pairs {name} {arm}": worst_pairs(values, 4),
            f"order {name} {arm}": order_by_similarity(values) if len(values["classes"]) > 2 else None,
            f"interval {name} {arm}": pictures_for_interval(values["accuracy"]["value"], 0.01),
        }
        if arm != read(GOLDEN / name / "checklist.json")["arm"]:
            said[f"checklist {name} {arm}"] = answers_of(check(run, arm))
        if record["positive"]:
            for how in ("equal_recall", "best_f1", "cost"):
                table = steering(run, arm)[0]
                said[f"threshold {how} {name} {arm}"] = [
                    threshold_interval(table, record["positive"], how, 3.0, times=50, groups=groups),
                    choose_threshold(table, record["positive"], how, 3.0),
                ]
        if (path := run.arm(arm) / "learning_curve.csv").is_file():
            curve = pd.read_csv(path)
            for figure in ("accuracy", "balanced_accuracy"):
                said[f"learning curve {figure} {name} {arm}"] = learning_curve_points(curve, figure)
                said[f"what more brings {figure} {name} {arm}"] = what_more_brings(curve, figure)
    for a, b in itertools.pairwise(run.arms):
        one, other = judged_of(run, a), judged_of(run, b)
        pair = paired(one, other, groups=groups)
        said |= {
            f"paired {name} {a}, {b}": pair,
            f"paired recalls {name} {a}, {b}": paired_recalls(one, other, groups=groups),
            f"bootstrap {name} {a}, {b}": paired_bootstrap(one, other, groups=groups, times=200),
            f"settle {name} {a}, {b}": pictures_to_settle(pair["only_a_right"], pair["only_b_right"], pair["n"]),
        }
    said[f"summary {name}"] = {"words": summary({arm: run.metrics(arm) for arm in run.arms}).to_string()}
    for column in ("species", "breed"):
        said[f"classes {name} {column}"] = class_table(catalog, column)
    return said | said_about_split(name, catalog, record["seed"])


def answers_of(checklist):
    return {item["name"]: {key: item[key] for key in ("status", "evidence")} for item in checklist["items"]}


def said_about_split(name, catalog, seed):
    "Where each picture falls, other ways and seeds among them; which pictures are taken of many."
    said = {f"limit {name}": limit_catalog(catalog, 20, seed).file.tolist(), f"leaks {name}": leaks(catalog)}
    for how in ("stratified", "random"):
        for other_seed in (seed, seed + 1000):
            again, way = split_catalog(catalog.assign(split=""), how, other_seed)
            said[f"split {name} {how} {other_seed}"] = [way, "".join(part[:2] or "--" for part in again.split)]
    return said


def said_about_levels(name):
    "Answers as fine as they are sure, for breeds."
    run = seen_in(name)
    used = run.catalog[run.catalog.split != ""].drop_duplicates("breed").set_index("breed")
    coat = read(GOLDEN / "bundles" / name / "bundle.json")["coat"]
    coat_of, groups, said = {breed: f"{coat[breed]}, {used.species[breed]}" for breed in used.index}, groups_of(run), {}
    for arm in run.arms:
        temperature, judged = run.record["arms"][arm]["temperature"]["value"], judged_of(run, arm)
        table = calibrate(steering(run, arm)[0], temperature)
        levels = answer_levels(table, used.species, coat_of, groups=groups)
        answers = at_levels(judged, levels, used.species, coat_of)
        summed = summed_to_species(judged, used.species, "q")
        said |= {
            f"levels {name} {arm}": levels,
            f"answers {name} {arm}": answers,
            f"levels table {name} {arm}": levels_table(answers, levels, groups),
            f"across species {name} {arm}": across_species(judged, used.species, groups),
            f"species {name} {arm}": metrics(summed, run.record["evaluated"], groups=groups),
        }
    return said


def said_about_bundle(name):
    "What the export of a bundle came to."
    return {f"export {name}": {"words": export_sentences(read(GOLDEN / "bundles" / name / "bundle.json"))}}


def said_about_pages(place):
    "What the pages of runs say, where their pictures are gone."
    said = {}
    for name in RUNS:
        shutil.copytree(GOLDEN / name, place / name)
        write_checklist(place / name, arms_of(name)[0])
        said[f"page {name}"] = page_numbers(write_report(place / name))
    return said


def freeze(place):
    "Write expected.json with the package that is imported: for that of before, and no other."
    said = {}
    for name in RUNS:
        said |= said_about(name)
    for name in BUNDLES:
        said |= said_about_bundle(name)
    said |= said_about_levels("breed") | said_about_pages(Path(place))
    text = ",\n".join(f"{json.dumps(question)}: {json.dumps(plain(answer))}" for question, answer in said.items())
    (GOLDEN / "expected.json").write_text("{\n" + text + "\n}\n", encoding="utf-8")


@pytest.mark.parametrize("name", RUNS)
def test_said_about_run(name):
    before, now = expected(), said_about(name)
    for question, answer in now.items():
        same(before[question], answer, question)


def test_said_about_levels():
    before, now = expected(), said_about_levels("breed")
    for question, answer in now.items():
        same(before[question], answer, question)


# ## Bundles


@pytest.mark.parametrize("name", BUNDLES)
def test_bundle(name):
    "The levels of bundle.json chosen again, its metrics counted again, its card's numbers said again."
    run, about = seen_in(name), read(GOLDEN / "bundles" / name / "bundle.json")
    arm = about["arm"]
    table, fitted_on = steering(run, arm)
    assert (fitted_on, len(table)) == (about["fitted_on"]["predictions"], about["fitted_on"]["n"])
    table = calibrate(table, about["temperature"])
    same(about["levels"], choose_levels(table, copy.deepcopy(about)), "levels")
    uncalibrated = judged_of(run, arm)[lambda judged: [column for column in judged if not column.startswith("q_")]]
    judged = calibrate(uncalibrated, about["temperature"])
    if threshold := about["threshold"]:
        if about["target"] == "species":
            judged = at_threshold(judged, threshold["positive"], threshold["value"], column="q")
        else:
            summed = summed_to_species(table, about["species"])
            value = choose_threshold(summed, threshold["positive"], threshold["how"], column="q")
            same(threshold["value"], value, "threshold")
    same(
        about["figures"]["metrics"],
        metrics(judged, about["evaluated"], about["positive"], groups_of(run)),
        "figures of the bundle",
    )
    left = np.ones(len(judged), dtype=bool)
    scores = level_scores(judged[[f"q_{label}" for label in about["classes"]]].to_numpy(), about)
    for chosen, counted in zip(about["levels"], about["figures"]["levels"], strict=True):
        given = left & (scores[chosen["level"]][1] >= chosen["at"]) if chosen["at"] is not None else left & False
        assert (int(given.sum()), chosen["level"]) == (counted["n"], counted["level"])
        left &= ~given
    assert int(left.sum()) == about["figures"]["not_sure"]
    assert not lost_numbers((GOLDEN / "bundles" / name / "README.md").read_text(encoding="utf-8"), model_card(about))
    for question, answer in said_about_bundle(name).items():
        same(expected()[question], answer, question)


# ## The audit


def findings_of(folder):
    "audit.csv as findings, with what audit.json says about the search."
    findings = read_text_table(folder / "audit.csv").astype({"score": "float64"})
    record = read(folder / "audit.json")
    findings.attrs = {key: value for key, value in record.items() if key != "counts"}
    return findings


AUDITED = ("species", "breed", "leak", "faults")


@pytest.mark.parametrize("name", AUDITED)
def test_audit_record(name):
    run, findings = seen_in(name), findings_of(GOLDEN / name)
    pets = Pets(name, GOLDEN, run.catalog, pd.DataFrame(columns=list(FACTS)), "")
    same(read(GOLDEN / name / "audit.json"), audit_record(pets, findings), "audit.json")


@pytest.mark.parametrize("name", AUDITED)
def test_groups_and_split(name):
    "The groups that the findings make, what is wrong within them, and the parts they fall into."
    run, findings = seen_in(name), findings_of(GOLDEN / name)
    catalog, record = run.catalog, run.record
    again = group_copies(catalog.assign(group=catalog.file), findings)
    assert again.group.tolist() == catalog.group.tolist()
    split, way = split_catalog(again.assign(split=""), record["split"], record["seed"])
    assert way == record["split"]
    same_table(catalog, split, "catalog.csv")
    kinds = ("duplicate_across_splits", "duplicate_labels_disagree")
    within = check_groups(split, record["target"])
    columns = ["kind", "file", "other", "score", "severity", "evidence"]
    for kind in kinds:
        before, now = (table[table.kind == RENAMED.get(kind, kind)] for table in (findings, within))
        same_table(before[columns], now, kind)


def test_cleaned_catalog(tmp_path):
    "`audit --apply`: what is dropped and why, and the catalog without it."
    folder = tmp_path / "faults"
    shutil.copytree(GOLDEN / "faults", folder)
    (folder / "changes.csv").unlink()
    run = Run.open(folder)
    changes = apply_audit(run)
    same_table(GOLDEN / "faults" / "changes.csv", folder / today("changes.csv"), "changes.csv")
    cleaned = read_text_table(folder / "cleaned" / "catalog.csv").set_index("file")
    dropped = changes[changes.change == "dropped"].set_index("file").after
    before = run.catalog.set_index("file")
    assert cleaned.note[dropped.index].tolist() == dropped.tolist()
    assert (cleaned.split == "").all()
    kept = before.index.difference(dropped.index)
    pd.testing.assert_frame_equal(cleaned.drop(columns="split").loc[kept], before.drop(columns="split").loc[kept])
    again = apply_findings(run.catalog, findings_of(folder), ("unreadable", "exact_duplicate"), {}, "label")
    same_table(GOLDEN / "faults" / "changes.csv", list_changes(run.catalog, again), "changes")


def test_audit_page(tmp_path):
    shutil.copytree(GOLDEN / "faults", tmp_path / "faults")
    said = page_numbers(write_audit_page(tmp_path / "faults"))
    for count in read(GOLDEN / "faults" / "audit.json")["counts"].values():
        assert not count or str(count) in said


# ## From pictures


def drawn(name):
    "A drawn data set; where another processor or Pillow draws other pixels, there is nothing to compare."
    frozen = read(GOLDEN / {"sample": "species", "sample-faults": "faults"}[name] / "run.json")["data"]
    pets = load_data(name)
    if pets.fingerprint != frozen["fingerprint"] and not EXACT:
        pytest.skip(f"{name} is drawn with other pixels here than on the machine of the frozen runs")
    assert pets.fingerprint == frozen["fingerprint"]
    return pets


def test_sample_is_drawn_alike():
    drawn("sample")


def test_audit_of_pictures():
    "All that the audit finds without a network: the same pictures, scores to what 32 bit allow."
    pets = drawn("sample-faults")
    now = audit(pets, pets.catalog, read(GOLDEN / "faults" / "run.json")["target"])
    kinds = sorted(set(now.kind) - {"duplicate_across_splits", "label_error"})
    before = read_text_table(GOLDEN / "faults" / "audit.csv")
    before, now = (table[table.kind.isin(kinds)].reset_index(drop=True) for table in (before, now))
    columns = ["kind", "file", "other", "severity", "score", *["evidence"] * EXACT]
    same_table(before[columns], now[columns], "audit.csv", rel=1e-4)


from_pictures = pytest.mark.skipif(
    os.environ.get("PETCLF_GOLDEN") != "again", reason="another processor adds up in another order; PETCLF_GOLDEN=again"
)


@from_pictures
def test_audit_again(tmp_path):
    "The whole audit, with the labels that a probe doubts."
    drawn("sample-faults")
    run = audit_run("sample-faults", out=tmp_path / "faults")
    for name in ("audit.csv", "catalog.csv"):
        same_table(GOLDEN / "faults" / name, run.folder / today(name), name)
    same(read(GOLDEN / "faults" / "audit.json"), read(run.folder / today("audit.json")), "audit.json")


@from_pictures
def test_train_again(tmp_path):
    "Arms trained again from the pictures give the predictions of before."
    drawn("sample")
    for name, arms in (("species", ("probe", "probe+threshold", "pretrained")), ("breed", ("probe+weights",))):
        record = read(GOLDEN / name / "run.json")
        recipe = Recipe(**{**record["recipe"], "seeds": 1})
        settings = {key: record["settings"][key] for key in ("target", "split", "seed", "limit")}
        run = train_arms("sample", arms, recipe, out=tmp_path / name, **settings)
        for path in ("catalog.csv", "audit.csv", *["repeated_splits.csv"] * (name == "species")):
            same_table(GOLDEN / name / path, run.folder / today(path), f"{name}, {path}")
        for arm in arms:
            trained_alike(GOLDEN / name / "arms" / arm, run, arm)


def trained_alike(before, run, arm):
    "Compare the tables of an arm, all but the seconds."
    for name in ("predictions.csv", "out_of_fold.csv", "learning_curve.csv", "history.csv"):
        if (before / name).is_file():
            table, now = (read_text_table(path) for path in (before / name, run.arm(arm) / today(name)))
            same_table(table.drop(columns="seconds", errors="ignore"), now, f"{arm}, {name}")
