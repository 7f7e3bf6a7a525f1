"The command line: one verb for each thing petclf does. Each room is imported when its verb is called, and not before."
import argparse, os, sys, textwrap, traceback

from petclf import __version__
from petclf.errors import PetclfError

WELCOME = """\
petclf takes a folder of pet photos to a classifier that can be trusted.

  petclf compare                         draws a sample, trains from scratch and pretrained, makes one page
  petclf compare --data my_photos/       the same on your own pictures: a folder for each label
  petclf data oxford-pets                fetches Oxford-IIIT Pet (0.8 GB) and counts it
  petclf compare --data oxford-pets      the real thing

petclf --help lists every verb; petclf VERB --help its options."""


class OneLineParser(argparse.ArgumentParser):
    "A parser whose errors are one line that says what to do."
    def error(self, message): raise PetclfError(f"{message} (see {self.prog} --help)")


def main(
    arguments=None, # what stands behind `petclf`; None takes it from the command line
) -> int: # the exit status: 0 done, 1 something did not hold, 2 cannot be done as asked, 130 interrupted
    "Run a verb."
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in arguments
    if not debug: _quiet()
    for stream in (sys.stdout, sys.stderr): # a terminal that cannot write a class's name shows its number instead
        if hasattr(stream, "reconfigure"): stream.reconfigure(errors="backslashreplace")
    try:
        if not arguments:
            print(WELCOME)
            return 0
        options = make_parser().parse_args(arguments)
        return options.run(options) or 0
    except KeyboardInterrupt:
        if debug: traceback.print_exc()
        _say("petclf: interrupted; the same command goes on where it was")
        return 130
    except BrokenPipeError: # whoever read our output has gone
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except PetclfError as error:
        if debug: traceback.print_exc()
        _say(f"petclf: {' '.join(str(error).split())}")
        return 2
    except Exception as error: # a mistake of petclf's own, or of something below it
        if debug: traceback.print_exc()
        _say(f"petclf: {type(error).__name__}: {' '.join(str(error).split())[:300]} (this should not happen; --debug shows the traceback)")
        return 2


def _say(text): print(text, file=sys.stderr, flush=True)


def _quiet():
    "Keep other libraries' remarks about their own future off the terminal; --debug shows them."
    import warnings
    warnings.filterwarnings("ignore")
    os.environ.setdefault("PYTHONWARNINGS", "ignore")


# ## Options that several verbs share

def make_parser() -> argparse.ArgumentParser: # for `petclf`
    "All verbs with their options."
    parser = OneLineParser(prog="petclf", description="From a folder of pet photos to a classifier that can be trusted.", allow_abbrev=False)
    parser.add_argument("--version", action="version", version=f"petclf {__version__}")
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB", parser_class=OneLineParser)

    def verb(name, run, help):
        added = verbs.add_parser(name, help=help, description=help[0].upper() + help[1:] + ".", allow_abbrev=False)
        added.add_argument("--debug", action="store_true", help="show the traceback of an error")
        added.set_defaults(run=run)
        return added

    data = verb("data", run_data, "find, verify, fetch or draw a data set and print its class table")
    data.add_argument("data", nargs="?", default=None, metavar="NAME", help="sample, sample-faults, oxford-pets or a path (default: sample)")
    _data_options(data, named=False)

    train = verb("train", run_train, "train one arm into a run folder that holds just that arm")
    _data_options(train)
    _training_options(train)
    train.add_argument("--arm", default=None, help="scratch, pretrained or finetuned (default: pretrained)")

    compare = verb("compare", run_compare, "the main job: train arms under one recipe on the same split and judge them side by side")
    _data_options(compare)
    _training_options(compare)
    compare.add_argument("--arms", default=None, help="a list with commas (default: scratch,pretrained)")

    evaluate = verb("evaluate", run_evaluate, "compute the figures of a run again from its predictions")
    evaluate.add_argument("folder", metavar="RUN", help="a run folder")
    evaluate.add_argument("--arm", default=None, help="only this arm")

    report = verb("report", run_report, "build the page of a run again")
    report.add_argument("folder", metavar="RUN", help="a run folder")
    return parser


def _data_options(parser, named=True):
    if named: parser.add_argument("--data", default=None, help="sample, sample-faults, oxford-pets, or a path (default: sample)")
    parser.add_argument("--target", default=None, help="species, breed or label (default: species where every picture has one, else label)")
    parser.add_argument("--split", default=None, help="stratified, random or official (default: stratified, or the data's own folders)")
    parser.add_argument("--seed", type=_seed, default=None, help="of the sample, the split and the training (default: 0)")
    parser.add_argument("--limit", type=_positive_number, default=None, metavar="N", help="use only N pictures, with the same shares")


