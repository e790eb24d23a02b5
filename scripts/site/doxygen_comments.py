"""Gives the comments of a header the form that Doxygen reads.

Our comments are plain `//`. A comment that stands directly over a declaration becomes `///`, one behind a member `///<`, and the first
comment of the file describes the file. A comment over several declarations is repeated for each. Indented lines are formulas or code.
"""

import re

COMMENT = re.compile(r"^(\s*)//(.*)$")
TRAILING = re.compile(r"^(.*\S)(\s+)// (.*)$")
IGNORED = re.compile(r"^\s*(NOLINT|---|=|\[)")
SECTION = re.compile(r"^// --- (.*?) -+$")
SCOPE = re.compile(r"^\s*(template\s*<.*>\s*)?(namespace|struct|class|enum|union|extern)\b")
ACCESS = re.compile(r"^\s*(public|protected|private):")


def escaped(text):
    """Text without Doxygen's commands, and code between backticks as code."""
    parts = []
    for index, part in enumerate(text.split("`")):
        part = re.sub(r"([\\@&$#<>%])", r"\\\1", part).replace("::", r"\::")
        parts.append(f"<tt>{part}</tt>" if index % 2 else part)
    return "".join(parts)


def converted(lines):
    """The lines of a comment, without `//`, in Doxygen's notation."""
    result, verbatim, paragraph = [], False, []

    def end_paragraph():
        result.extend(escaped("\n".join(paragraph)).split("\n") if paragraph else [])
        paragraph.clear()

    for index, line in enumerate(lines):
        indented = line.startswith("  ")
        blank_before = index == 0 or not lines[index - 1].strip()
        if indented and not verbatim and blank_before:
            end_paragraph()
            result.append("@verbatim")
            verbatim = True
        elif verbatim and line.strip() and not indented:
            result.append("@endverbatim")
            verbatim = False
        if verbatim:
            result.append(line[2:])
        else:
            paragraph.append(re.sub(r"^ ?\* ", "- ", line) if re.match(r"^ ?\* ", line) else line)
    end_paragraph()
    return result + ["@endverbatim"] * verbatim


class Filter:
    def __init__(self, lines):
        self.lines = lines
        self.scopes = []  # of each open brace: namespace or class, or empty for code
        self.output = []
        self.statement = ""  # the declaration so far
        self.comment = None  # of the declarations that follow

    def comment_block(self, start):
        end = start
        while end < len(self.lines) and COMMENT.match(self.lines[end]):
            end += 1
        return end

    def in_declarations(self):
        return all(self.scopes)

    def emit(self, comment, indent):
        for line in comment:
            self.output.append(f"{indent}/// {line}".rstrip())

    def run(self):
        end = self.comment_block(0)
        if end:
            self.emit(["@file", *converted([line[2:].removeprefix(" ") for line in self.lines[:end]])], "")
        position = end
        while position < len(self.lines):
            position = self.step(position)
        return self.output

    def step(self, position):
        line = self.lines[position]
        match = COMMENT.match(line)
        if match and self.in_declarations() and not self.statement:
            end = self.comment_block(position)
            texts = [COMMENT.match(text)[2] for text in self.lines[position:end]]
            texts = [text.removeprefix(" ") for text in texts if not IGNORED.match(text)]
            self.output += [text for text in self.lines[position:end] if SECTION.match(text)]
            if texts and end < len(self.lines) and self.lines[end].strip() and not ACCESS.match(self.lines[end]):
                self.comment = converted(texts)
            return end
        if not line.strip() or ACCESS.match(line) or line.startswith("#"):
            self.comment = None
            self.output.append(line)
            while line.startswith("#") and line.endswith("\\"):
                position += 1
                line = self.lines[position]
                self.output.append(line)
            return position + 1
        return self.declaration(position)

    def declaration(self, position):
        line, behind = self.lines[position], None
        trailing = TRAILING.match(line)
        if trailing and self.in_declarations():
            line, behind = trailing[1], [trailing[3]]
            column = len(trailing[1] + trailing[2])
            while position + 1 < len(self.lines):
                more = COMMENT.match(self.lines[position + 1])
                if not more or len(more[1]) != column:
                    break
                behind.append(more[2].removeprefix(" "))
                position += 1
            if "NOLINT" in behind[0]:
                behind = None
        indent = re.match(r"\s*", line)[0]
        if not self.statement and self.comment and self.in_declarations() and not line.strip().startswith("}"):
            self.emit(self.comment, indent)
        self.output.append(line)
        if behind:
            member = not SCOPE.match(line) or line.rstrip().endswith(";")
            self.output += [f"{indent}///< {text}" for text in converted(behind)] if member else []
        self.count(line)
        return position + 1

    def count(self, line):
        code = re.sub(r'"(\\.|[^"\\])*"|\'(\\.|[^\'\\])\'', '""', line)
        self.statement += code + " "
        for character in code:
            if character == "{":
                scope = SCOPE.match(self.statement.strip())
                is_code = not scope or "(" in self.statement.split("{")[0]
                self.scopes.append("" if is_code else "namespace" if scope[2] in ("namespace", "extern") else "class")
                if self.scopes[-1]:
                    self.statement, self.comment = "", None
            elif character == "}":
                if self.scopes and self.scopes.pop():
                    self.statement = ""
        stripped = code.rstrip()
        if self.in_declarations() and (stripped.endswith((";", "}", ",")) and self.statement.count("(") == self.statement.count(")")):
            if not stripped.endswith(",") or "(" not in self.statement:
                self.statement = ""
                if self.scopes and self.scopes[-1] == "class":
                    self.comment = None  # only functions of a namespace share a comment


def filtered(text):
    """The text of a header for Doxygen."""
    return "\n".join(Filter(text.split("\n")).run())
