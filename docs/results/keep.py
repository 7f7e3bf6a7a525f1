"Keep the small files of a finished run here: python docs/results/keep.py RUN NAME 'the command'."

import json
import shutil
import sys
from pathlib import Path

from petclf.run import read_predictions


def keep(run, name, command):
    "Copy a run's tables and figures, but no pictures, no weights, and no folder of the machine it ran on."
    run, kept = Path(run), Path(__file__).parent / name
    shutil.rmtree(kept, ignore_errors=True)
    kept.mkdir(parents=True)
    record = json.loads((run / "run.json").read_text())
    record["data"]["root"] = f"data/{record['data']['name']}"
    (kept / "run.json").write_text(json.dumps(record, indent=2) + "\n")
    (kept / "command.txt").write_text(command.strip() + "\n")
    names = [
        "catalog.csv",
        "audit.csv",
        "audit.json",
        "repeated_splits.csv",
        "bodies.csv",
        "verdict.json",
        "checklist.json",
    ]
    for arm in sorted(path for path in (run / "arms").glob("*") if (path / "metrics.json").is_file()):
        names += [
            f"arms/{arm.name}/{file}"
            for file in (
                "history.csv",
                "metrics.json",
                "predictions.csv",
                "out_of_fold.csv",
                "learning_curve.csv",
                "robustness.json",
            )
        ]
        names += [
            path.relative_to(run).as_posix()
            for place in sorted(arm.glob("outside/*"))
            for path in (place / "metrics.json", place / "away.json")
        ]
    for name in names:
        if (run / name).is_file():
            (kept / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(run / name, kept / name)
            if name.endswith(("predictions.csv", "out_of_fold.csv")):
                _shorten(kept / name)


def _shorten(path):
    "Of many classes, keep five digits of each probability: enough for every figure here, and a fifth of the size."
    table = read_predictions(path)
    if sum(column.startswith("p_") for column in table) < 10:
        return
    table = table[[column for column in table if not column.startswith("q_")]]
    table.to_csv(path, index=False, float_format="%.5g", lineterminator="\n")


if __name__ == "__main__":
    keep(*sys.argv[1:])
