"The command line: one verb for each thing petclf does. Each room is imported when its verb is called, and not before."

import argparse
import os
import sys
import textwrap
import traceback

from petclf import __version__
from petclf.engines import threads_to_set
from petclf.errors import PetclfError

WELCOME = """\
petclf takes a folder of pet photos to a classifier that can be trusted.

  petclf compare                         draws a sample, looks at it, trains three ways, makes one page
  petclf compare --data my_photos/       the same on your own pictures: a folder for each label
  petclf audit --data my_photos/         looks for bad files, copies and wrong labels before anything is trained
  petclf check RUN                       asks whether a step was skipped; exit status 1 when one was
  petclf data oxford-pets                fetches Oxford-IIIT Pet (0.8 GB) and counts it
  petclf compare --data oxford-pets      the real thing

petclf --help lists every verb; petclf VERB --help its options."""


class OneLineParser(argparse.ArgumentParser):
    "A parser whose errors are one line that says what to do."

    def error(self, message):
        raise PetclfError(f"{message} (see {self.prog} --help)")


def console() -> int:  # the exit status
    "`petclf` as a process of its own."
    if threads := threads_to_set():  # torch and numpy see the affinity, but not a container's quota
        os.environ.setdefault("OMP_NUM_THREADS", str(threads))
    return main()


def main(
    arguments=None,  # what stands behind `petclf`; None takes it from the command line
) -> int:  # the exit status: 0 done, 1 something did not hold, 2 cannot be done as asked, 130 interrupted
    "Run a verb."
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in arguments
    if not debug:
        _quiet()
    for stream in (sys.stdout, sys.stderr):  # a terminal that cannot write a class's name shows its number instead
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    try:
        if not arguments:
            print(WELCOME)
            return 0
        options = make_parser().parse_args(arguments)
        return options.run(options) or 0
    except KeyboardInterrupt:
        if debug:
            traceback.print_exc()
        _say("petclf: interrupted; the same command goes on where it was")
        return 130
    except BrokenPipeError:  # whoever read our output has gone
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except PetclfError as error:
        if debug:
            traceback.print_exc()
        _say(f"petclf: {' '.join(str(error).split())}")
        return 2
    except Exception as error:  # a mistake of petclf's own, or of something below it
        if debug:
            traceback.print_exc()
        _say(
            f"petclf: {type(error).__name__}: {' '.join(str(error).split())[:300]} (this should not happen; --debug shows the traceback)"
        )
        return 2


def _say(text):
    print(text, file=sys.stderr, flush=True)


def _quiet():
    "Keep other libraries' remarks about their own future off the terminal; --debug shows them."
    import warnings

    warnings.filterwarnings("ignore")
    os.environ.setdefault("PYTHONWARNINGS", "ignore")


# ## Options that several verbs share


