"Keep the small files of a finished run here: python docs/results/keep.py RUN NAME 'the command'."
import json, shutil, sys
from pathlib import Path


def keep(run, name, command):
    "Copy a run's tables and figures, but no pictures, no weights, and no folder of the machine it ran on."
    run, kept = Path(run), Path(__file__).parent/name
    shutil.rmtree(kept, ignore_errors=True)
    kept.mkdir(parents=True)
    record = json.loads((run/"run.json").read_text())
    record["data"]["root"] = "data/oxford-pets"
    (kept/"run.json").write_text(json.dumps(record, indent=2) + "\n")
    (kept/"command.txt").write_text(command.strip() + "\n")
    for path in ("catalog.csv", "verdict.json", "checklist.json"):
        if (run/path).is_file(): shutil.copy(run/path, kept/path)
    for arm in sorted((run/"arms").iterdir()):
        (kept/"arms"/arm.name).mkdir(parents=True)
        for path in ("history.csv", "metrics.json", "predictions.csv"):
            if (arm/path).is_file(): shutil.copy(arm/path, kept/"arms"/arm.name/path)


if __name__ == "__main__": keep(*sys.argv[1:])