def _training_options(parser):
    parser.add_argument("--arch", default=None, help="a network of torchvision or timm (default: resnet18)")
    parser.add_argument("--weights", default=None, metavar="FILE", help="a local file with pretrained weights")
    parser.add_argument("--recipe", default="off", help="off, story, a .toml file, or the run.json of a run to do again (default: off)")
    parser.add_argument("--size", type=_positive_number, default=None, help="side of the pictures in pixels (default: 224)")
    parser.add_argument("--epochs", type=_positive_number, default=None, help="times through the training pictures (default: 10)")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="any other field of the recipe, such as batch_size=32; may be given again")
    parser.add_argument("--out", "-o", default=None, metavar="RUN", help="the run folder (default: runs/ and a name made from the settings)")
    parser.add_argument("--overwrite", action="store_true", help="replace a run that has other settings")


def _whole_number(text):
    try: return int(text)
    except ValueError: raise argparse.ArgumentTypeError(f"{text!r} is not a whole number") from None


def _seed(text):
    if (number := _whole_number(text)) < 0: raise argparse.ArgumentTypeError(f"{text!r} is not 0 or more")
    return number


def _positive_number(text):
    if (number := _whole_number(text)) < 1: raise argparse.ArgumentTypeError(f"{text!r} is not 1 or more")
    return number


# ## The verbs

def run_data(options):
    from petclf.catalog import TARGETS, count_classes, limit_catalog, load_data
    from petclf.split import split_catalog
    if options.target not in (None, *TARGETS): raise PetclfError(f"--target {options.target}: it takes one of {', '.join(TARGETS)}")
    seed = options.seed or 0
    pets = load_data("sample" if options.data is None else options.data, seed, progress=True)
    catalog, way = split_catalog(limit_catalog(pets.catalog, options.limit, seed), options.split, seed, pets.root)
    print(f"{pets}\nlicence: {pets.licence}\nsplit: {way}, seed {seed}\n\n{count_classes(catalog, options.target)}")


def _settings(options, arms):
    "What `train_arms` takes, from the options, and from the run that --recipe names."
    from petclf.train import parse_setting, read_recipe
    changes = dict(parse_setting(text) for text in options.set)
    for name in ("arch", "size", "epochs"):
        if getattr(options, name) is not None: changes[name] = getattr(options, name)
    before = {}
    if options.recipe.endswith(".json"):
        from petclf.files import read_json
        record = read_json(options.recipe)
        if not isinstance(record, dict) or not isinstance(record.get("settings"), dict): raise PetclfError(f"--recipe {options.recipe}: not the run.json of a run")
        before = record["settings"]
        if (before.get("weights") or {}).get("source", "").startswith("the file") and not options.weights:
            raise PetclfError(f"{options.recipe}: its weights were {before['weights']['source']}; name that file with --weights")
    chosen = {name: getattr(options, name) if getattr(options, name) is not None else before.get(name) for name in ("data", "target", "split", "seed", "limit")}
    return dict(data="sample" if chosen["data"] is None else chosen["data"], arms=before.get("arms") if arms is None else arms, recipe=read_recipe(options.recipe, **changes), target=chosen["target"],
                split=chosen["split"], seed=chosen["seed"] or 0, limit=chosen["limit"], weights=options.weights, out=options.out,
                overwrite=options.overwrite, progress=True, say=_say)


def run_train(options):
    from petclf.compare import train_arms
    settings = _settings(options, None if options.arm is None else [options.arm])
    settings["arms"] = ["pretrained"] if settings["arms"] is None else settings["arms"][:1]
    run = train_arms(**settings)
    _finish(run)


def run_compare(options):
    from petclf.compare import compare
    settings = _settings(options, [name.strip() for name in options.arms.split(",") if name.strip()] if options.arms is not None else None)
    settings["arms"] = ("scratch", "pretrained") if settings["arms"] is None else settings["arms"]
    run = compare(**settings)
    _finish(run)


def _finish(run):
    "The figures side by side, what to conclude, and where the page is."
    from petclf.evaluate import summary
    from petclf.report import write_report
    print(f"\n{textwrap.indent(summary({arm: run.metrics(arm) for arm in run.arms}).to_string(), '  ')}\n")
    if (run.folder/"verdict.json").is_file():
        for sentence in run.verdict["conclusion"]: print(textwrap.fill(sentence, 110, initial_indent="  - ", subsequent_indent="    "))
    print(f"\nThe page: {write_report(run.folder)}")


def run_evaluate(options):
    from petclf.compare import evaluate_arm, judge
    from petclf.run import Run
    run = Run.open(options.folder)
    if options.arm is not None and options.arm not in run.arms: raise PetclfError(f"--arm {options.arm}: not a finished arm of {options.folder}; it has {', '.join(run.arms) or 'none'}")
    for arm in [options.arm] if options.arm else run.arms: evaluate_arm(run, arm)
    if len(run.arms) > 1: judge(run)
    _finish(run)


def run_report(options):
    from petclf.report import write_report
    print(write_report(options.folder))


if __name__ == "__main__": sys.exit(main())
