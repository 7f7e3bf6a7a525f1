"From results/*/*.json to README.md, its tables and its chart: python benchmarks/table.py"

import json
import math
from pathlib import Path

HERE = Path(__file__).resolve().parent
KINDS = {
    "avx2": "AVX2 only, 32 bit",
    "avx512": "With AVX-512, 32 bit",
    "avx512_bf16": "With AVX-512 and its bf16, `--set precision=auto`",
    "amx": "With AMX, `--set precision=auto`",
    "arm": "ARM, 32 bit",
}
EXPECTED = ("avx2", "amx")  # kinds for which the scripts say what must be reached
# Why a figure is not reached and what stands in the way: claim (or its beginning) to a sentence, for each kind of processor. {bare} and {must} are the claim's own.
WHY = {
    "avx2": {
        "time to the accuracy of 10 frozen epochs: tf_efficientnet_lite0": "the body on tensors in memory took {bare:.0f} seconds; the rest is starting Python with torch and fastai, writing the body as ONNX, reading and decoding the files, fitting and the page",
        "start-up of predict": "it is the imports of numpy, Pillow and onnxruntime and the opening of a network of 45 MB; the bare process above does the same and one picture",
        "growth of audit": "the search for copies grows about with the power 1.3 of the number of pictures (audit_growth.py measures it alone)",
        "growth of predict's memory": "from run to run the same number of pictures takes some MB more or less (each run is in the JSON); of a folder with 50,000 names they are listed at once, so that answers come in order",
        "all of Oxford Pets by probe": "the body alone, on tensors in memory on both cores, took {bare:.0f} of the {must} seconds at that time, at nearly the rate at which the processor multiplies matrices; the table of its steps says where the rest goes",
    },
}
MEASURED = ("train", "time_to_accuracy", "probe", "predict_one", "predict_many", "memory", "growth")
INTRODUCTION = """\
# Benchmarks

Plain fastai (the story's code with fastai's defaults, [plain.py](plain.py)) and petclf ([ours.py](ours.py), or its commands) in turn on the same pictures in
one run, each in a process of its own. Medians, with the smallest and the largest in brackets; what has no brackets was measured once. The bare limit of training is the same
network on tensors in memory, nothing else; of many photos, what decoding and the network take when each is timed apart on one core, added up and divided by the cores; of one
photo, a process that opens it and asks the network with Pillow, numpy and onnxruntime alone; of a probe, its body on tensors in memory, as often as there are pictures. The ratio
is that of the medians (in brackets the smallest and the largest within a turn); against the bare loop, which runs before and after each of petclf's epochs, it is the median of
those within each turn, since a processor is not equally fast all the time. An empty cell: there is no such side, or it is no ratio.

What the rows do not say: predictions are a probe's, whose bundle is one network; the bundle of a trained arm holds a second one, which knows what is no pet, and is slower. Times to
an accuracy and memory are without the audit, which plain fastai does not have; that of all of Oxford Pets is one run with the audit, and the same less what its audit took.
Growth is measured on generated pictures of 128 px, with a network at 64 px; 1,000 and 10,000 of them before and after the 100,000, and their means are compared; each of predict's
rows is the median of three runs.

This page is made by `python benchmarks/table.py` from the JSON files in `results/`, which hold every single measurement.

    export PETCLF_DATA=...       # a folder that holds Oxford Pets: images/ and annotations/
    export PETCLF_WEIGHTS=...    # optional: ImageNet weights of ResNet-18, where they should not be downloaded
    make bench                   # an hour or two on 2 cores, more than half of it plain fastai's; how long each script took is said below the tables
    make bench-profile           # the profiles at the end of this page
    make bench-large             # the rows with 100,000 pictures

Each script runs alone too, `python benchmarks/train.py --help`; `--quick` only shows that it works.
"""


def number(value):
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def cell(
    value,  # a number, a spread, or None
) -> str:  # for a table
    "A measurement in short."
    if value is None:
        return ""
    if not isinstance(value, dict):
        return number(value)
    return number(value["median"]) + (
        f" ({number(value['min'])} to {number(value['max'])})" if len(value["values"]) > 1 else ""
    )


def shown(one, value):
    return f"{100 * value:.2f} %" if one["unit"] == "share right" else number(value)


