"""Writing files so that nothing is lost or half-written."""

import os
from itertools import count
from pathlib import Path

_numbers = count()  # so that threads do not write into one another's files


def write_whole(path: Path, content: bytes) -> None:
    """Write a file under a temporary name beside its own, then rename it, so that nobody sees half of it.

    Raises:
        OSError: the file cannot be written; the text names it, and what was there before is still there.
    """
    target = Path(os.path.realpath(path))  # so that a link stays a link
    temporary = target.with_name(f".{target.name}.{os.getpid()}-{next(_numbers)}.tmp")
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
