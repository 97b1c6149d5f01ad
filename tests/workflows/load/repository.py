"""Git repositories for tests."""

import subprocess
from pathlib import Path


def commit(repository: Path, files: dict[str, str], date: str) -> None:
    for name, text in files.items():
        (repository / name).write_text(text)
    git(repository, "add", "-A")
    git(repository, "commit", "-q", "-m", "change", date=date)


def git(place: Path, *words: str, date: str = "2020-01-01T00:00:00Z") -> None:
    author = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org", "-c", "commit.gpgsign=false"]
    dates = {"GIT_AUTHOR_DATE": date, "GIT_COMMITTER_DATE": date}
    subprocess.run(["git", "-C", str(place), *author, *words], check=True, env={"PATH": "/usr/bin:/bin", **dates})
