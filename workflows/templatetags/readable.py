"""Numbers, times and states as operators read them."""

from datetime import UTC, datetime

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

from workflows.intake.view import InstanceView
from workflows.models import DefinitionChange, FlagChange

register = template.Library()

NOTHING = "–"  # noqa: RUF001
UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))
SIZES = ("B", "KiB", "MiB", "GiB", "TiB")
TONES = {
    "off": "calm",
    "shadow": "info",
    "mirror": "warn",
    "on": "good",
    "buffered": "warn",
    "queued": "warn",
    "delayed": "warn",
    "leased": "info",
    "pending": "calm",
    "running": "info",
    "waiting": "info",
    "paused": "warn",
    "completed": "good",
    "failed": "bad",
    "unrunnable": "bad",
    "cancelled": "calm",
    "system_failure": "bad",
    "superseded": "calm",
    "ok": "good",
    "degraded": "warn",
    "failing": "bad",
    "unknown": "calm",
    "finished": "good",
    "rolled_back": "bad",
    "aborted": "calm",
    "active": "good",
    "revoked": "bad",
    "unregistered": "warn",
    "expired": "warn",
    "started": "good",
    "existing": "good",
    "skipped": "calm",
    "missed": "warn",
    "rejected": "bad",
    "deferred": "warn",
    "delivered": "good",
    "alive": "good",
    "no pump": "bad",
    "done": "good",
    "open": "warn",
    "critical": "bad",
    "warning": "warn",
    "info": "info",
}


@register.filter
def moment(at: datetime | None) -> str:
    """Write a time with its zone: 21 Nov 2026 20:09:54 UTC."""
    if at is None:
        return NOTHING
    there = at.astimezone(UTC)
    return f"{there.day} {there:%b %Y %H:%M:%S} UTC"


@register.filter
def there(at: datetime) -> str:
    """Write a time of another zone by its own clock: Mon 23 Nov 2026 07:00 (UTC+01:00)."""
    return f"{at:%a} {at.day} {at:%b %Y %H:%M} (UTC{at.isoformat()[-6:]})"


@register.filter
def duration(seconds: float | None) -> str:
    """Write seconds with at most two units: 40 ms, 2.5 s, 3 min 20 s, 2 d 4 h."""
    if seconds is None:
        return NOTHING
    if seconds < 0.9995:
        return f"{max(seconds, 0) * 1000:.0f} ms"
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    rest = round(seconds)
    words: list[str] = []
    for size, unit in UNITS:
        amount, rest = divmod(rest, size)
        if amount or words:
            words.append(f"{amount} {unit}" if amount else "")
    return " ".join(word for word in words[:2] if word)


@register.filter
def milliseconds(amount: float | None) -> str:
    return duration(None if amount is None else amount / 1000)


@register.filter
def count(number: int | None) -> str:
    return NOTHING if number is None else f"{number:,}"


@register.filter
def rate(per_second: float | None) -> str:
    """Write a rate: one decimal below ten, none above."""
    if per_second is None:
        return NOTHING
    return f"{per_second:.1f}" if 0 < per_second < 9.95 else f"{per_second:,.0f}"


@register.filter
def size(octets: int | None) -> str:
    """Write bytes with three digits or so: 0 B, 14 KiB, 1.2 GiB."""
    if octets is None:
        return NOTHING
    amount, unit = float(octets), SIZES[0]
    for unit in SIZES:
        if amount < 1024 or unit == SIZES[-1]:
            break
        amount /= 1024
    return f"{amount:.1f} {unit}" if amount < 10 and unit != "B" else f"{amount:.0f} {unit}"


@register.filter
def capped(number: int, cap: int) -> str:
    """Write a count that was not taken further than its cap: 10k+."""
    if number <= cap:
        return f"{number:,}"
    return f"{cap // 1000}k+" if cap >= 1000 else f"{cap}+"


@register.filter
def weight(share: float) -> str:
    return f"{share:g}"


@register.filter
def badge(word: str) -> SafeString:
    """Show a state as a coloured word; the word itself carries the meaning."""
    return format_html(
        '<span class="mo-badge mo-{}">{}</span>', TONES.get(str(word), "calm"), str(word).replace("_", " ")
    )


@register.filter
def changed(change: DefinitionChange) -> str:
    """Say what a change of a definition changed: version 1 → 2, active True → False."""
    names = [name for name in change.after if change.before.get(name) != change.after[name]]
    told = (f"{name} {_said(change.before.get(name))} → {_said(change.after[name])}" for name in names)
    return ", ".join(told) or "nothing"


def _said(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "none" if value is None else f"{value}"


@register.filter
def differences(change: FlagChange) -> str:
    """Say what a flag change changed: mode off → on, percent 100 → 50."""
    names = [name for name in change.after if change.before.get(name) != change.after[name] and name != "version"]
    return (
        ", ".join(f"{setting(name, change.before.get(name))} → {_value(name, change.after[name])}" for name in names)
        or "nothing"
    )


def setting(name: str, value: object) -> str:
    """Write one setting of a rollout: limit 5, window 200 ms, paused yes, hold default."""
    return f"{_named(name)} {_value(name, value)}"


def _named(name: str) -> str:
    return name.removesuffix("_ms").replace("_", " ")


def _value(name: str, value: object) -> str:
    if isinstance(value, bool):
        return _said(value)
    if isinstance(value, int):
        return milliseconds(value) if name.endswith("_ms") else f"{value:,}"
    if isinstance(value, float):
        return weight(value)
    return "default" if value is None else f"{value}"


@register.filter
def waited(instance: InstanceView) -> float | None:
    """Return the seconds from acceptance to the row: what the buffer cost."""
    return (instance.created_at - instance.accepted_at).total_seconds() if instance.created_at else None


@register.filter
def took(instance: InstanceView) -> float | None:
    """Return the seconds from acceptance to the end."""
    return (instance.finished_at - instance.accepted_at).total_seconds() if instance.finished_at else None
