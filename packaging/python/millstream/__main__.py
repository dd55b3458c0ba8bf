"""``python -m millstream`` is the program."""

import os
import subprocess
import sys

from millstream._binary import find_binary


def main() -> None:
    command = [find_binary(), *sys.argv[1:]]
    if os.name == "posix":
        # The program takes the place of this process, so that signals reach it.
        os.execv(command[0], command)
    sys.exit(subprocess.run(command, check=False).returncode)


if __name__ == "__main__":
    main()
