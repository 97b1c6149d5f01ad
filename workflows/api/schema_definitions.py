"""The OpenAPI description of definitions."""

from workflows.api import serializers_definitions as shapes
from workflows.api.schema import BAD_BODY, BAD_QUERY, REFUSALS, operation

NO_DEFINITION = "There is no such definition, or no such version of it."
FAULTY = "The document is refused (`definition_invalid`): `errors` has a pointer and a detail for each fault."
CHALLENGE = {"WWW-Authenticate": [401, 403]}

LIST_DEFINITIONS = operation(
    "list_definitions",
    {200: (shapes.DefinitionPage, "A page of the list.")},
    REFUSALS | {400: BAD_QUERY},
    query=shapes.DefinitionsQuery,
    headers=CHALLENGE,
)
POST_DEFINITION = operation(
    "post_definition",
    {201: (shapes.DefinitionDetail, "It is there, at version 1; within 2 s every process takes its triggers.")},
    REFUSALS
    | {
        400: BAD_BODY,
        409: "There is one of this slug (`definition_exists`), or code registers a workflow so (`slug_taken`).",
        413: "The body is too large.",
        422: FAULTY,
    },
    body=shapes.DefinitionRequest,
    headers={"ETag": [201]} | CHALLENGE,
)
GET_DEFINITION = operation(
    "get_definition",
    {200: (shapes.DefinitionDetail, "The definition.")},
    REFUSALS | {400: BAD_QUERY, 404: NO_DEFINITION},
    query=shapes.DefinitionQuery,
    headers={"ETag": [200]} | CHALLENGE,
)
PATCH_DEFINITION = operation(
    "patch_definition",
    {200: (shapes.DefinitionDetail, "The definition as it is now; instances keep the version they have.")},
    REFUSALS
    | {
        400: BAD_BODY,
        404: NO_DEFINITION,
        409: "Code registers a workflow of this slug, so it can't have a document (`slug_taken`).",
        412: "Someone saved another version since: read it again.",
        413: "The body is too large.",
        422: FAULTY,
    },
    body=shapes.DefinitionPatchRequest,
    headers={"ETag": [200]} | CHALLENGE,
    sent={"If-Match": "The version the change was made from: `version`, or the ETag, of what was read."},
)
LIST_VERSIONS = operation(
    "list_definition_versions",
    {200: (shapes.DefinitionVersionPage, "A page of its versions; of a workflow in code there are none.")},
    REFUSALS | {400: BAD_QUERY, 404: NO_DEFINITION},
    query=shapes.VersionsQuery,
    headers=CHALLENGE,
)
