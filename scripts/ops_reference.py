#!/usr/bin/env python3
"""Writes docs/ops.md: every entry of ops/ops.h, with a line of examples/ops_lines.cpp for each operation and what it prints.

    scripts/ops_reference.py [--programs build/bin] [--check]

Fails if an operation has no line, or a line names no operation. With --check nothing is written, and it fails if docs/ops.md differs.
"""

import argparse
import collections
import pathlib
import re
import subprocess
import sys
import textwrap

ROOT = pathlib.Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "ops.md"
SECTION = re.compile(r"^// --- (.*?) -+$")
# The name of an operation, in the first line of its declaration.
OPERATION = re.compile(r"^(?:inline )?(?:Tensor|Tensors|TopK) (\w+|operator.)\(")
TYPE = re.compile(r"^(?:struct|enum class) (\w+)")
ABOUT = """# Operations

Written by `scripts/ops_reference.py` from `ops/ops.h` and `examples/ops_lines.cpp`: edit those. Every line below ran; its result stands under it, rounded
to three decimals, as `std::cout << x` prints a tensor: elements, dtype, shape, device. `tensor`, `arange` and `full` make tensors (`tensor/creation.h`,
`tensor/tensor.h`). All names are in the namespace `osteon`.
"""

Entry = collections.namedtuple("Entry", "comment code operations types")


def comment_text(lines):
    return [line[2:].removeprefix(" ") for line in lines]


def declaration_end(lines, start):
    """The line behind a declaration or definition at the start of a line."""
    depth = 0
    for position in range(start, len(lines)):
        code = lines[position].split("//")[0]
        depth += sum(code.count(c) for c in "({") - sum(code.count(c) for c in ")}")
        if depth == 0 and re.search(r"[;}]\s*$", code):
            return position + 1
    sys.exit(f"ops_reference.py: ops/ops.h:{start + 1}: no end of this declaration")


def signature(lines):
    """Without `inline` and the body; a type as it is, without the notes for a linter."""
    if TYPE.match(lines[0]):
        return [line for line in lines if "NOLINT" not in line]
    text = "\n".join(lines).removeprefix("inline ")
    return (re.sub(r"\s*\{\s*return .*\}$", ";", text, flags=re.S)).split("\n")


def read_header(text):
    """[(title of the section, its introduction, entries)]; the first has no title."""
    lines = text.split("\n")
    start = next(i for i, line in enumerate(lines) if not line.startswith("//"))
    sections = [("", comment_text(lines[:start]), [])]
    position = next(i for i, line in enumerate(lines) if line.startswith("namespace osteon {")) + 1
    comment = []
    while position < len(lines):
        line = lines[position]
        title, entries = SECTION.match(line), sections[-1][2]
        if title:
            sections.append((title[1], [], []))
            comment = []
        elif line.startswith("//"):
            end = position
            while lines[end].startswith("//"):
                end += 1
            comment = comment_text(lines[position:end])
            position = end
            if not lines[position].strip():  # about the whole section
                sections[-1][1].extend([*comment, ""])
                comment = []
            elif lines[position].startswith("template"):  # how operations are made
                sections[-1][1].extend([*comment, ""])
                position = declaration_end(lines, position)
                comment = []
            else:
                entries.append(Entry(comment, [], [], []))
            continue
        elif not line.strip() or line.startswith("}"):
            comment = []
        else:
            if not comment and (position == 0 or not lines[position - 1].strip()):
                entries.append(Entry([], [], [], []))
            end = declaration_end(lines, position)
            operation, kind = OPERATION.match(line), TYPE.match(line)
            if operation and operation[1] not in entries[-1].operations:
                entries[-1].operations.append(operation[1])
            if kind:
                entries[-1].types.append(kind[1])
            entries[-1].code.extend(signature(lines[position:end]))
            position = end
            continue
        position += 1
    return sections


def escaped(text):
    """Prose for Markdown: code in backticks stays as it is."""
    parts = [part if i % 2 else re.sub(r"([\\<>*|$]|\](?=\())", r"\\\1", part) for i, part in enumerate(text.split("`"))]
    return re.sub(r"^([-+#])", r"\\\1", "`".join(parts))


def prose(comment):
    """A comment as Markdown: paragraphs, lists, and indented lines as code."""
    result, paragraph = [], []

    def end_paragraph():
        if paragraph:
            result.extend([*textwrap.wrap(escaped(" ".join(paragraph)), 158, break_long_words=False, break_on_hyphens=False), ""])
            paragraph.clear()

    position = 0
    while position < len(comment):
        line = comment[position]
        if line.startswith("  ") and not paragraph:
            end = position
            while end < len(comment) and (comment[end].startswith("  ") or not comment[end].strip() and end + 1 < len(comment) and
                                          comment[end + 1].startswith("  ")):
                end += 1
            result += ["```text", *textwrap.dedent("\n".join(comment[position:end])).split("\n"), "```", ""]
            position = end
            continue
        if line.startswith("* "):
            end = position + 1
            while end < len(comment) and comment[end].startswith("  "):
                end += 1
            end_paragraph()
            text = escaped(" ".join(part.strip() for part in [line[2:], *comment[position + 1:end]]))
            result += textwrap.wrap("* " + text, 158, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)
            position = end
            if position == len(comment) or not comment[position].startswith("* "):
                result.append("")
            continue
        if line.strip():
            paragraph.append(line.strip())
        else:
            end_paragraph()
        position += 1
    end_paragraph()
    return result


