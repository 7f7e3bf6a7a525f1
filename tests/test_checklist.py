"The checklist on runs that somebody damaged, polished or forgot: never a green light that was not earned."

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from petclf.checklist import ITEMS, check, checklist_text, read_rules, show_checklist, write_checklist
from petclf.errors import PetclfError
from petclf.files import write_json, write_table
from petclf.metrics import metrics
from petclf.run import Run, write_predictions

TOP = Path(__file__).parent.parent
PARTS = {"train": 60, "valid": 40, "test": 60}


def answers_about(name, split, n, missed, other):
    "Predictions about `n` pictures of a class, the first `missed` of them wrong."
    wrong = np.arange(n) < missed
    sure = np.where(wrong, 0.6, 0.99)
    table = pd.DataFrame(
        {
            "file": [f"{split}/{name}_{i}.jpg" for i in range(n)],
            "split": split,
            "truth": name,
            "predicted": np.where(wrong, other, name),
        }
    )
    return table.assign(**{f"p_{name}": np.where(wrong, 1 - sure, sure), f"p_{other}": np.where(wrong, sure, 1 - sure)})


def make_run(folder, arm="pretrained", classes=("cat", "dog"), copies=0):
    "A run in good order, made of tables; `copies` test pictures of each class share a group with their neighbour."
    pairs = dict(zip(classes, reversed(classes)))
    catalog = pd.DataFrame(
        [
            (
                f"{split}/{name}_{i}.jpg",
                name,
                split,
                f"{split}/{name}_{i - i % 2 if split == 'test' and i < copies else i}.jpg",
                "",
            )
            for name in classes
            for split, n in PARTS.items()
            for i in range(n)
        ],
        columns=["file", "species", "split", "group", "note"],
    )
    predictions = pd.concat(
        [answers_about(name, split, PARTS[split], 1, pairs[name]) for split in ("valid", "test") for name in classes]
    )
    predictions = predictions[["file", "split", "truth", "predicted", *[f"p_{name}" for name in sorted(classes)]]]
    run, figures = Run(folder), metrics(predictions, groups=dict(zip(catalog.file, catalog.group)))
    run.update(
        settings={"arms": [arm], "seed": 0},
        seed=0,
        versions={"petclf": "0", "python": "3", "torch": "2"},
        data={"fingerprint": "1", "licence": "CC0"},
        target="species",
        classes=sorted(classes),
        evaluated="test",
        test_readings=1,
        weights={"expected": {"mean": [0.4, 0.4, 0.4], "std": [0.2, 0.2, 0.2], "size": 224}},
        arms={
            arm: {
                "settings": {"initial_weights": "a file"},
                "statistics": [[0.4, 0.4, 0.4], [0.2, 0.2, 0.2]],
                "sanity": {"passed": True, "smallest_sum": 1.0, "largest_sum": 1.0, "loss": 0.7},
            }
        },
    )
    write_table(run.folder / "catalog.csv", catalog)
    write_audit(run, [])
    write_predictions(run.arm(arm) / "predictions.csv", predictions)
    write_table(
        run.arm(arm) / "history.csv",
        pd.DataFrame({"epoch": [0, 1], "train_loss": [0.5, 0.1], "valid_loss": [0.4, 0.2]}),
    )
    write_json(run.arm(arm) / "metrics.json", figures)
    write_json(run.arm(arm) / "robustness.json", {"split": "valid", "n": 80, "variants": {"squash": {"changed": 0.0}}})
    write_json(run.arm(arm) / "outside" / "home" / "metrics.json", figures)
    write_json(run.folder / "verdict.json", {"split": "test", "n": figures["n"], "chosen": arm, "arms": {arm: figures}})
    return run


def write_audit(run, rows, without=()):
    findings = pd.DataFrame(rows, columns=["kind", "file", "other"])
    kinds = [kind for kind in ("unreadable", "exact_duplicate", "near_duplicate", "label_error") if kind not in without]
    write_table(run.folder / "audit.csv", findings)
    write_json(
        run.folder / "audit.json",
        {
            "counts": {kind: int((findings.kind == kind).sum()) for kind in kinds},
            "left_out": dict.fromkeys(without, "no weights"),
        },
    )