def why(kind, one):
    "The sentence for a figure that is not reached."
    if "accuracy" in one and one["ratio"] >= one["must"]:
        return "it is fast enough, but its accuracy was not compared or is significantly below (see the next line)"
    bare = one.get("bare")
    known = dict(must=one["must"], bare=bare["median"] if isinstance(bare, dict) else bare)
    return next(
        (text.format(**known) for name, text in WHY.get(kind, {}).items() if one["claim"].startswith(name)),
        "not explained yet",
    )


def table(kind, results):
    "The claims of one processor as a table, what is not reached below it."
    lines = [
        "| claim | unit | plain | petclf | bare limit | ratio | must reach | reached |",
        "|---|---|---|---|---|---|---|---|",
    ]
    notes = []
    for result in results:
        for one in result["claims"]:
            share = one["unit"] == "share right"
            petclf = shown(one, one["petclf"]) if share else cell(one.get("petclf"))
            value = one.get("petclf")
            alone = share or one["ratio"] == (
                value["median"] if isinstance(value, dict) else value
            )  # a figure that is not a ratio of two
            ratio = "" if alone else number(one["ratio"])
            if "ratios" in one and " against " in one["claim"] and one["claim"].split()[0] != "growth":
                ratio += f" ({number(one['ratios']['min'])} to {number(one['ratios']['max'])})"
            sign = "at most " if one["at_most"] else ""
            lines.append(
                f"| {one['claim']} | {one['unit']} | {cell(one.get('plain'))} | {petclf} | {cell(one.get('bare'))} | {ratio} | {sign}{shown(one, one['must'])} | {'yes' if one['reached'] else '**no**'} |"
            )
            if not one["reached"]:
                notes.append(f"- **{one['claim']}** is not reached: {why(kind, one)}.")
            if "accuracy" in one:
                notes.append(
                    f"- {one['claim']}: {compared(one['accuracy'], one['kept'])} {'The probe looks at pictures of ' + str(one['size']) + ' px; plain' if 'size' in one else 'Plain'} is {one['plain_is']}; weights: {one['weights']}."
                )
            elif "plain_is" in one:
                notes.append(f"- {one['claim']}: plain is {one['plain_is']}.")
    return "\n".join(lines) + ("\n\n" + "\n".join(notes) if notes else "")


def steps_of(results):
    "Where the time of the whole probe goes."
    one = next((one for result in results for one in result["claims"] if "steps" in one), None)
    if one is None:
        return ""
    return (
        "\nThe steps of all of Oxford Pets by probe:\n\n| step | seconds |\n|---|---|\n"
        + "".join(f"| {name} | {seconds:.1f} |\n" for name, seconds in one["steps"].items())
        + f"| together | {sum(one['steps'].values()):.1f} |\n"
    )


def compared(found, kept):
    "petclf's accuracy against the kept predictions after 10 frozen epochs, in a sentence."
    if isinstance(found, str):
        return f"accuracy {found}."
    return (
        f"on {found['n']:,} pictures ({found['part']}) petclf's probe is right on {100 * found['petclf']:.2f} % and {kept} on {100 * found['plain']:.2f} %; only the probe right on {found['only_petclf_right']}, "
        f"only the other on {found['only_plain_right']}, p = {found['p_value']:.2g} (exact McNemar)."
    )


def section(folder, results):
    "A processor's part of the page."
    kind = results[0]["processor"]["kind"]
    about, versions = results[0]["processor"], results[0]["versions"]
    others = sorted({result["processor"]["name"] for result in results})
    taken = {command: seconds for result in results for command, seconds in result["commands"].items()}
    measured = [result for result in results if "growth" not in result["benchmark"]]
    minutes = lambda key: math.ceil(
        sum(seconds for result in measured for command, seconds in result[key].items() if "--only" not in command) / 60
    )  # a row that was measured again is in its script's time already
    plain = (
        f", {minutes('plain_seconds')} of them plain fastai's (without its start-up for one photo)"
        if all(result.get("plain_seconds", {}).keys() == result["commands"].keys() for result in measured)
        else ""
    )
    hour = (
        ""
        if minutes("commands") <= 60
        else " It should be an hour, which the rows do not allow on a processor of this speed: they ask for three pairs of epochs, and for a whole epoch of plain fastai on all training pictures, of each network."
    )
    codes = sorted({one["code"] for result in results for one in result["claims"] if one.get("code")})
    commands = (
        "\n".join(f"    {command:<60} # {seconds:,.0f} s" for command, seconds in taken.items())
        + f"\n\nTogether {minutes('commands')} minutes without growth{plain}.{hour}\n"
    )
    return (
        f"## {' and '.join(others)}, {about['cores']} cores ({KINDS.get(kind, kind)})\n\n{table(kind, results)}\n\n![Speed against plain fastai](speed-{folder}.png)\n\n"
        f"Versions: {', '.join(f'{name} {version}' for name, version in versions.items())}, Python {results[0]['python']}; petclf's commits {', '.join(codes)} (rows that name none were measured earlier). Commands, and how long they took:\n\n{commands}\n"
    )