def make_parser() -> argparse.ArgumentParser:  # for `petclf`
    "All verbs with their options."
    parser = OneLineParser(
        prog="petclf",
        description="From a folder of pet photos to a classifier that can be trusted.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"petclf {__version__}")
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB", parser_class=OneLineParser)

    def verb(name, run, help):
        added = verbs.add_parser(name, help=help, description=help[0].upper() + help[1:] + ".", allow_abbrev=False)
        added.add_argument("--debug", action="store_true", help="show the traceback of an error")
        added.set_defaults(run=run)
        return added

    data = verb("data", run_data, "find, verify, fetch or draw a data set and print its class table")
    data.add_argument(
        "data",
        nargs="?",
        default=None,
        metavar="NAME",
        help="sample, sample-faults, oxford-pets or a path (default: sample)",
    )
    _data_options(data, named=False)

    audit = verb("audit", run_audit, "look before training: bad files, copies, wrong labels, class balance")
    _data_options(audit)
    audit.add_argument(
        "--arch",
        default=None,
        help="a network whose pretrained features doubt labels (default: tf_efficientnet_lite0 where its weights are installed, else resnet18)",
    )
    audit.add_argument("--weights", default=None, metavar="FILE", help="a local file with its pretrained weights")
    audit.add_argument(
        "--apply",
        action="store_true",
        help="write a cleaned catalog.csv that --data takes; the data folder is never changed",
    )
    audit.add_argument(
        "--drop",
        default=None,
        metavar="KINDS",
        help="with --apply: kinds of findings whose pictures are left out (default: unreadable,exact_duplicate)",
    )
    audit.add_argument(
        "--relabel",
        default=None,
        metavar="FILE",
        help="with --apply: a CSV with columns file and label, what those pictures really show",
    )
    audit.add_argument("--out", "-o", default=None, metavar="RUN", help="the run folder (default: runs/DATA-audit)")
    audit.add_argument("--overwrite", action="store_true", help="replace a run that has other settings")

    train = verb("train", run_train, "train one arm into a run folder that holds just that arm")
    _data_options(train)
    _training_options(train)
    train.add_argument(
        "--arm",
        default=None,
        help="probe, scratch, pretrained or finetuned, with +weights, +oversample, +threshold, +prior or +direct where wanted (default: pretrained)",
    )
    train.add_argument("--probe", action="store_true", help="short for --arm probe")

    compare = verb(
        "compare",
        run_compare,
        "the main job: train arms under one recipe on the same split and judge them side by side",
    )
    _data_options(compare)
    _training_options(compare)
    compare.add_argument("--arms", default=None, help="a list with commas (default: probe,scratch,pretrained)")
    compare.add_argument(
        "--bodies",
        default=None,
        metavar="ARCHS",
        help="networks whose probes are held side by side, a list with commas, such as resnet18,tf_efficientnet_lite0,tf_efficientnet_lite2",
    )

    evaluate = verb(
        "evaluate", run_evaluate, "the figures of a run again, or with --data those on pictures from elsewhere"
    )
    evaluate.add_argument("folder", metavar="RUN", help="a run folder, or a bundle")
    evaluate.add_argument(
        "--arm", default=None, help="only this arm (with --data: the verdict's chosen one unless told otherwise)"
    )
    evaluate.add_argument(
        "--data", default=None, help="labelled pictures from elsewhere: sample, sample-faults, oxford-pets, or a path"
    )
    evaluate.add_argument(
        "--against",
        default=None,
        metavar="OLD",
        help="with a bundle and --data: another bundle; what the first one breaks and mends, exit status 1 when it is significantly worse",
    )
    evaluate.add_argument(
        "--out",
        "-o",
        default=None,
        metavar="FOLDER",
        help="for a bundle: where its figures are written (a run keeps its own)",
    )
    evaluate.add_argument(
        "--treatments",
        action="store_true",
        help="also try other resizing, cropping, padding and a strong JPEG on validation pictures",
    )
    evaluate.add_argument(
        "--weights",
        default=None,
        metavar="FILE",
        help="a local file with the pretrained weights of a probe's body, where they are not kept any more",
    )

    check = verb("check", run_check, "the checklist; exit status 1 when an item of severity error fails")
    check.add_argument("folder", metavar="RUN", help="a run folder")
    check.add_argument("--arm", default=None, help="another arm than the verdict's chosen one")
    check.add_argument(
        "--rules",
        default=None,
        metavar="FILE",
        help="floors and severities in TOML (default: checklist.toml in this folder, else petclf's own)",
    )

    report = verb("report", run_report, "build the page of a run again")
    report.add_argument("folder", metavar="RUN", help="a run folder")

    export = verb(
        "export", run_export, "an arm as a bundle: ONNX and JSON, with its card, checked against the trained model"
    )
    export.add_argument("folder", metavar="RUN", help="a run folder")
    export.add_argument("--out", "-o", required=True, metavar="BUNDLE", help="a folder, or a file that ends in .zip")
    export.add_argument("--arm", default=None, help="a finished arm (default: the verdict's chosen one)")
    export.add_argument(
        "--standalone",
        default=None,
        metavar="DIR",
        help="also a folder that runs with numpy, Pillow and onnxruntime alone (a bf16 bundle needs openvino too)",
    )
    export.add_argument("--space", default=None, metavar="DIR", help="also a Hugging Face Space of it")
    export.add_argument(
        "--no-pet", default=None, metavar="PATH", help="pictures without pets, to measure how many are taken for one"
    )
    export.add_argument(
        "--threshold",
        default=None,
        help="of cats and dogs: equal_recall, best_f1 or half (default: the arm's own, else equal_recall)",
    )
    export.add_argument(
        "--weights",
        default=None,
        metavar="FILE",
        help="a local file with the run's pretrained weights, where they are not kept any more",
    )

    predict = verb(
        "predict", run_predict, "answers of a bundle about files, folders, patterns or a list, as CSV or JSON lines"
    )
    predict.add_argument("bundle", metavar="BUNDLE", help="a bundle: its folder, or a zip")
    predict.add_argument(
        "paths", nargs="+", metavar="PATH", help="pictures, folders, patterns, or - for a list on standard input"
    )
    predict.add_argument(
        "--out",
        "-o",
        default=None,
        metavar="FILE",
        help="write there instead of standard output; pictures that have a row there are not asked again",
    )
    predict.add_argument("--format", default=None, help="csv or jsonl (default: by the name of --out, else csv)")
    predict.add_argument("--engine", default="auto", help="auto, onnxruntime or openvino (default: auto)")
    predict.add_argument(
        "--precision", default=None, help="full, bf16 or auto (default: the one that the bundle's thresholds hold for)"
    )

    app = verb("app", run_app, "the web app of a bundle: a photo in, species, breed and a recommendation out")
    app.formatter_class, app.epilog = argparse.RawDescriptionHelpFormatter, HTTP
    app.add_argument("bundle", metavar="BUNDLE", help="a bundle: its folder, or a zip")
    app.add_argument(
        "--host",
        default="127.0.0.1",
        help="where it listens: 127.0.0.1 is this computer only, 0.0.0.0 everybody (default: 127.0.0.1)",
    )
    app.add_argument("--port", type=_whole_number, default=7860, help="its port; 0 takes a free one (default: 7860)")
    app.add_argument(
        "--shampoos",
        default=None,
        metavar="FILE",
        help="your own table of recommendations (its columns: docs/tables.md)",
    )
    app.add_argument(
        "--feedback",
        default=None,
        metavar="FOLDER",
        help="where visitors' answers are kept, with their consent (default: BUNDLE-feedback)",
    )
    app.add_argument(
        "--export-feedback",
        default=None,
        metavar="DIR",
        help="write what visitors said as a folder for each label, which --data takes, and end",
    )
    app.add_argument("--engine", default="auto", help="auto, onnxruntime or openvino (default: auto)")
    return parser


HTTP = """The same answers over HTTP (PORT as above; the reply is {"data": [ANSWER], ...}):
  (printf '{"data":[{"url":"data:image/jpeg;base64,'; base64 < pet.jpg | tr -d '\\n'; printf '"}]}') |
    curl -s -H 'Content-Type: application/json' -d @- http://127.0.0.1:PORT/gradio_api/run/answer"""


def _data_options(parser, named=True):
    if named:
        parser.add_argument(
            "--data", default=None, help="sample, sample-faults, oxford-pets, or a path (default: sample)"
        )
    parser.add_argument(
        "--target",
        default=None,
        help="species, breed or label (default: species where every picture has one, else label)",
    )
    parser.add_argument(
        "--split", default=None, help="stratified, random or official (default: stratified, or the data's own folders)"
    )
    parser.add_argument(
        "--seed", type=_seed, default=None, help="of the sample, the split and the training (default: 0)"
    )
    parser.add_argument(
        "--limit", type=_positive_number, default=None, metavar="N", help="use only N pictures, with the same shares"
    )


def _training_options(parser):
    parser.add_argument("--arch", default=None, help="a network of torchvision or timm (default: resnet18)")
    parser.add_argument("--weights", default=None, metavar="FILE", help="a local file with pretrained weights")
    parser.add_argument("--balance", default=None, help="none, weights or oversample (default: none)")
    parser.add_argument(
        "--no-audit",
        action="store_true",
        help="do not look at the data first; copies are then unknown, and the checklist says so",
    )
    parser.add_argument(
        "--recipe", default="off", help="off, story, a .toml file, or the run.json of a run to do again (default: off)"
    )
    parser.add_argument(
        "--size", type=_positive_number, default=None, help="side of the pictures in pixels (default: 224)"
    )
    parser.add_argument(
        "--epochs", type=_positive_number, default=None, help="times through the training pictures (default: 10)"
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="any other field of the recipe, such as batch_size=32, or patience=3 to stop early; may be given again",
    )
    parser.add_argument(
        "--out",
        "-o",
        default=None,
        metavar="RUN",
        help="the run folder (default: runs/ and a name made from the settings)",
    )
    parser.add_argument("--overwrite", action="store_true", help="replace a run that has other settings")


def _whole_number(text):
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number") from None


def _seed(text):
    if (number := _whole_number(text)) < 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not 0 or more")
    return number


def _positive_number(text):
    if (number := _whole_number(text)) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not 1 or more")
    return number


# ## The verbs


def run_data(options):
    from petclf.catalog import TARGETS, count_classes, limit_catalog, load_data
    from petclf.split import split_catalog

    if options.target not in (None, *TARGETS):
        raise PetclfError(f"--target {options.target}: it takes one of {', '.join(TARGETS)}")
    seed = options.seed or 0
    pets = load_data("sample" if options.data is None else options.data, seed, progress=True)
    catalog, way = split_catalog(limit_catalog(pets.catalog, options.limit, seed), options.split, seed, pets.root)
    print(f"{pets}\nlicence: {pets.licence}\nsplit: {way}, seed {seed}\n\n{count_classes(catalog, options.target)}")


def _settings(options, arms):
    "What `train_arms` takes, from the options, and from the run that --recipe names."
    from petclf.recipe import parse_setting, read_recipe

    changes = dict(parse_setting(text) for text in options.set)
    for name in ("arch", "size", "epochs", "balance"):
        if getattr(options, name) is not None:
            changes[name] = getattr(options, name)
    if options.size is not None:
        changes.setdefault("probe_size", options.size)
    before = {}
    if options.recipe.endswith(".json"):
        from petclf.files import read_json

        record = read_json(options.recipe)
        if not isinstance(record, dict) or not isinstance(record.get("settings"), dict):
            raise PetclfError(f"--recipe {options.recipe}: not the run.json of a run")
        before = record["settings"]
        if (before.get("weights") or {}).get("source", "").startswith("the file") and not options.weights:
            raise PetclfError(
                f"{options.recipe}: its weights were {before['weights']['source']}; name that file with --weights"
            )
    chosen = {
        name: getattr(options, name) if getattr(options, name) is not None else before.get(name)
        for name in ("data", "target", "split", "seed", "limit")
    }
    bodies = getattr(options, "bodies", None)
    bodies = _names(bodies) if bodies is not None else before.get("bodies") or []
    return dict(
        data="sample" if chosen["data"] is None else chosen["data"],
        bodies=bodies,
        arms=before.get("arms") if arms is None else arms,
        recipe=read_recipe(options.recipe, **changes),
        target=chosen["target"],
        split=chosen["split"],
        seed=chosen["seed"] or 0,
        limit=chosen["limit"],
        weights=options.weights,
        out=options.out,
        overwrite=options.overwrite,
        look=not options.no_audit and before.get("look", True),
        progress=True,
        say=_say,
    )


def _check_arms(settings):
    "Refuse a misspelt arm before anything heavy is imported."
    from petclf.recipe import Arm

    for name in settings["arms"]:
        Arm.read(name, settings["recipe"])


def run_train(options):
    if options.probe and options.arm not in (None, "probe"):
        raise PetclfError(f"--probe is short for --arm probe, and --arm says {options.arm}; leave one out")
    arm = "probe" if options.probe else options.arm
    settings = _settings(options, None if arm is None else [arm])
    settings["arms"] = ["pretrained"] if settings["arms"] is None else settings["arms"][:1]
    _check_arms(settings)
    from petclf.experiment import train_arms

    run = train_arms(**settings)
    _finish(run)


def _names(text):
    return [name.strip() for name in text.split(",") if name.strip()]


def run_compare(options):
    settings = _settings(options, _names(options.arms) if options.arms is not None else None)
    settings["arms"] = ("probe", "scratch", "pretrained") if settings["arms"] is None else settings["arms"]
    _check_arms(settings)
    from petclf.verdict import compare

    run = compare(**settings)
    _finish(run)


def _finish(run):
    "The figures side by side, what to conclude, and where the page is."
    from petclf.checklist import write_checklist
    from petclf.metrics import summary
    from petclf.report import write_report
    from petclf.verdict import chosen_of

    checklist = write_checklist(run, chosen_of(run))
    print(f"\n{textwrap.indent(summary({arm: run.metrics(arm) for arm in run.arms}).to_string(), '  ')}\n")
    if (run.folder / "verdict.json").is_file():
        for sentence in run.verdict["conclusion"]:
            print(textwrap.fill(sentence, 110, initial_indent="  - ", subsequent_indent="    "))
    failed = [item["name"] for item in checklist["items"] if item["status"] == "fail"]
    print(
        f"\nChecklist of {checklist['arm']}: "
        + (
            "everything holds"
            if not failed
            else f"{'passed' if checklist['passed'] else 'NOT passed'}; to look at: {', '.join(failed)}"
        )
        + f" (petclf check {run.folder})"
    )
    print(f"\nThe page: {write_report(run.folder)}")


def run_evaluate(options):
    from petclf.experiment import evaluate_arm
    from petclf.outside import evaluate_elsewhere, stability
    from petclf.run import Run, alone_in
    from petclf.verdict import chosen_of, judge

    if _is_bundle(options.folder):
        return _evaluate_bundle(options)
    if options.against or options.out:
        raise PetclfError(f"{options.folder}: is a run; --against and --out are for bundles (petclf export makes one)")
    run = Run.open(options.folder)
    if options.arm is not None and options.arm not in run.arms:
        raise PetclfError(
            f"--arm {options.arm}: not a finished arm of {options.folder}; it has {', '.join(run.arms) or 'none'}"
        )
    if not run.arms:
        raise PetclfError(
            f"{options.folder}: no arm is finished; `petclf train` or `petclf compare` with the same settings continues"
        )
    with alone_in(run.folder):
        if options.data is not None or options.treatments:
            arm = options.arm or chosen_of(run)
            if options.data is not None:
                found = evaluate_elsewhere(run, arm, options.data, options.weights, progress=True)
                print(
                    f"{arm}: {found['sentence']}"
                    + "".join(
                        f" {count:,} pictures left out: {why.replace('_', ' ')}."
                        for why, count in found["left_out"].items()
                        if count
                    )
                )
                print(
                    _changes(
                        {
                            "accuracy": found["accuracy"],
                            "balanced accuracy": found["balanced_accuracy"],
                            **{f"recall of {label}": one for label, one in found["recall"].items()},
                        }
                    )
                )
            if options.treatments or options.data is not None:
                found = stability(run, arm, weights=options.weights, progress=True)
                print(f"Other treatment of {found['n']:,} validation pictures:")
                print(
                    _changes(
                        {how: one["difference"] for how, one in found["variants"].items()},
                        {
                            how: f"{100 * one['changed']:.1f} % of the answers change"
                            for how, one in found["variants"].items()
                        },
                    )
                )
        for arm in [options.arm] if options.arm else run.arms:
            evaluate_arm(run, arm)
        if len(run.arms) > 1:
            judge(run)
        _finish(run)


def _is_bundle(path):
    return path.endswith(".zip") or os.path.isfile(os.path.join(path, "bundle.json"))


def _evaluate_bundle(options):
    "A bundle on labelled pictures, alone or against the one that it is to replace."
    from petclf.against import against_in_words, evaluate_bundle, hold_against
    from petclf.answers import BundleError
    from petclf.metrics import summary

    if options.data is None:
        raise PetclfError(f"{options.folder}: a bundle has no pictures of its own; name labelled ones with --data")
    if options.arm or options.treatments:
        raise PetclfError("--arm and --treatments are for runs; a bundle is one arm, as it is served")
    try:
        if options.against is None:
            found = evaluate_bundle(options.folder, options.data, options.out, progress=True)
            print(
                f"{textwrap.indent(summary({'by ' + found['target']: found['metrics']}).to_string(), '  ')}\n\n{textwrap.indent(found['decisions'].to_string(), '  ')}"
            )
            for why, count in found["left_out"].items():
                if count:
                    print(f"{count:,} pictures left out of the figures: {why.replace('_', ' ')}.")
            return 0
        found = hold_against(options.folder, options.against, options.data, options.out, progress=True)
    except BundleError as error:
        raise PetclfError(str(error)) from None
    print(against_in_words(found))
    for name in ("broken", "mended"):
        if len(found[name]):
            print(f"\n{name}:\n{textwrap.indent(found[name].to_string(index=False), '  ')}")
    return 1 if found["worse"] else 0


def _changes(differences, more={}):
    "Differences in points with their intervals, a line each."
    return "\n".join(
        f"  {name:20} {100 * one['value']:+6.1f} points [{100 * one['low']:+.1f}, {100 * one['high']:+.1f}]  {more.get(name, '')}".rstrip()
        if one["value"] is not None
        else f"  {name:20} none"
        for name, one in differences.items()
    )


def run_audit(options):
    if (options.drop or options.relabel) and not options.apply:
        raise PetclfError("--drop and --relabel are about the cleaned catalog; add --apply")
    from petclf.experiment import audit_run

    run = audit_run(
        "sample" if options.data is None else options.data,
        options.target,
        options.split,
        options.seed or 0,
        options.limit,
        options.arch,
        options.weights,
        options.out,
        options.overwrite,
        progress=True,
        say=_say,
    )
    if options.apply:
        from petclf.audit import apply_audit

        changes = apply_audit(run, options.drop.split(",") if options.drop else None, options.relabel)
        print(
            f"{len(changes):,} changes, in {run.folder / 'changes.csv'}; train on the cleaned catalog with --data {run.folder / 'cleaned' / 'catalog.csv'}"
        )
    from petclf.report import write_audit_page

    print(f"The page: {write_audit_page(run.folder)}")


def run_check(options):
    from petclf.checklist import checklist_text, write_checklist

    checklist = write_checklist(options.folder, options.arm, options.rules)
    print(checklist_text(checklist))
    return 0 if checklist["passed"] else 1


def run_report(options):
    from petclf.report import write_report

    print(write_report(options.folder))


def run_export(options):
    from petclf.app.feedback import check_new_folder
    from petclf.bundle import export_arm, export_sentences

    if options.space is not None:
        check_new_folder(options.space, "--space ")
    about = export_arm(
        options.folder,
        options.arm,
        options.out,
        options.standalone,
        options.no_pet,
        options.threshold,
        options.weights,
        progress=True,
        say=_say,
    )
    for sentence in export_sentences(about):
        print(textwrap.fill(sentence, 110, subsequent_indent="  "))
    if options.standalone is not None:
        print(f"{options.standalone}: cd there, then python predict.py bundle PATH...")
    if options.space is not None:
        from petclf.app.space import write_space

        write_space(options.out, options.space)
        print(f"{options.space}: a Hugging Face Space")
    print(f"{options.out}: petclf predict {options.out} PATH..., or petclf app {options.out}")


def run_predict(options):
    from petclf.answers import BundleError
    from petclf.predict import run

    try:
        return run(options)
    except BundleError as error:
        raise PetclfError(str(error)) from None


def run_app(options):
    if not 0 <= options.port <= 65535:
        raise PetclfError(f"--port {options.port}: not a port (0 to 65535)")
    if options.export_feedback is not None:
        from petclf.app.feedback import FeedbackStore, feedback_folder

        counts = FeedbackStore(options.feedback or feedback_folder(options.bundle)).export(options.export_feedback)
        without = counts.pop("", 0)
        for label, count in sorted(counts.items()):
            print(f"  {label:28} {count:5,}")
        print(
            f"{options.export_feedback}: {sum(counts.values()):,} pictures, and {without:,} answers without one (feedback.csv has all); next: petclf audit --data {options.export_feedback}"
        )
        return
    from petclf.app.server import Place, serve

    serve(options.bundle, Place(options.host, options.port), options.shampoos, options.feedback, options.engine)


if __name__ == "__main__":
    sys.exit(console())
