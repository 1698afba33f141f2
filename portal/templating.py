"""Django's templates, in which a bare ``{{ number }}`` is written for machines: 0.5 in every language.

Most numbers that stand alone in our templates are coordinates, values of inputs and ``data-`` attributes, where a
decimal comma breaks the drawing or the form. A number for people goes through a filter that knows their language:
``energy``, ``power``, ``intcomma``, ``floatformat``, ``figure``.
"""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.template import TemplateDoesNotExist
from django.template.backends import django as engine
from django.template.context import make_context
from django.utils.safestring import SafeString


class Template(engine.Template):
    def render(self, context: dict[str, Any] | None = None, request: HttpRequest | None = None) -> SafeString:
        made = make_context(context, request, autoescape=self.backend.engine.autoescape)
        made.use_l10n = False
        try:
            return self.template.render(made)
        except TemplateDoesNotExist as missing:
            engine.reraise(missing, self.backend)
            raise


class DeskTemplates(engine.DjangoTemplates):
    def from_string(self, template_code: str) -> Template:
        return Template(self.engine.from_string(template_code), self)

    def get_template(self, template_name: str) -> Template:
        try:
            return Template(self.engine.get_template(template_name), self)
        except TemplateDoesNotExist as missing:
            engine.reraise(missing, self)
            raise
