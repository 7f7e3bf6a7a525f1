"""Where the time goes in training ResNet-18 at 224 px, before (plain fastai) and after (petclf): tables in profiles/PROCESSOR-before.txt and -after.txt.

    python benchmarks/profile_training.py [--quick]

Each side trains 4 batches of 64 after a warm-up: once timed with page faults and system time counted, once under torch's profiler."""

import resource
import sys
import time
from pathlib import Path

from common import HERE, Side, hardware, parser, results_folder, serve, some_pictures, workplace

BATCHES = 4


def table(
    averages,  # of torch's profiler
    rows=16,  # operations with the most time of their own
) -> str:  # lines of text
    "Operations by their own time on the processor."
    own = sorted(averages, key=lambda one: -one.self_cpu_time_total)
    total = sum(one.self_cpu_time_total for one in own)
    lines = [f"{'operation':<50}{'own time, s':>12}{'share':>9}{'calls':>8}"]
    return "\n".join(
        lines
        + [
            f"{one.key[:48]:<50}{one.self_cpu_time_total / 1e6:>12.2f}{100 * one.self_cpu_time_total / total:>7.1f} %{one.count:>8}"
            for one in own[:rows]
        ]
    )


def profile(side, folder, size):
    "Train a few batches of a side; the text of its profile."
    import torch
    from fastai.callback.core import Callback, CancelTrainException, CancelValidException

    class Few(Callback):
        order = 99

        def before_train(self):
            self.begin()

        def after_batch(self):
            if self.training and self.iter + 1 >= BATCHES:
                raise CancelTrainException

        def after_cancel_train(self):
            self.end()

        def before_validate(self):
            raise CancelValidException

        def begin(self):
            self.before, self.started = (
                (resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)),
                time.perf_counter(),
            )

        def end(self):
            self.seconds, after = time.perf_counter() - self.started, resource.getrusage(resource.RUSAGE_SELF)
            self.counts = dict(
                faults=after.ru_minflt - self.before[0].ru_minflt,
                system=after.ru_stime - self.before[0].ru_stime,
                user=after.ru_utime - self.before[0].ru_utime,
            )

    if side == "before":
        from plain import learner, loaders

        learn = learner(loaders(folder, size), "resnet18", False)

        def train(few):
            with learn.no_bar(), learn.no_logging():
                learn.fit(1, 1e-3, cbs=few)
    else:
        from ours import _learner

        learn, recipe, _, _ = _learner(folder, "resnet18", size)

        def train(few):
            with learn.no_bar(), learn.no_logging():
                learn.fit(1, recipe.learning_rate, cbs=few)

    train(Few())
    few = Few()
    train(few)
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as seen:
        train(Few())
    pictures = BATCHES * learn.dls.train.bs
    what = {"before": "plain fastai", "after": "petclf"}[side]
    about = hardware()
    return "\n".join(
        [
            f"{what}, ResNet-18, {size} px, {BATCHES} batches of {learn.dls.train.bs}; {about['name']}, {about['cores']} cores; torch {torch.__version__.split('+')[0]}",
            f"{few.seconds:.2f} s, {pictures / few.seconds:.1f} pictures a second; page faults {few.counts['faults']:,}; system time {few.counts['system']:.1f} s, user time {few.counts['user']:.1f} s",
            "",
            table(seen.key_averages()),
            "",
        ]
    )


if __name__ == "__main__":
    if sys.argv[1:2] == ["--side"]:
        side, folder, size = sys.argv[2], Path(sys.argv[3]), int(sys.argv[4])
        serve(lambda: None, lambda: dict(text=profile(side, folder, size)))
    else:
        options = parser(__doc__.splitlines()[0], pairs=1).parse_args()
        with workplace() as work:
            folder, size = some_pictures(400, work / "pets"), 64 if options.quick else 224
            for side in ("before", "after"):
                with Side("profile_training.py", "--side", side, folder, size, PETCLF_CACHE=work / "cache") as one:
                    text = one.ask()["text"]
                print(text)
                if options.quick:
                    continue
                (HERE / "profiles").mkdir(exist_ok=True)
                (HERE / "profiles" / f"{results_folder().name}-{side}.txt").write_text(text)
