"""What a consumer is."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["PROGRAM", "PYTHON", "Consumer"]

#: Stands in a command for the Python interpreter.
PYTHON = "{python}"
#: Stands in a command for the path of the consumer's program.
PROGRAM = "{program}"


@dataclass(frozen=True, slots=True)
class Consumer:
    """A program or a Python library that slices are delivered to.

    Parameters
    ----------
    name : str
        By which it is asked for, such as ``SimpleITK``.
    description : str
        One line for people.
    command : tuple of str
        The probe. ``{python}`` is replaced by an interpreter, ``{program}`` by the path of
        `program`; the path of the answer and the paths of the slices are appended. It runs in a
        process and an empty folder of its own, and writes the answer, a JSON object::

            {"versions": {"name": "1.2.3"}, "slices": [{"values": [...]}, {"error": "..."}]}

        with one entry per slice: all stored values as numbers, row by row, or what went wrong. A
        consumer that is not there answers ``{"missing": "why"}``. Standard output is discarded;
        the end of standard error goes into the report where there is no answer.
    distributions : tuple of str
        Python distributions whose versions decide what it reads.
    program : str
        Name of the command-line tool; empty for Python libraries.
    version_args : tuple of str
        Arguments that make `program` print its version.

    Notes
    -----
    For a library, ``{python}`` is the interpreter whose installation is asked; for a program it
    is the running one.
    """

    name: str
    description: str
    command: tuple[str, ...]
    distributions: tuple[str, ...] = ()
    program: str = ""
    version_args: tuple[str, ...] = ()
