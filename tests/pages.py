"""Every address of the operator pages, by name: what it needs to know, who may, and, of a verb, where it is offered.

A new page without a row here fails `tests/dashboard/test_rights.py`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import IntEnum

from django.contrib.admin.utils import quote
from django.urls import URLPattern, URLResolver, get_resolver, reverse


class Role(IntEnum):
    """The least group that may; each may all that those before it may."""

    ANYBODY = 0
    VIEWER = 1
    OPERATOR = 2
    ADMIN = 3
    NOBODY = 4


ANYBODY, VIEWER, OPERATOR, ADMIN, NOBODY = Role
# The views that Django makes for every table; nobody may delete from one.
USUAL = ("changelist", "add", "change", "history", "delete")


@dataclass(frozen=True, slots=True)
class Page:
    """One address. `given` names what of `tests.everything` it needs; `answers` is the status for those who may."""

    name: str
    least: Role
    given: tuple[str, ...] = ()
    query: str = ""
    answers: int = 200
    # Of a verb: the page that offers it, and what is filled in besides the reason.
    at: str = ""
    fill: Mapping[str, str] = field(default_factory=dict)

    def address(self, known: Mapping[str, str]) -> str:
        words = [known.get(each, each) for each in self.given]
        # Django's own views of a table take its keys quoted.
        usual = self.name.rpartition("_")[2] in USUAL
        path = reverse(self.name, args=[quote(word) for word in words] if usual else words)
        return path + self.query.format(**known)

    def place(self, known: Mapping[str, str]) -> str:
        """Return the address of the page that offers a verb: a list, or the page of what the verb is about."""
        one = self.at.endswith("_change")
        return reverse(self.at, args=[known[self.given[0]]] if one else [])


def _usual(model: str, key: str, *least: Role, **answers: int) -> list[Page]:
    """Return the addresses that every table has; `least` may the list and the history, add, and one."""
    # The history of a table leads to the audit.
    answers = {"history": 302} | answers
    return [
        Page(
            f"admin:{model}_{verb}",
            may,
            () if verb in {"changelist", "add"} else (key,),
            answers=answers.get(verb, 200),
        )
        for verb, may in zip(USUAL, (*least, least[0], NOBODY), strict=True)
    ]


def _verb(name: str, least: Role, at: str, *given: str, query: str = "", **fill: str) -> Page:
    return Page(f"admin:workflows_{name}", least, given, query, at=at, fill=fill)


LIST, ONE = "admin:workflows_{}_changelist", "admin:workflows_{}_change"
PAGES = [
    Page("admin:index", ANYBODY),
    Page("dashboard:buffer", VIEWER),
    Page("dashboard:buffer", VIEWER, query="?org={org}"),
    Page("dashboard:runbooks", VIEWER),
    Page("dashboard:runbook", VIEWER, ("alert",)),
    Page("dashboard:settings", VIEWER),
    Page("admin:password_change", ANYBODY),
    Page("admin:workflows_instance_changelist", VIEWER, query="?q=stauts:failed"),
    Page("admin:workflows_instance_changelist", VIEWER, query="?env={env}"),
    Page("admin:workflows_instance_change", VIEWER, ("waiting",), "?env={env}"),
    Page("admin:workflows_definition_versions", VIEWER, ("definition",)),
    Page("admin:workflows_binding_try", VIEWER, query="?env=acme/production&type=order.created&payload=1"),
    *_usual("workflows_actionswitch", "action", VIEWER, ANYBODY, ANYBODY, add=302, change=302),
    *_usual("workflows_apikey", "key", ADMIN, ADMIN, ANYBODY, change=302),
    *_usual("workflows_auditrecord", "record", VIEWER, NOBODY, VIEWER),
    *_usual("workflows_binding", "binding", VIEWER, OPERATOR, VIEWER),
    *_usual("workflows_bulkaction", "bulk", VIEWER, VIEWER, VIEWER, add=404),
    *_usual("workflows_deadletterdecision", "decision", VIEWER, NOBODY, VIEWER),
    *_usual("workflows_definition", "definition", VIEWER, ANYBODY, ANYBODY, add=302, change=302),
    *_usual("workflows_delivery", "delivery", VIEWER, NOBODY, VIEWER),
    *_usual("workflows_environment", "env", VIEWER, ADMIN, VIEWER),
    *_usual("workflows_flagchange", "flagchange", VIEWER, NOBODY, VIEWER),
    *_usual("workflows_instance", "instance", VIEWER, VIEWER, VIEWER, add=404),
    *_usual("workflows_organization", "org", VIEWER, ADMIN, VIEWER),
    *_usual("workflows_rolloutplan", "plan", VIEWER, NOBODY, VIEWER),
    *_usual("workflows_schedule", "schedule", VIEWER, OPERATOR, OPERATOR),
    *_usual("workflows_secret", "secret", ADMIN, ADMIN, ANYBODY, change=302),
    *_usual("workflows_secretchange", "secretchange", ADMIN, NOBODY, ADMIN),
    *_usual("workflows_shard", "running_shard", VIEWER, ANYBODY, OPERATOR, add=404),
    *_usual("workflows_storm", "storm", VIEWER, NOBODY, VIEWER),
    *_usual("workflows_webhook", "webhook", VIEWER, ADMIN, ADMIN),
    *_usual("auth_user", "user", ADMIN, ADMIN, ADMIN),
    *_usual("auth_group", "group", ADMIN, NOBODY, ADMIN),
    Page("admin:auth_user_password_change", ADMIN, ("user",)),
]
# In an order in which each can be done after those before it.
VERBS = [
    _verb("organization_rollout", OPERATOR, LIST.format("organization"), "org", mode="shadow", weight="3", paused="on"),
    _verb("organization_simulation", OPERATOR, ONE.format("organization"), "org"),
    _verb("rolloutplan_steer", OPERATOR, ONE.format("rolloutplan"), "plan", "pause"),
    _verb("rolloutplan_steer", OPERATOR, ONE.format("rolloutplan"), "paused_plan", "resume"),
    _verb("rolloutplan_steer", OPERATOR, ONE.format("rolloutplan"), "plan", "abort"),
    _verb("rolloutplan_begin", OPERATOR, ONE.format("organization"), "org"),
    _verb("instance_pause", OPERATOR, ONE.format("instance"), "instance"),
    _verb("instance_resume", OPERATOR, ONE.format("instance"), "paused"),
    _verb("instance_cancel", OPERATOR, ONE.format("instance"), "instance"),
    _verb("instance_cancel", OPERATOR, "dashboard:buffer", "waiting", query="?env={env}"),
    _verb("deadletter_redrive", OPERATOR, "dashboard:buffer", "letter", query="?env={env}"),
    _verb("deadletter_discard", OPERATOR, "dashboard:buffer", "rotten", query="?env={env}"),
    _verb("bulkaction_new", OPERATOR, LIST.format("bulkaction"), search="org:acme"),
    _verb("bulkaction_abort", OPERATOR, ONE.format("bulkaction"), "bulk"),
    _verb("storm_cancel", OPERATOR, LIST.format("storm"), "storm"),
    _verb("storm_replay", OPERATOR, LIST.format("storm"), "storm"),
    _verb("storm_close", OPERATOR, LIST.format("storm"), "storm"),
    _verb("shard_pause", OPERATOR, LIST.format("shard"), "running_shard"),
    _verb("shard_resume", OPERATOR, LIST.format("shard"), "paused_shard"),
    _verb("binding_switch", OPERATOR, LIST.format("binding"), "binding"),
    _verb("definition_set", OPERATOR, LIST.format("definition"), "definition"),
    _verb("definition_edit", OPERATOR, LIST.format("definition"), "definition"),
    _verb("definition_new", OPERATOR, LIST.format("definition"), slug="hello"),
    _verb("actionswitch_switch", OPERATOR, LIST.format("actionswitch"), "action"),
    _verb("schedule_switch", OPERATOR, LIST.format("schedule"), "schedule"),
    _verb("schedule_run", OPERATOR, LIST.format("schedule"), "schedule"),
    _verb("delivery_again", OPERATOR, LIST.format("delivery"), "delivery"),
    _verb("webhook_ping", OPERATOR, LIST.format("webhook"), "webhook"),
    _verb("webhook_rotate", ADMIN, LIST.format("webhook"), "webhook"),
    _verb("webhook_forget", ADMIN, LIST.format("webhook"), "webhook"),
    _verb("apikey_revoke", ADMIN, LIST.format("apikey"), "key"),
    _verb("secret_rotate", ADMIN, LIST.format("secret"), "secret", value="another secret"),
    _verb("secret_forget", ADMIN, LIST.format("secret"), "secret"),
]
# What is asked for by a page, and is none itself.
PARTS = [
    Page("dashboard:live", VIEWER),
    Page("admin:workflows_instance_live", VIEWER, ("instance",)),
    Page("admin:workflows_instance_export", VIEWER),
    Page("admin:workflows_definition_check", OPERATOR),
]
# The theme's and Django's own; nothing of a tenant is behind them.
FRAME = {
    "admin:login",
    "admin:search",
    "admin:logout",
    "admin:password_change_done",
    "admin:autocomplete",
    "admin:jsi18n",
    "admin:view_on_site",
    "admin:app_list",
}


def names() -> set[str]:
    """Return the name of every address below the operator pages."""
    return {name for name in _named(get_resolver().url_patterns) if name.startswith(("admin:", "dashboard:"))}


def _named(patterns: list[URLPattern | URLResolver], space: str = "") -> Iterator[str]:
    for each in patterns:
        if isinstance(each, URLResolver):
            yield from _named(each.url_patterns, f"{each.namespace}:" if each.namespace else space)
        elif each.name:
            yield f"{space}{each.name}"
