# SPDX-License-Identifier: Apache-2.0
"""The log as JSON lines, each of them held against the schema that is shipped."""
import json

import jsonschema
from daemon import ROOT

SCHEMA = json.loads((ROOT / "etc" / "openapi" / "log-line.json").read_text())
jsonschema.Draft202012Validator.check_schema(SCHEMA)
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)


def read(text):
    """Every line of a text; one that is no JSON, or not of the schema, fails."""
    lines = [json.loads(line) for line in text.splitlines()]
    for line in lines:
        VALIDATOR.validate(line)
    return lines


def requests(lines):
    return [line for line in lines if line["message"] == "request"]
