"Keep the small files of a finished run here: python docs/results/keep.py RUN NAME 'the command'."
import json, shutil, sys
from pathlib import Path


def keep(run, name, command):
    "Copy a run's tables and figures, but no pictures, no weights, and no folder of the machine it ran on."
    run, kept = Path(run), Path(__file__).parent/name
    shutil.rmtree(kept, ignore_errors=True)
    kept.mkdir(parents=True)
    record = json.loads((run/"run.json").read_text())
    record["data"]["root"] = f"data/{record['data']['name']}"
    (kept/"run.json").write_text(json.dumps(record, indent=2) + "\n")
    (kept/"command.txt").write_text(command.strip() + "\n")
    names = ["catalog.csv", "audit.csv", "audit.json", "repeated_splits.csv", "verdict.json", "checklist.json"]
    for arm in sorted(path for path in (run/"arms").glob("*") if (path/"metrics.json").is_file()):
        names += [f"arms/{arm.name}/{file}" for file in ("history.csv", "metrics.json", "predictions.csv", "robustness.json")]
        names += [path.relative_to(run).as_posix() for place in sorted(arm.glob("outside/*")) for path in (place/"metrics.json", place/"away.json")]
    for name in names:
        if (run/name).is_file():
            (kept/name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(run/name, kept/name)


if __name__ == "__main__": keep(*sys.argv[1:])
