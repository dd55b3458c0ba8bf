"""Where the program lies that the wheel carries."""

import os
import shutil
import sys
import sysconfig

NAME = "millstream.exe" if os.name == "nt" else "millstream"


def find_binary() -> str:
    """The path of the program.

    It is what ``MILLSTREAM_BINARY`` names, else the one that was installed with this package,
    else the one on the path. ``FileNotFoundError`` if there is none.
    """
    named = os.environ.get("MILLSTREAM_BINARY")
    if named:
        return named
    for folder in _script_folders():
        path = os.path.join(folder, NAME)
        if os.path.isfile(path):
            return path
    found = shutil.which(NAME)
    if found:
        return found
    raise FileNotFoundError(f"{NAME} was not installed with this package and is not on the path")


def _script_folders() -> list[str]:
    folders = [sysconfig.get_path("scripts")]
    user = sysconfig.get_preferred_scheme("user")
    folders.append(sysconfig.get_path("scripts", scheme=user))
    # `pip install --target` puts programs beside the packages.
    here = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    folders.append(os.path.join(here, "bin"))
    folders.append(os.path.dirname(sys.executable))
    return folders
