"""Exit codes, and how errors end up as one line and a code."""

from __future__ import annotations

from enum import IntEnum

from dicube_core.exceptions import (
    CodecUnavailableError,
    DicomCubeError,
    MissingDependencyError,
    SettingsError,
    TransferSyntaxError,
    UnsupportedKindError,
    WorkersError,
)

__all__ = ["EXIT_HELP", "Exit", "exit_code_of", "one_line"]


class Exit(IntEnum):
    """What ``dcbs`` exits with."""

    OK = 0
    NOT_PROVEN = 1
    USAGE = 2
    BAD_INPUT = 3
    UNSUPPORTED = 4
    SYSTEM = 5
    MISSING_DEPENDENCY = 6
    LOST = 7
    INTERRUPTED = 130
    TERMINATED = 143


EXIT_HELP = """\b
Exit codes:
  0    done
  1    verify: damaged, or not identical to the source; doctor: a codec or integration is wrong
  2    wrong usage, or a setting in the environment that cannot be
  3    bad input: not a .dcbs file, damaged, not one series
  4    a kind of image that cannot be kept whole, or another transfer syntax than offered
  5    the system refused: no such file, no permission, disk full, target exists, no workers,
       nobody reads the output
  6    an optional package is missing; the message names it
  7    repair: OUT was written, but something of the damaged file is lost
  130  interrupted
  143  terminated (SIGTERM, SIGHUP)
"""


def exit_code_of(error: BaseException) -> Exit:
    """Return the exit code of an error that ended a command."""
    if isinstance(error, MissingDependencyError | CodecUnavailableError):
        return Exit.MISSING_DEPENDENCY
    if isinstance(error, SettingsError):
        return Exit.USAGE
    if isinstance(error, UnsupportedKindError | TransferSyntaxError):
        return Exit.UNSUPPORTED
    if isinstance(error, WorkersError):
        return Exit.SYSTEM
    if isinstance(error, DicomCubeError):
        return Exit.BAD_INPUT
    return Exit.SYSTEM


def one_line(error: BaseException) -> str:
    """Return an error as one line of text."""
    if isinstance(error, OSError) and error.strerror:
        text = f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    else:
        text = str(error)
    return " ".join(text.split()) or type(error).__name__