def edit(path, change):
    "Change a JSON file by a function of its content."
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def edit_table(path, change):
    table = pd.read_csv(path, dtype="str", keep_default_na=False)
    table = change(table)
    table.to_csv(path, index=False)


def failing(run, **options):
    return {item["name"] for item in check(run, **options)["items"] if item["status"] == "fail"}


def evidence(run, name):
    return next(item["evidence"] for item in check(run)["items"] if item["name"] == name)


@pytest.fixture
def run(tmp_path):
    return make_run(tmp_path / "run")


def test_a_good_run_passes_and_is_written(run):
    checklist = write_checklist(run.folder)
    assert failing(run) == set() and checklist["passed"] is True and checklist["arm"] == "pretrained"
    written = (run.folder / "checklist.json").read_bytes()
    assert json.loads(written) == checklist
    assert list(checklist) == ["arm", "passed", "items"]
    for item in checklist["items"]:
        assert list(item) == ["name", "severity", "status", "evidence", "remedy"]
        assert (
            item["severity"] in ("error", "warning")
            and item["status"] in ("pass", "fail", "not applicable")
            and item["evidence"]
            and "\n" not in item["evidence"] + item["remedy"]
        )
    write_checklist(run.folder)
    assert (run.folder / "checklist.json").read_bytes() == written


def test_checking_needs_neither_torch_nor_fastai(run):
    code = f"import sys; from petclf.checklist import *; checklist_text(write_checklist({str(run.folder)!r})); print([name for name in ('torch', 'fastai', 'sklearn', 'scipy', 'matplotlib') if name in sys.modules])"
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"
    )


