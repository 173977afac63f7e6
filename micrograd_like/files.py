"""Writing files so that nothing is lost or half-written."""

import os
from pathlib import Path


def write_whole(path: Path, content: bytes) -> None:
    """Write a file under a temporary name beside its own, then rename it, so that nobody sees half of it.

    Raises:
        OSError: the file cannot be written; the text names it, and what was there before is still there.
    """
    target = Path(os.path.realpath(path))  # so that a link stays a link
    temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, target)
    except OSError as error:
        raise type(error)(error.errno, f"cannot write it: {error.strerror}", str(path)) from None
    finally:
        temporary.unlink(missing_ok=True)


def data_folder() -> Path:
    """Return the folder for what is kept between sessions: in the user's data directory, as XDG and Windows say."""
    if os.name == "nt" and "APPDATA" in os.environ:
        return Path(os.environ["APPDATA"]) / "micrograd_like"
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "micrograd_like"
