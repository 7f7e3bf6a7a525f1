"Cleaning the notebooks, exporting them and making the README again must change nothing."

import hashlib
import subprocess
import sys
from pathlib import Path

TOP = Path(__file__).parent.parent
COMMANDS = [["nbdev-clean"], ["nbdev-export"], ["python", "tests/make_readme.py"]]


def digests():
    "A digest of every file that these commands may write."
    files = [TOP / "README.md", *(TOP / "nbs").rglob("*.ipynb"), *(TOP / "petclf").rglob("*.py")]
    return {
        file.relative_to(TOP).as_posix(): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in files
        if ".ipynb_checkpoints" not in file.parts
    }


def main():
    "Run the commands and compare. Leaves what they wrote, so that it can be looked at and committed."
    before = digests()
    for command in COMMANDS:
        program = [str(TOP / ".venv/bin" / command[0]), *command[1:]]
        if not Path(program[0]).exists():
            program[0] = command[0]
        if subprocess.run(program, cwd=TOP).returncode:
            return f"{' '.join(command)} failed"
        after = digests()
        if changed := sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name)):
            return f"{' '.join(command)} changed {', '.join(changed)}: commit what it makes of them"
    print(f"no drift: {len(before)} files stay as they are")


if __name__ == "__main__":
    sys.exit(main())
