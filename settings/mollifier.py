"""MOLLIFIER: the settings of the gate, the buffer and the drainer."""

from settings import env

EXCHANGE_TIMEOUT_MS = env.integer("MOLLIFIER_EXCHANGE_TIMEOUT_MS", 50)

MOLLIFIER: dict[str, object] = {
    "MATERIALISER": "workflows.intake.materialiser.InstanceMaterialiser",
    "NAMES": "workflows.intake.names.SlugNames",
    **env.prefixed("MOLLIFIER_"),
    "EXCHANGE_TIMEOUT_MS": EXCHANGE_TIMEOUT_MS,
}
