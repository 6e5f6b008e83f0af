"""For mkdocs: the pages link to files of the checkout, which the site does not have; there such a link becomes the file's path."""

import re

OUTSIDE = re.compile(r"\[([^\]]*)\]\(\.\./([^)\s]+)\)")


def on_page_markdown(markdown, **_):
    def path_of(match):
        text, path = match.groups()
        return f"`{path}`" if text in (path, path.rpartition("/")[2]) else f"{text} (`{path}`)"

    return OUTSIDE.sub(path_of, markdown)
