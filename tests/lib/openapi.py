# SPDX-License-Identifier: Apache-2.0
"""An OpenAPI 3.1 document: is it one, and does an answer fit what it promises?

Checks what our documents use of the specification; schemas are JSON Schema 2020-12."""
import re

import jsonschema
import yaml

METHODS = {"get", "put", "post", "delete", "options", "head", "patch", "trace"}
TOP = {"openapi", "jsonSchemaDialect", "info", "servers", "security", "paths", "components"}
PARTS = {"schemas", "responses", "parameters", "securitySchemes"}
VALIDATOR = jsonschema.Draft202012Validator


def walk(node, path="#"):
    """Every mapping in the document, with its JSON pointer."""
    if isinstance(node, dict):
        yield path, node
        for key, value in node.items():
            yield from walk(value, f"{path}/{str(key).replace('~', '~0').replace('/', '~1')}")
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from walk(value, f"{path}/{index}")


class Document:
    def __init__(self, path):
        self.tree = yaml.load(path.read_text(), Loader=StrictLoader)

    # ---- references ----

    def find(self, reference):
        assert reference.startswith("#/"), f"{reference}: not in this document"
        node = self.tree
        for part in reference[2:].split("/"):
            node = node[part.replace("~1", "/").replace("~0", "~")]
        return node

    def resolved(self, node):
        while "$ref" in node:
            node = self.find(node["$ref"])
        return node

    def validator(self, schema):
        resolver = jsonschema.RefResolver("", self.tree)
        return VALIDATOR(schema, resolver=resolver, format_checker=jsonschema.FormatChecker())

    # ---- the document itself ----

    def faults(self):
        """What is wrong with the document, in words."""
        return list(self._faults())

    def _faults(self):
        tree = self.tree
        if not re.fullmatch(r"3\.1\.\d+", str(tree.get("openapi"))):
            yield "openapi: it is no 3.1.x"
        if not {"title", "version"} <= set(tree.get("info", {})):
            yield "info: it needs title and version"
        yield from (f"{key}: unknown" for key in set(tree) - TOP)
        yield from (f"components.{key}: unknown" for key in set(tree["components"]) - PARTS)
        yield from self._references()
        for name, schema in tree["components"]["schemas"].items():
            yield from self._schema(name, schema)
        yield from self._operations()

    def _references(self):
        used = set()
        for path, node in walk(self.tree):
            if "$ref" not in node:
                continue
            used.add(node["$ref"])
            try:
                self.find(node["$ref"])
            except KeyError:
                yield f"{path}: {node['$ref']} is not there"
        for part in ("schemas", "responses", "parameters"):
            for name in self.tree["components"].get(part, {}):
                if f"#/components/{part}/{name}" not in used:
                    yield f"components.{part}.{name}: nobody uses it"

    def _schema(self, name, schema):
        try:
            VALIDATOR.check_schema(schema)
        except jsonschema.SchemaError as error:
            yield f"components.schemas.{name}: {error.message}"
            return
        for example in schema.get("examples", []):
            for error in self.validator(schema).iter_errors(example):
                yield f"components.schemas.{name}: an example is wrong: {error.message}"

    def _operations(self):
        ids = []
        for path, item in self.tree["paths"].items():
            if not path.startswith("/"):
                yield f"{path}: a path begins with a slash"
            for method, operation in item.items():
                if method == "parameters":
                    continue
                if method not in METHODS:
                    yield f"{path}: {method} is no method"
                    continue
                ids.append(operation.get("operationId"))
                yield from self._operation(f"{method} {path}", item, operation)
        if len(set(ids)) != len(ids) or None in ids:
            yield "paths: each operation needs an operationId of its own"

    def _operation(self, where, item, operation):
        listed = item.get("parameters", []) + operation.get("parameters", [])
        given = [self.resolved(p) for p in listed]
        in_path = {p["name"] for p in given if p["in"] == "path" and p.get("required")}
        if in_path != set(re.findall(r"{(\w+)}", where)):
            yield f"{where}: its path parameters are {in_path}"
        known = self.tree["components"]["securitySchemes"]
        for way in operation.get("security", self.tree.get("security", [])):
            yield from (f"{where}: {name} is no security scheme" for name in set(way) - set(known))
        if not operation.get("responses"):
            yield f"{where}: it has no responses"
        for status, response in operation.get("responses", {}).items():
            if not isinstance(status, str) or not re.fullmatch(r"[1-5]\d\d|default", status):
                yield f"{where}: {status!r} is no status"
            if "description" not in self.resolved(response):
                yield f"{where}: {status} has no description"
        content = operation.get("requestBody", {}).get("content", {})
        for media in content.values():
            if "example" in media:
                for error in self.validator(media["schema"]).iter_errors(media["example"]):
                    yield f"{where}: its example is wrong: {error.message}"

    # ---- answers ----

    def check(self, method, path, answer):
        """Fails unless an answer is one that the document knows for this method of this path."""
        operation = self.tree["paths"][path][method]
        where = f"{method} {path}: {answer.status}"
        assert str(answer.status) in operation["responses"], f"{where} is not in the document"
        response = self.resolved(operation["responses"][str(answer.status)])
        for name, header in response.get("headers", {}).items():
            assert name in answer.headers, f"{where}: no {name}"
            value = answer.headers[name]
            if header["schema"]["type"] == "integer":
                value = int(value)
            self.validator(header["schema"]).validate(value)
        if "content" not in response:
            assert answer.body == b"", f"{where}: it has a body"
            return
        media = answer.headers["content-type"]
        assert media in response["content"], f"{where}: {media} is not in the document"
        self.validator(response["content"][media]["schema"]).validate(answer.json)


class StrictLoader(yaml.SafeLoader):
    """No key twice."""

    def construct_mapping(self, node, deep=False):
        keys = [key.value for key, _ in node.value]
        assert len(set(keys)) == len(keys), f"a key is given twice: {node.start_mark}"
        return super().construct_mapping(node, deep)
