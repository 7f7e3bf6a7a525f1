"Nothing is lost when a command is stopped, when two run at once, when a disk is full."

import json
import signal
import subprocess
import time
from pathlib import Path

import pandas as pd
import pytest
from conftest import SMALL, process, refused, run, train

from petclf.run import Run


def stopped_in_training(photos, out, how):
    "Start a training, wait until its first epoch is kept, stop it in the middle of a later one."
    # A shell that starts these tests in the background makes them, and all they start, ignore Ctrl-C.
    hears = lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)
    started = process(
        "train", "--data", photos, "--arm", "scratch", *SMALL, "--epochs", "12", "--out", out, preexec_fn=hears
    )
    deadline = time.time() + 120
    while not (Path(out) / "arms/scratch/checkpoint/state.json").is_file():
        assert started.poll() is None and time.time() < deadline, started.communicate()
        time.sleep(0.02)
    time.sleep(0.3)
    started.send_signal(how)
    _, err = started.communicate(timeout=60)
    done = json.loads((Path(out) / "arms/scratch/checkpoint/state.json").read_text())["done"]
    assert 1 <= done < 12
    return started.returncode, err, done


def test_stopped_and_continued(photos):
    status, err, _ = stopped_in_training(photos, "runs/interrupted", signal.SIGINT)
    assert status == 130 and "goes on where it was" in err and "Traceback" not in err
    status, _, done = stopped_in_training(photos, "runs/killed", signal.SIGKILL)
    assert status == -signal.SIGKILL
    again = ["train", "--data", photos, "--arm", "scratch", *SMALL, "--epochs", "12"]
    for name in ("interrupted", "killed", "undisturbed"):
        run(*again, "--out", f"runs/{name}")
    predictions = {
        name: (Path("runs") / name / "arms/scratch/predictions.csv").read_bytes()
        for name in ("interrupted", "killed", "undisturbed")
    }
    assert predictions["interrupted"] == predictions["killed"] == predictions["undisturbed"]
    history = pd.read_csv("runs/killed/arms/scratch/history.csv")
    assert history.epoch.tolist() == list(range(12)) and done < 12


def test_two_at_once_and_a_full_disk(photos, capsys):
    from petclf.run import alone_in

    with alone_in("runs/a"):
        second = process("train", "--data", photos, "--arm", "scratch", *SMALL, "--out", "runs/a")
        _, err = second.communicate(timeout=120)
        assert (
            second.returncode == 2 and err.strip().splitlines()[-1].startswith("petclf: ") and "another petclf" in err
        )

    def small_files():  # files may not grow past 4 MB, as on a disk that is nearly full; the network's checkpoint is larger
        import resource

        resource.setrlimit(resource.RLIMIT_FSIZE, (4_000_000, 4_000_000))
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)

    third = process("train", "--data", photos, "--arm", "scratch", *SMALL, "--out", "runs/b", preexec_fn=small_files)
    _, err = third.communicate(timeout=120)
    assert third.returncode == 2 and "cannot write" in err.strip().splitlines()[-1] and "Traceback" not in err
    run("train", "--data", photos, "--arm", "scratch", *SMALL, "--out", "runs/b")  # with room again, it continues
    assert Run("runs/b").arms == ["scratch"]


@pytest.fixture
def small_disk(tmp_path):
    "A disk of 60 MB, which a checkpoint does not fit on."
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=60m", "petclf", str(folder)]
    try:
        subprocess.run(mount, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("mounting a small disk needs Linux and root")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_disk_that_is_really_full(photos, capsys, small_disk):
    line = refused(capsys, "train", "--data", photos, "--arm", "scratch", *SMALL, "--out", small_disk / "a")
    assert "cannot write" in line and "free some space" in line
    assert (
        Run.open(small_disk / "a").record["settings"] and len(Run(small_disk / "a").catalog) == 40
    )  # what was there is whole
    assert not list((small_disk / "a" / "arms" / "scratch").glob(".*"))
    subprocess.run(["mount", "-o", "remount,size=900m", str(small_disk)], check=True)
    train(photos, "--out", small_disk / "a")
    assert Run(small_disk / "a").arms == ["scratch"]