@pytest.mark.parametrize(
    "damage",
    [
        Path.unlink,
        lambda path: path.write_text(""),
        lambda path: path.write_text("[]"),
        lambda path: path.write_text("file\n"),
        lambda path: path.write_text("{}"),
        lambda path: path.write_bytes(b"\xff\xfe\x00"),
        lambda path: path.write_text(path.read_text()[: len(path.read_text()) // 2]),
    ],
    ids=["gone", "empty", "list", "header", "nothing in it", "bytes", "half"],
)
@pytest.mark.parametrize(
    "name",
    [
        "catalog.csv",
        "arms/pretrained/predictions.csv",
        "arms/pretrained/metrics.json",
        "arms/pretrained/history.csv",
        "audit.json",
    ],
)
def test_a_damaged_file_fails(run, name, damage):
    damage(run.folder / name)
    assert check(run)["passed"] is False


def test_half_an_audit_fails(run):
    write_audit(run, [("near_duplicate", "train/cat_0.jpg", "train/cat_1.jpg")])
    assert failing(run) == set()
    edit_table(run.folder / "audit.csv", lambda table: table.iloc[:0])
    assert "groups_whole" in failing(run) and "one of them was changed" in evidence(run, "groups_whole")


FIGURES = [
    ("n",),
    ("accuracy", "value"),
    ("accuracy", "low"),
    ("balanced_accuracy", "value"),
    ("balanced_accuracy", "high"),
    ("chance", "majority"),
    ("log_loss", "value"),
    ("ece", "value"),
    ("per_class", "cat", "support"),
    ("per_class", "cat", "recall", "value"),
    ("per_class", "dog", "precision", "low"),
    ("per_class", "cat", "f1", "value"),
    ("confusion", 0, 1),
]


@pytest.mark.parametrize(
    "value",
    [lambda old: old + 0.004, lambda old: None, lambda old: float("nan"), lambda old: "1.0", lambda old: True],
    ids=["more", "null", "nan", "text", "true"],
)
@pytest.mark.parametrize("path", FIGURES, ids=lambda path: ".".join(map(str, path)))
def test_a_polished_figure_fails(run, path, value):
    def polish(figures):
        for key in path[:-1]:
            figures = figures[key]
        figures[path[-1]] = value(figures[path[-1]])

    if path == ("confusion", 0, 1) and value(1) is True:
        pytest.skip("in Python, true is 1")
    edit(run.arm("pretrained") / "metrics.json", polish)
    assert "figures_match_predictions" in failing(run) and not check(run)["passed"]


@pytest.mark.parametrize(
    "change",
    [
        lambda table: table.iloc[1:],  # an answer taken away
        lambda table: pd.concat([table, table.iloc[:1]]),  # given twice
        lambda table: table.assign(truth=table.predicted),  # truths that suit
        lambda table: table.assign(
            split=table.split.where(table.predicted == table.truth, "valid")
        ),  # errors moved to valid
        lambda table: table.assign(
            file=table.file.str.replace("test/cat_0", "train/cat_0")
        ),  # about a training picture
        lambda table: table.rename(columns={"p_cat": "p_fox"}),
        lambda table: table.assign(p_cat="0.9", p_dog="0.9"),
        lambda table: table.assign(p_cat="nan"),
        lambda table: table.drop(columns="truth"),
        lambda table: table.assign(predicted="wolf"),
    ],
    ids=["fewer", "twice", "truths", "parts", "training", "classes", "sums", "nan", "column", "no class"],
)
def test_predictions_that_were_changed_fail(run, change):
    edit_table(run.arm("pretrained") / "predictions.csv", change)
    assert "figures_match_predictions" in failing(run)


def test_answers_made_right_by_hand_fail_even_with_figures_to_match(run):
    path = run.arm("pretrained") / "predictions.csv"
    edit_table(path, lambda table: table.assign(predicted=table.truth))
    figures = metrics(run.predictions("pretrained"))
    write_json(run.arm("pretrained") / "metrics.json", figures)
    write_json(run.folder / "verdict.json", run.verdict | {"arms": {"pretrained": figures}})
    assert failing(run) == {"thresholds_not_from_test"} and "not the likeliest class" in evidence(
        run, "thresholds_not_from_test"
    )


def test_a_verdict_that_says_more_fails(run):
    edit(run.folder / "verdict.json", lambda verdict: verdict["arms"]["pretrained"]["accuracy"].update(value=0.9999))
    assert failing(run) == {"figures_match_predictions"}


def test_figures_about_valid_where_there_is_a_test_part_fail(run):
    edit(run.folder / "run.json", lambda record: record.update(evaluated="valid"))
    assert {"figures_match_predictions", "test_untouched"} <= failing(run)


def test_copies_count_once_in_the_intervals(tmp_path):
    run = make_run(tmp_path / "copies", copies=30)
    assert "groups" in run.metrics("pretrained")["accuracy"]["method"] and failing(run) == set()
    edit_table(run.folder / "catalog.csv", lambda table: table.assign(group=table.file))
    assert failing(run) == {"figures_match_predictions"}  # the intervals were another's


@pytest.mark.parametrize(
    "row, leaks",
    [
        (("exact_duplicate", "train/cat_3.jpg", "test/cat_5.jpg"), True),
        (("near_duplicate", "test/dog_5.jpg", "valid/dog_3.jpg"), True),
        (("duplicate_across_splits", "train/dog_5.jpg", "test/dog_5.jpg"), True),
        (("exact_duplicate", "train/cat_3.jpg", "train/cat_4.jpg"), False),
        (("near_duplicate", "train/cat_3.jpg", "test/left_out.jpg"), False),  # its copy is not used
        (("near_duplicate", "train/cat_3.jpg", "elsewhere.jpg"), False),
        (("label_error", "train/cat_3.jpg", "test/cat_5.jpg"), False),
    ],
)
def test_planted_leaks(run, row, leaks):
    edit_table(
        run.folder / "catalog.csv",
        lambda table: pd.concat(
            [table, pd.DataFrame([["test/left_out.jpg", "cat", "", "", "blurred"]], columns=table.columns)]
        ),
    )
    write_audit(run, [row])
    assert failing(run) == ({"groups_whole"} if leaks else set())


def test_a_leak_that_the_catalog_knows(run):
    edit_table(
        run.folder / "catalog.csv",
        lambda table: table.assign(
            group=table.group.mask(table.file.isin(["train/dog_0.jpg", "test/dog_0.jpg"]), "same")
        ),
    )
    assert failing(run) == {"groups_whole"} and "train/dog_0.jpg (train) and test/dog_0.jpg (test)" in evidence(
        run, "groups_whole"
    )


def test_nobody_looked_for_copies(run):
    for name in ("audit.csv", "audit.json"):
        (run.folder / name).unlink()
    assert failing(run) == {"groups_whole", "labels_audited"}
    write_audit(run, [], without=["near_duplicate", "label_error"])
    assert failing(run) == {"groups_whole", "labels_audited"} and "no weights" in evidence(run, "labels_audited")


def test_a_picture_that_cannot_be_read_is_used(run):
    write_audit(run, [("unreadable", "train/cat_3.jpg", "")])
    assert failing(run) == {"files_readable"}


@pytest.mark.parametrize(
    "entry",
    [
        {"threshold": {"value": 0.4, "fitted_on": "test"}},
        {"temperature": {"value": 1.2, "fitted_on": "test"}},
        {"threshold": {"value": 0.4}},
        {"temperature": {"value": 1.2, "fitted_on": "train"}},
        {"threshold": 0.4},
    ],
    ids=str,
)
def test_thresholds_from_test_fail(run, entry):
    edit(run.folder / "run.json", lambda record: record["arms"]["pretrained"].update(entry))
    assert failing(run) == {"thresholds_not_from_test"}


@pytest.mark.parametrize("on", ["valid", "out_of_fold"])
def test_thresholds_from_elsewhere_pass(run, on):
    edit(
        run.folder / "run.json",
        lambda record: record["arms"]["pretrained"].update(
            threshold={"value": 0.4, "how": "equal recall", "fitted_on": on, "positive": "cat"}
        ),
    )
    assert failing(run) == set()


def test_calibration_and_thresholds_that_nobody_recorded_fail(tmp_path, run):
    edit_table(
        run.arm("pretrained") / "predictions.csv", lambda table: table.assign(q_cat=table.p_cat, q_dog=table.p_dog)
    )
    assert failing(run) == {"thresholds_not_from_test"}
    assert failing(make_run(tmp_path / "other", arm="probe+threshold")) == {"thresholds_not_from_test"}


def test_calibrated_probabilities_are_held_to_what_perfect_ones_show(run):
    "As uncalibrated ones are: few pictures cannot show less, and more than that is an error."
    edit_table(
        run.arm("pretrained") / "predictions.csv", lambda table: table.assign(q_cat=table.p_cat, q_dog=table.p_dog)
    )
    edit(
        run.folder / "run.json",
        lambda record: record["arms"]["pretrained"].update(temperature={"value": 1.0, "fitted_on": "valid"}),
    )
    figures = metrics(run.predictions("pretrained"))
    error = figures["ece_calibrated"]["value"]
    assert figures["ece_calibrated"]["perfect_high"] > error
    for perfect, holds in ((error * 1.1, True), (error * 0.9, False)):
        figures["ece_calibrated"]["perfect_high"] = perfect
        write_json(run.arm("pretrained") / "metrics.json", figures)
        checklist = check(run, rules={"floors": {"calibration_error": error / 2}})
        item = next(item for item in checklist["items"] if item["name"] == "calibration_known")
        assert (
            item["status"] == ("pass" if holds else "fail")
            and "after calibration" in item["evidence"]
            and f"shows up to {perfect:.3f}" in item["evidence"]
        )


def test_weights_and_statistics(run):
    for change, holds in (
        (lambda record: record["arms"]["pretrained"].update(statistics=None), False),
        (lambda record: record["arms"]["pretrained"].update(statistics=[[0.4], [0.2]]), False),
        (lambda record: record["arms"]["pretrained"].update(statistics=[[0.4, 0.4, 0.4], [0.2, 0.2, 0.2]]), True),
        (lambda record: record["weights"].pop("expected"), False),
        (lambda record: record.update(weights=None), False),
        (lambda record: record["arms"]["pretrained"]["settings"].update(initial_weights="random"), False),
    ):
        edit(run.folder / "run.json", change)
        assert failing(run) == (set() if holds else {"normalisation_matches_weights"})


def test_an_arm_with_a_body_of_its_own(run):
    edit(
        run.folder / "run.json",
        lambda record: record["arms"]["pretrained"].update(
            weights={"expected": {"mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5]}}
        ),
    )
    assert failing(run) == {"normalisation_matches_weights"}
    edit(
        run.folder / "run.json",
        lambda record: record["arms"]["pretrained"].update(statistics=[[0.5, 0.5, 0.5], [0.5, 0.5, 0.5]]),
    )
    assert failing(run) == set()


def test_a_class_without_test_pictures(tmp_path):
    run = make_run(tmp_path / "three")
    answers = run.predictions("pretrained")
    answers = answers.assign(p_dog=answers.p_dog - 1e-9, p_fox=1e-9)
    figures = metrics(answers)
    write_predictions(run.arm("pretrained") / "predictions.csv", answers)
    write_json(run.arm("pretrained") / "metrics.json", figures)
    write_json(
        run.folder / "verdict.json",
        {"split": "test", "n": figures["n"], "chosen": "pretrained", "arms": {"pretrained": figures}},
    )
    edit(run.folder / "run.json", lambda record: record.update(classes=["cat", "dog", "fox"]))
    status = {item["name"]: item["status"] for item in check(run)["items"]}
    assert (
        status["recall_floor"] == "not applicable"
        and status["classes_counted"] == "fail"
        and status["figures_match_predictions"] == "pass"
    )
    assert "no test pictures of fox" in evidence(run, "recall_floor")


def test_a_probe_has_no_history_and_nobody_else_may_lack_it(tmp_path, run):
    (run.arm("pretrained") / "history.csv").unlink()
    assert failing(run) == {"loss_went_down"}
    probe = make_run(tmp_path / "probe", arm="probe")
    (probe.arm("probe") / "history.csv").unlink()
    assert (
        check(probe)["passed"]
        and next(item for item in check(probe)["items"] if item["name"] == "loss_went_down")["status"]
        == "not applicable"
    )


@pytest.mark.parametrize(
    "text, message",
    [
        ("[floors]\nrecal_floor = 0.9", "[floors] has no recal_floor"),
        ("[floors]\nrecall_floor = '0.9'", "[floors] recall_floor is '0.9'"),
        ("[floors]\nrecall_floor = true", "recall_floor is True"),
        ("[floors]\nrecall_floor = nan", "recall_floor is nan"),
        ("[floors]\nrecall_floor = -1", "recall_floor is -1"),
        ("[floors]\nstability = 95", "stability is 95; it is a share"),
        ("[severity]\nrecall_floor = 'fatal'", "recall_floor is 'fatal'"),
        ("[severity]\nrecall_floor = false", "recall_floor is False"),
        ("[severity]\nbeauty = 'error'", "[severity] has no beauty"),
        ("[severity.recall_floor]\na = 1", "recall_floor is {'a': 1}"),
        ("floors = 3", "floors is 3"),
        ("[other]\na = 1", "there is no [other]"),
        ("recall_floor: 0.9", "not valid TOML"),
        ("[severity]\n" + "\n".join(f"{name} = 'off'" for name in ITEMS), "nothing would be checked"),
    ],
    ids=lambda text: None,
)
def test_wrong_rules_are_refused_in_one_line(run, text, message):
    Path("mine.toml").write_text(text)
    with pytest.raises(PetclfError) as error:
        check(run, rules="mine.toml")
    assert str(error.value).startswith("mine.toml: ") and message in str(error.value) and "\n" not in str(error.value)
    assert not (run.folder / "checklist.json").exists()


def test_rules_files_that_cannot_be_read(run):
    with pytest.raises(PetclfError, match="no-such.toml: no such file"):
        check(run, rules="no-such.toml")
    with pytest.raises(PetclfError, match="cannot be read"):
        check(run, rules=str(run.folder))
    Path("bytes.toml").write_bytes(b"\xff\xfe[floors]")
    with pytest.raises(PetclfError, match="bytes.toml: not valid TOML"):
        check(run, rules="bytes.toml")


def test_rules_of_the_current_folder_count(run):
    Path("checklist.toml").write_text(
        "[severity]\nlicence_recorded = 'off'\nmajority_beaten = 'warning'\n[floors]\nrecall_floor = 1.0\n"
    )
    assert (
        failing(run) == {"recall_floor"}
        and not check(run)["passed"]
        and "licence_recorded" not in {item["name"] for item in check(run)["items"]}
    )
    Path("other.toml").write_text("")
    assert failing(run, rules="other.toml") == set()  # --rules goes first
    assert failing(run, rules={"floors": {"recall_floor": 0.5}}) == set()


def test_a_failing_warning_does_not_fail_the_check(run):
    edit(run.folder / "run.json", lambda record: record.update(test_readings=5))
    assert failing(run) == {"test_untouched"} and check(run)["passed"]
    assert not check(run, rules={"severity": {"test_untouched": "error"}})["passed"]


def test_own_rules_name_every_item():
    rules = read_rules()
    assert rules["severity"] == {name: item.severity for name, item in ITEMS.items()}
    for item in ITEMS.values():
        assert item.asserts and item.remedy and "\n" not in item.asserts + item.remedy


def test_which_arm(run):
    with pytest.raises(PetclfError, match="--arm scratch: .* it has pretrained"):
        check(run, "scratch")
    edit(run.folder / "verdict.json", lambda verdict: verdict.update(chosen="the best"))
    with pytest.raises(PetclfError, match="'the best', which is no arm"):
        check(run)
    (run.folder / "verdict.json").write_text("[]")
    with pytest.raises(PetclfError, match="verdict.json"):
        check(run)
    (run.folder / "verdict.json").write_text("{")
    with pytest.raises(PetclfError, match="verdict.json: not valid JSON"):
        check(run)
    (run.folder / "verdict.json").unlink()
    assert check(run)["passed"]  # the only arm
    edit(run.folder / "run.json", lambda record: record["settings"].update(arms=["scratch", "pretrained"]))
    with pytest.raises(PetclfError, match="no verdict yet"):
        check(run)
    assert not check(run, "scratch")["passed"]  # named, but never finished


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"settings": 1}',
        '{"settings": {}}',
        '{"settings": {"arms": []}}',
        '{"settings": {"arms": "pretrained"}}',
    ],
)
def test_a_run_without_a_record_is_refused(run, text):
    (run.folder / "run.json").write_text(text)
    (run.folder / "verdict.json").unlink()
    with pytest.raises(PetclfError):
        check(run.folder)


@pytest.mark.parametrize("name", ["arms", "classes", "target", "evaluated", "seed", "versions", "data", "weights"])
def test_a_record_that_lacks_something_fails(run, name):
    edit(run.folder / "run.json", lambda record: record.pop(name))
    assert not check(run)["passed"]
    edit(run.folder / "run.json", lambda record: record.update({name: [1]}))
    assert not check(run)["passed"]


def test_names_are_shown_as_text(tmp_path):
    run = make_run(tmp_path / "odd", classes=("<b>cat</b>", "dog"))
    checklist = check(run)
    assert checklist["passed"]
    assert "<b>" in checklist_text(checklist) and "<b>cat" not in show_checklist(checklist)._repr_html_()
    assert str(show_checklist(checklist)) == checklist_text(checklist)


def test_the_story_fails_for_the_right_reasons(tmp_path):
    story = tmp_path / "story"
    shutil.copytree(TOP / "docs/results/story-224px", story)
    assert {"recall_floor", "test_untouched", "calibration_known"} <= failing(story, arm="scratch")
    assert not {
        "figures_match_predictions",
        "majority_beaten",
        "sanity_passed",
        "loss_went_down",
        "classes_counted",
        "files_readable",
    } & failing(story, arm="scratch")
    assert "recall_floor" not in failing(story, arm="pretrained")