def chart(folder, results):
    "How many times as fast as plain fastai, and what was to be reached."
    from petclf.figures import Figure, save_figure

    rows = [
        one
        for result in results
        for one in result["claims"]
        if "plain" in one and not one["at_most"] and "against the bare loop" not in one["claim"]
    ][::-1]
    if not rows:
        return
    figure = Figure(figsize=(8, 0.8 + 0.42 * len(rows)))
    axis = figure.subplots()
    for place, one in enumerate(rows):
        axis.barh(place, one["ratio"], height=0.55, color="#009E73" if one["reached"] else "#999999")
        axis.plot([one["must"]] * 2, [place - 0.36, place + 0.36], color="#D55E00", linewidth=2)
        axis.annotate(
            f"{one['ratio']:.3g}×",
            (max(one["ratio"], one["must"]), place),
            xytext=(6, 0),
            textcoords="offset points",
            va="center",
            fontsize=9,
        )
    axis.axvline(1, color="#777777", linewidth=1)
    axis.set_yticks(range(len(rows)), [one["claim"] for one in rows])
    axis.set_xscale("log")
    axis.set_xticks([1, 2, 5, 10, 20, 50, 100], ["1", "2", "5", "10", "20", "50", "100"])
    axis.minorticks_off()
    axis.set(
        xlim=(0.8, 2 * max(max(one["ratio"], one["must"]) for one in rows)),
        xlabel="times as fast as plain fastai; orange: to be reached",
    )
    axis.tick_params(axis="y", length=0)
    save_figure(figure, HERE / f"speed-{folder}.png")


def profiles():
    "The profiles that are kept, as they were written."
    files = sorted((HERE / "profiles").glob("*.txt"))
    return (
        ""
        if not files
        else "\n## Profiles of training at 224 px, before and after\n\nMade by `python benchmarks/profile_training.py`.\n"
        + "".join(f"\n### {path.stem}\n\n```\n{path.read_text().rstrip()}\n```\n" for path in files)
    )


def folders() -> list:  # their names
    "Processors that have results, and those that the scripts expect something of, in order."
    there = {path.parent.name for path in (HERE / "results").glob("*/*.json")} | set(EXPECTED)
    kinds = list(KINDS)

    def order(folder):
        kind = folder.split("-")[0]
        return kinds.index(kind) if kind in kinds else len(kinds), folder

    return sorted(there, key=order)


def growth_of(rows):
    "Seconds and memory by the number of pictures."
    return (
        "\nGrowth, whole commands:\n\n| pictures | audit, s | ms each | peak MB | predict, s | ms each | peak MB |\n|---|---|---|---|---|---|---|\n"
        + "".join(
            f"| {row['pictures']:,} | {row['audit_seconds']:.1f} | {row['audit_ms_each']:.2f} | {row['audit_mb']} | {row['predict_seconds']:.1f} | {row['predict_ms_each']:.2f} | {row['predict_mb']} |\n"
            for row in rows
        )
    )


def part_of(
    folder,  # in results/
) -> str:  # Markdown
    "A processor's part of the page, and its chart beside it."
    order = ("train", "time_to_accuracy", "probe", "predict_one", "predict_many", "memory", "growth-large", "growth")
    found = {path.stem: json.loads(path.read_text()) for path in (HERE / "results" / folder).glob("*.json")}
    results = [found[name] for name in order if name in found and found[name]["claims"]]
    if not results:
        return f"\n## {KINDS.get(folder, folder)}\n\nNot measured: no such processor was at hand. What must be reached there stands in the scripts.\n"
    text = "\n" + section(folder, results)
    if missing := [f"`{name}.py`" for name in MEASURED if not {name, f"{name}-large"} & set(found)]:
        text += f"Not measured on this processor yet: {', '.join(missing)}.\n"
    text += steps_of(results)
    text += "".join(growth_of(result["rows"]) for result in found.values() if result.get("rows"))
    chart(folder, results)
    return text


if __name__ == "__main__":
    text = INTRODUCTION + "".join(part_of(folder) for folder in folders()) + profiles()
    (HERE / "README.md").write_text(text)
