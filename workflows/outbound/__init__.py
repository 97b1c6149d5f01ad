"""Requests that leave the service, for addresses that tenants name: sent only where the guard lets them go."""

from workflows.outbound.sending import Request, Response, send
from workflows.outbound.targets import OutboundFailed, OutboundRefused, OutboundTimedOut, ResponseTooLarge, Target

__all__ = [
    "OutboundFailed",
    "OutboundRefused",
    "OutboundTimedOut",
    "Request",
    "Response",
    "ResponseTooLarge",
    "Target",
    "send",
]