def run_lines(program):
    """{operation: [(source, result)]} and {name: definition} of the tensors that the lines use."""
    if not program.exists():
        sys.exit(f"ops_reference.py: {program} is missing; build the target example_ops_lines")
    output = subprocess.run([program], check=True, capture_output=True, text=True).stdout
    lines, given = collections.defaultdict(list), {}
    for block in re.split(r"^# ", output, flags=re.M)[1:]:
        head, result = block.split("\n", 1)
        operation, source = (part.strip() for part in head.split("#", 1))
        if operation:
            lines[operation].append((source, result.rstrip()))
        else:
            name, value = source.split(" = ", 1)
            given[name] = value
    return lines, given


def definitions(source, given):
    """The definitions that an expression needs, in order."""
    needed = set()

    def need(text):
        for name in set(re.findall(r"\b\w+\b", re.sub(r"\.\w+ =", "", text))) & given.keys() - needed:
            needed.add(name)
            need(given[name])
    need(source)
    return [f"const auto {name} = {value};" for name, value in given.items() if name in needed]


def wrapped(code):
    """A long line of code, broken behind commas."""
    return textwrap.wrap(code, 96, subsequent_indent="    ", break_long_words=False, break_on_hyphens=False)


def entry_page(entry, lines, given):
    """`lines` has the lines of each of the entry's operations."""
    names = entry.operations or entry.types
    page = ["### " + ", ".join(f"`{name}`" for name in names), "", "```cpp", *entry.code, "```", "", *prose(entry.comment)]
    for operation in entry.operations:
        for source, result in lines[operation]:
            code = [part for line in [*definitions(source, given), f"std::cout << {source};"] for part in wrapped(line)]
            page += ["```cpp", *code, "```", "", "```text", *result.split("\n"), "```", ""]
    return page


def anchor(text):
    """The anchor that a heading gets, on the repository's page and in the site."""
    return re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-")


def contents(sections):
    result, seen = [], set()
    for title, _, entries in sections:
        links = []
        for entry in entries:
            text = ", ".join(entry.operations)
            if text and "operator" not in text and text not in seen:
                links.append(f"[{text}](#{anchor(text)})".replace(" ", "\u00a0"))  # not broken
                seen.add(text)
        if links:
            text = f"* **{title.capitalize()}**: " + ", ".join(links)
            result += textwrap.wrap(text, 158, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)
    return [line.replace("\u00a0", " ") for line in result] + [""]


def lines_of_entries(sections, lines):
    """{identity of an entry: {operation: lines}}: an operation in several entries has at least one line for each."""
    waiting = {name: list(entries) for name, entries in lines.items()}
    places = collections.Counter(name for _, _, entries in sections for entry in entries for name in entry.operations)
    result = {}
    for entry in (entry for _, _, entries in sections for entry in entries):
        result[id(entry)] = {}
        for name in entry.operations:
            places[name] -= 1
            count = 1 if places[name] else len(waiting.get(name, []))
            result[id(entry)][name], waiting[name] = waiting.get(name, [])[:count], waiting.get(name, [])[count:]
    return result


def write_page(sections, lines, given):
    page = [*ABOUT.split("\n"), *contents(sections), "## Rules for all", "", *prose(sections[0][1][2:])]
    for title, introduction, entries in sections:
        page += [f"## {title.capitalize()}", "", *prose(introduction)] if title else []
        for entry in entries:
            page += entry_page(entry, lines[id(entry)], given)
    return "\n".join(page).rstrip() + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--programs", type=pathlib.Path, default=ROOT / "build" / "bin")
    parser.add_argument("--check", action="store_true", help="write nothing; fail if docs/ops.md would change")
    options = parser.parse_args()
    sections = read_header((ROOT / "ops" / "ops.h").read_text(encoding="utf-8"))
    lines, given = run_lines(options.programs / "examples" / "ops_lines")
    operations = {name for _, _, entries in sections for entry in entries for name in entry.operations}
    faults = [f"{name} of ops/ops.h has no line in examples/ops_lines.cpp" for name in sorted(operations - lines.keys())]
    faults += [f"the line {name} of examples/ops_lines.cpp names no operation of ops/ops.h" for name in sorted(lines.keys() - operations)]
    faults += [f"the line {name} does not call it: {source}" for name, entries in lines.items() for source, _ in entries
               if name.removeprefix("operator") not in source]
    of_entries = lines_of_entries(sections, lines)
    faults += [f"an entry of {name} in ops/ops.h has no line in examples/ops_lines.cpp; each entry takes one" for found in of_entries.values()
               for name, entry_lines in found.items() if not entry_lines and name in lines]
    page = write_page(sections, of_entries, given)
    if options.check and not faults and PAGE.read_text(encoding="utf-8") != page:
        faults.append("docs/ops.md is out of date: run scripts/ops_reference.py")
    for fault in faults:
        print(fault)
    if not options.check and not faults:
        PAGE.write_text(page, encoding="utf-8")
    print(f"{len(operations)} operations, {sum(map(len, lines.values()))} lines")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
