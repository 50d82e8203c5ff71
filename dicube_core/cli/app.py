"""The click group: commands are imported when they are called."""

from __future__ import annotations

import contextlib
import sys
import traceback
import warnings
from importlib import import_module
from typing import TYPE_CHECKING, Any

import click

from dicube_core._version import __version__
from dicube_core.cli.exits import EXIT_HELP, Exit, exit_code_of, one_line
from dicube_core.cli.messages import say, unread, warn
from dicube_core.cli.signals import Terminated
from dicube_core.exceptions import DicomCubeError, DicomCubeWarning

if TYPE_CHECKING:
    from collections.abc import Iterator
    from importlib.metadata import EntryPoint

__all__ = ["dcbs"]

_COMMANDS = {
    "convert": "dicube_core.cli.convert:convert",
    "demo": "dicube_core.cli.demo:demo",
    "edit": "dicube_core.cli.edit:edit",
    "export": "dicube_core.cli.export:export",
    "info": "dicube_core.cli.info:info",
    "preview": "dicube_core.cli.preview:preview",
    "references": "dicube_core.cli.references:references",
    "repair": "dicube_core.cli.repair:repair",
    "verify": "dicube_core.cli.verify:verify",
}
#: Other packages add commands here: name = module:click command.
_ENTRY_POINTS = "dicube.commands"
#: ... and options to the commands above: name of the command = module:function that is given
#: the command and returns it with more options.
_OPTION_ENTRY_POINTS = "dicube.command_options"


class _LazyGroup(click.Group):
    """Imports a command's module only to run it or to print its help."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted({*_COMMANDS, *_added()})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        home = _COMMANDS.get(cmd_name)
        if home is not None:
            module, _, attribute = home.partition(":")
            command: click.Command = getattr(import_module(module), attribute)
            return _extended(cmd_name, command)
        added = _added().get(cmd_name)
        if added is None:
            return None
        try:
            loaded: click.Command = added.load()
        except Exception as exc:  # noqa: BLE001 - a broken plugin must not break the others
            return _broken(cmd_name, exc)
        return loaded

    def make_context(self, *args: Any, **kwargs: Any) -> click.Context:
        """Read the arguments, and print what ``--help`` and ``--version`` ask for."""
        with _reader_may_go():
            return super().make_context(*args, **kwargs)

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command."""
        try:
            with _reader_may_go():
                return super().invoke(ctx)
        except (DicomCubeError, OSError, MemoryError):
            if ctx.params["debug"]:
                with unread():
                    traceback.print_exc()
            raise

    def main(self, *args: Any, **kwargs: Any) -> Any:
        """Run a command; turn errors into one line and an exit code."""
        kwargs.setdefault("prog_name", "dcbs")
        warnings.showwarning = _show_warning
        kwargs["standalone_mode"] = False
        try:
            sys.exit(super().main(*args, **kwargs))
        except (click.Abort, KeyboardInterrupt, BrokenPipeError) as exc:
            # click puts its own exception around the interrupt, or fails to write a line for it.
            code = Exit.TERMINATED if _terminated(exc) else Exit.INTERRUPTED
            say(f"dcbs: {code.name.lower()}")
            sys.exit(code)
        except click.ClickException as exc:
            with unread():
                exc.show()
            sys.exit(exc.exit_code)
        except (DicomCubeError, OSError, MemoryError) as exc:
            say(f"dcbs: error: {one_line(exc)}")
            sys.exit(exit_code_of(exc))


@contextlib.contextmanager
def _reader_may_go() -> Iterator[None]:
    """Tell a reader of the output that has gone from a finding."""
    try:
        yield
    except BrokenPipeError:  # click would end with 1, which says that a file is damaged
        raise click.exceptions.Exit(Exit.SYSTEM) from None


def _terminated(error: BaseException | None) -> bool:
    while error is not None and not isinstance(error, Terminated):
        error = error.__context__
    return error is not None


def _added() -> dict[str, EntryPoint]:
    from importlib.metadata import entry_points

    return {e.name: e for e in entry_points(group=_ENTRY_POINTS) if e.name not in _COMMANDS}


def _extended(name: str, command: click.Command) -> click.Command:
    from importlib.metadata import entry_points

    for entry_point in entry_points(group=_OPTION_ENTRY_POINTS, name=name):
        try:
            command = entry_point.load()(command)
        except Exception as exc:  # noqa: BLE001 - a broken plugin must not break the command
            warn(f"{entry_point.value}: {one_line(exc)}")
    return command


def _broken(name: str, error: Exception) -> click.Command:
    @click.command(name, help=f"(cannot be loaded: {one_line(error)})")
    def broken() -> None:
        raise click.ClickException(f"{name} cannot be loaded: {one_line(error)}")

    return broken


def _show_warning(
    message: Warning | str, category: type[Warning], *_: object, **__: object
) -> None:
    """Print our own warnings as one line; those of libraries are none of the user's business."""
    if issubclass(category, DicomCubeWarning):
        warn(" ".join(str(message).split()))


@click.group(cls=_LazyGroup, epilog=EXIT_HELP, context_settings={"max_content_width": 100})
@click.version_option(__version__, prog_name="dcbs")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
@click.option(
    "--threads",
    type=click.IntRange(1, 1024),
    help="Threads that encode and decode (default: usable processors).",
)
def dcbs(debug: bool, threads: int | None) -> None:
    """Keep a whole DICOM series in one lossless .dcbs file, and get it back identical."""
    if threads is not None:
        from dicube_core.settings import set_num_threads

        set_num_threads(threads)
