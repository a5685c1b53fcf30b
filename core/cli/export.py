"""`export`: a chain, a tree, a comparison or a run as a file to hand out; a gallery of them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from core.cli.export_claims import ClaimsOptions
from core.cli.files import check_writable, say
from core.cli.option_groups import grouped
from core.cli.options import RemoteCode, RunsDir, path_argument, path_option
from core.cli.sources import SOURCE_HELP, open_source
from core.errors import FileError, PositionError, SessionError
from core.system.durable_files import replace_file

if TYPE_CHECKING:
    from core.export.document import Handout
    from core.export.files import Form

_CHAIN = re.compile(r"b?(\d{1,7})(?:\.(\d{1,7}))?")
_FORMS = ("html", "svg", "png", "md", "tex")
PAGE = 6.75  # inches


@dataclass(frozen=True)
class FileOptions:
    """The file to write."""

    form: Annotated[
        str | None,
        typer.Option("--as", metavar="FORM", help="html, svg, png, md or tex; by default as -o."),
    ] = None
    out: Annotated[Path | None, path_option("--out", "-o", help="The file to write.")] = None
    width: Annotated[
        float,
        typer.Option(min=1, max=20, help="Of a picture, inches: 3.25 is a column, 6.75 a page."),
    ] = PAGE


@dataclass(frozen=True)
class GalleryOptions:
    """An index over files that were exported."""

    gallery: Annotated[
        Path | None,
        path_option("--gallery", help="Write an index of the exported pages of this folder."),
    ] = None
    title: Annotated[str, typer.Option(help="Of the gallery.")] = "Gallery"


@grouped
def export(
    source: Annotated[
        Path | None,
        path_argument(
            metavar="SESSION|RUN",
            help=SOURCE_HELP,
        ),
    ] = None,
    chain: Annotated[
        str | None,
        typer.Option(
            metavar="N",
            help="Of a session: one branch, by its number. Of a run: the chain of a problem, by "
            "its number in the run; 2.3 is the third chain of the second problem.",
        ),
    ] = None,
    tau: Annotated[
        float | None,
        typer.Option(min=0, max=100, help="Threshold of forks, nats; by default the session's."),
    ] = None,
    *,
    to: FileOptions,
    index: GalleryOptions,
    of: ClaimsOptions,
    runs_dir: RunsDir = None,
    trust_remote_code: RemoteCode = False,
) -> None:
    """Export a chain, a tree, a comparison, a run or claims as one file that needs nothing else.

    The file names no folder, secret or host of this machine. A chain of a run is scored again by
    the run's models.
    """
    if index.gallery is not None:
        if source is not None or to.out is not None or of.claims is not None:
            raise FileError("A gallery is made of files that are there.", "Give --gallery alone.")
        from core.export.gallery import write_gallery

        found = write_gallery(index.gallery, index.title)
        say(f"{index.gallery / 'index.html'} lists {len(found)} files.")
        return
    of.check()
    if (source is None and of.claims is None) or to.out is None:
        raise FileError(
            "What to export, or where to, is missing.",
            "Give a session or a run, or --claims MODEL, and -o FILE; or --gallery FOLDER.",
        )
    if of.claims is not None and (source is not None or chain is not None):
        raise FileError(
            f"The claims of {of.claims} are not of a session, a chain or a run.",
            "Give --claims alone, or leave it out.",
        )
    kind = form_of(to.form, to.out)
    check_writable(to.out)
    if source is None:
        handout = of.handout(runs_dir)
    else:
        handout = _handout(source, chain, tau, runs_dir, trust_remote_code)
    write_export(to.out, kind, handout, to.width)


def write_export(out: Path, form: Form, handout: Handout, inches: float = PAGE) -> None:
    """Write what is handed out.

    Raises:
        FileError: there is nothing to draw, or the file can't be written.
        ResourceError: as `exported`.
    """
    from core.export.files import exported

    data = exported(handout, form, inches=inches)
    try:
        replace_file(out, data)
    except OSError as error:
        raise FileError(
            f"{out} can't be written ({error.strerror or error}).", "Choose another file."
        ) from error
    say(f"{out}: {handout.kind.lower()}, {len(data) / 1000:,.0f} kB.")


def form_of(given: str | None, out: Path) -> Form:
    """The form of a file, as it is given or as the end of the file's name says.

    Raises:
        FileError: there is none of this name.
    """
    from core.export.files import Form

    name = given or out.suffix.removeprefix(".").lower() or "html"
    if name not in _FORMS:
        raise FileError(f"There is no form {name!r}.", f"Give --as one of {', '.join(_FORMS)}.")
    return Form(name)


def _handout(
    source: Path, chain: str | None, tau: float | None, runs_dir: Path | None, trust: bool
) -> Handout:
    from core.chains.session import Session
    from core.runs.run import Run

    opened = open_source(source, runs_dir)
    if isinstance(opened, Run):
        return _of_run(opened, chain, tau, trust)
    if isinstance(opened, Session):
        return _of_session(opened, chain, tau)
    if chain is not None:
        raise PositionError(f"{source} is a single chain.", "Leave --chain out.")
    return _of_chain(opened, tau)


def _of_chain(data: Any, tau: float | None) -> Handout:
    from core.chain_json import chain_from_json
    from core.export.of_chains import DEFAULT_TAU, chain_handout

    return chain_handout(*chain_from_json(data), DEFAULT_TAU if tau is None else tau)


def _of_session(session: Any, chain: str | None, tau: float | None) -> Handout:
    from core.export.of_chains import DEFAULT_TAU, branch_handout, tree_handout

    tree = session.tree
    if tree is None or not tree.branches:
        raise SessionError("This session has no chains in it.", "Open another file.")
    kept = session.form.get("tau")
    nats = kept if isinstance(kept, float) and 0 <= kept <= 100 else DEFAULT_TAU
    nats = nats if tau is None else tau
    if chain is None:
        return tree_handout(tree, nats)
    return branch_handout(tree, tree.branch(f"b{_numbers(chain)[0]}"), nats)


def _of_run(run: Any, chain: str | None, tau: float | None, trust: bool) -> Handout:
    from dataclasses import replace

    from core.cli.models import load
    from core.export.of_chains import DEFAULT_TAU
    from core.export.of_run_chains import run_chain_handout
    from core.export.of_runs import run_handout

    if chain is None:
        return run_handout(run)
    return run_chain_handout(
        run,
        *_numbers(chain),
        lambda spec: load(replace(spec, trust_remote_code=trust and spec.trust_remote_code)),
        DEFAULT_TAU if tau is None else tau,
    )


def _numbers(text: str) -> tuple[int, int]:
    found = _CHAIN.fullmatch(text)
    if found is None:
        raise PositionError(f"{text!r} is not the number of a chain.", "Give --chain 2 or 2.3.")
    return int(found[1]), int(found[2] or 1)
