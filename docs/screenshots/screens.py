"""Every screen of the site: its name, which is its picture's, and what it shows.

The one list of them: the walks take these pictures and no others, and docs/screens.md is written
from it.
"""

from dataclasses import dataclass
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
IMAGES = PROJECT / "docs" / "images"
PAGE = PROJECT / "docs" / "screens.md"
# Added to the name of the picture on a phone, in dark.
NARROW = "-narrow"


@dataclass(frozen=True)
class Screen:
    """One picture, or two: wide and light, and where `narrow` a phone's in dark beside it."""

    name: str
    says: str
    narrow: bool = False

    @property
    def files(self) -> list[Path]:
        """Where its pictures lie."""
        names = [self.name, f"{self.name}{NARROW}"] if self.narrow else [self.name]
        return [IMAGES / f"{name}.png" for name in names]


CHAPTERS: dict[str, tuple[Screen, ...]] = {
    "Upload": (
        Screen("upload-empty", "The first page, before anything was uploaded."),
        Screen("upload-sending", "A file on its way, above two that are done."),
        Screen(
            "upload",
            "Uploads with their verdicts, one that was refused and one that a virus scanner held.",
            narrow=True,
        ),
    ),
    "Result": (
        Screen(
            "result-whole",
            "A video's page: verdict, facts, timeline with scene cuts, then each duplicate.",
            narrow=True,
        ),
        Screen("result", "One duplicate: the match map, and both players at the same moment."),
        Screen("result-none", "A video that copies nothing."),
        Screen("result-refused", "A file that could not be read, and what to do about it."),
        Screen("result-quarantined", "A file that a virus scanner locked away."),
    ),
    "Search": (
        Screen("search-empty", "Search with a file that is not kept."),
        Screen("search-image", "A picture was found: the videos it is from, and the second."),
        Screen("search-video", "A video was found: its stretches, frame by frame.", narrow=True),
        Screen("search-refused", "A file that cannot be searched with, and why."),
    ),
    "Library": (
        Screen("library-empty", "One's own uploads, before there are any."),
        Screen("library", "One's own uploads, to show, hide or delete.", narrow=True),
        Screen("library-filtered", "The same, narrowed to those with duplicates, as a grid."),
        Screen("library-delete", "The question before files go for good."),
        Screen("gallery", "What people made public.", narrow=True),
    ),
    "Accounts": (
        Screen("sign-in", "Signing in.", narrow=True),
        Screen("sign-up", "Signing up, by a link that is mailed."),
        Screen("password-reset", "Asking for a new password."),
        Screen("account", "One's account."),
    ),
    "Help and errors": (
        Screen("help", "Limits, what a result means, keys and words."),
        Screen("not-found", "An address at which there is nothing."),
    ),
    "Admin": (
        Screen("admin-index", "What staff start from."),
        Screen("admin-videos", "The videos, with filters and search."),
        Screen("admin-video", "One video: title and visibility can be set, the rest is read."),
    ),
    "Moderation": (
        Screen("desk", "What waits, how old it is, and how it went, for a lead."),
        Screen("queue", "The queue: flags in their order, filters, views that one has kept."),
        Screen(
            "review",
            "A flag that one holds: players, match map, the same frames, facts, and the decision.",
            narrow=True,
        ),
        Screen("review-second", "A confirmation that a second moderator is asked about."),
        Screen("review-dark", "A plain duplicate, in dark."),
        Screen("review-held", "A flag that somebody else holds; a lead may take it over."),
        Screen("statistics", "How long flags wait, who decides how many, what was overturned."),
        Screen("claims", "Claims between rights holders and uploaders."),
        Screen("claim", "A claim that its uploader disputes, and what can be done about it."),
        Screen(
            "claim-uploader",
            "The video of who uploaded it: why it is blocked, and how to dispute that.",
            narrow=True,
        ),
        Screen("events", "The record: every move of flags and claims."),
        Screen("decision", "A decision, with the evidence as it was."),
    ),
}
SCREENS = {screen.name: screen for chapter in CHAPTERS.values() for screen in chapter}


def page() -> str:
    """docs/screens.md."""
    lines = [
        "# Screens",
        "",
        "The public site, the admin and the moderators' console, wide in light and on a phone in",
        "dark. `make screenshots` takes the pictures and writes this page, from films that ffmpeg",
        "draws.",
    ]
    for title, screens in CHAPTERS.items():
        lines += ["", f"## {title}"]
        for screen in screens:
            lines += ["", screen.says, ""]
            lines += [_shown(screen, path) for path in screen.files]
    return "\n".join(lines) + "\n"


def _shown(screen: Screen, path: Path) -> str:
    where = " On a phone, in dark." if path.stem.endswith(NARROW) else ""
    return f"![{screen.says}{where}](images/{path.name})"
